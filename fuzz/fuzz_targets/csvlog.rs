//! Logs in the csvlog format.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pglog::{Format, ParserOptions};
use pglog_fuzz::{Input, check};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::of(data) else { return };
    let options = ParserOptions {
        format: Some(Format::Csvlog),
        limits: input.limits(),
        ..ParserOptions::default()
    };
    check(input, &options);
});
