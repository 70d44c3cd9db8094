//! Files longer than what the parser holds at once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pglog_fuzz::{Input, check};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::of(data) else { return };
    let options = input.options();
    let log = input.long_log();
    check(input.with_log(&log), &options);
});
