//! Any bytes as a text as the value of a field: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::field_value(data));
