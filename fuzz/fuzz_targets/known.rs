//! Files of which only the server's prefix is known, which may be another's.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pglog_fuzz::{Input, check};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::of(data) else { return };
    let options = input.options();
    check(input, &options);
});
