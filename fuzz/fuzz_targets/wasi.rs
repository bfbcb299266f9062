#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cmabi_fuzz::wasi::run(data));
