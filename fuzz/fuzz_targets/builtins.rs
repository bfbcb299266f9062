#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cmabi_fuzz::builtins::run(data));
