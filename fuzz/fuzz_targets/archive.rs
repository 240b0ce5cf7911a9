//! Any bytes as an archive: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::archive(data));
