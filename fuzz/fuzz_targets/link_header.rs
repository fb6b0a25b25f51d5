#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livelist_fuzz::link_header(data));
