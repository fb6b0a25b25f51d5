#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| livelist_fuzz::encoded_page(data));
