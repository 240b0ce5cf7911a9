//! Any bytes as an answer of a SOAP service: what is promised stands in fuzz/targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_collector::fuzzing::soap_answer(data));
