//! Logs that went through syslog, with a prefix that is known or not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pglog::{Format, ParserOptions, Precision, Timestamp};
use pglog_fuzz::{Input, check};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::of(data) else { return };
    let options = ParserOptions {
        format: Some(Format::Syslog),
        log_line_prefix: input.log_line_prefix(),
        not_after: Some(Timestamp::from_micros(1_795_500_000_000_000, Precision::Seconds)),
        limits: input.limits(),
        ..ParserOptions::default()
    };
    check(input, &options);
});
