//! Any text as lines of fixed width: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::fixed_width(data));
