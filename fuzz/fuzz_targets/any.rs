//! Files of which nothing is known: in any format, wrapped or not, a log or not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pglog::ParserOptions;
use pglog_fuzz::{Input, check};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::of(data) else { return };
    let options = ParserOptions { limits: input.limits(), ..ParserOptions::default() };
    check(input, &options);
});
