//! Any bytes as a channel, a template, quiet hours: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::notifier_url(data));
