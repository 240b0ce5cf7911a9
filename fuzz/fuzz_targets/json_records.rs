//! Any text as JSON with records inside: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::json_records(data));
