//! Replies of a service, for libFuzzer; what must hold is in `skylift_fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| skylift_fuzz::replies(input));
