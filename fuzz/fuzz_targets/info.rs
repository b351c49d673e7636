#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nats_core::fuzzing::info(data));
