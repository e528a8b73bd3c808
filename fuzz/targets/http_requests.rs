#![no_main]
#![expect(missing_docs, reason = "documented in vinr_fuzz::TARGETS")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vinr_fuzz::run("http_requests", data));
