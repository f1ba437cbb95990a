//! A request's body: the API and the version are chosen by the first two bytes.
#![no_main]

use kastellan_fuzz::{request, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::requests()), |data: &[u8]| {
    if let [api, version, body @ ..] = data {
        let (api, version) = request::chosen(*api, *version);
        request::decode(api, version, body);
    }
});
