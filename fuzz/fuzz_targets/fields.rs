//! Any bytes as a configuration of fields and a document: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::fields(data));
