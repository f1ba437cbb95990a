//! A connection's first bytes: frame size, header, then whatever body the header announces.
#![no_main]

use kastellan_fuzz::{bounded, request, seeds};
use kastellan_protocol::{frame, header};

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::frames()), |data: &[u8]| {
    let limits = frame::Limits::default();
    // the size is asked for again as bytes arrive: an answer never changes
    let mut known = None;
    for have in 4..data.len().min(16) {
        match bounded("size", 0, || frame::body_len(&data[..have], &limits)) {
            Ok(None) => assert_eq!(known, None),
            Ok(Some(len)) => {
                assert!(known.is_none_or(|known| known == len));
                known = Some(len);
            }
            Err(_) => return,
        }
    }
    let Some(frame) = data.get(4..) else { return };
    let Ok((header, len)) = bounded("header", frame.len(), || header::decode(frame)) else {
        return;
    };
    let body = &frame[len..];
    let api = request::apis().position(|(key, _)| Some(key) == header.api());
    if let Some(api) = api {
        request::decode(api, header.api_version, body);
    }
});
