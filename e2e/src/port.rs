//! Free loopback ports.
//!
//! The ports come from 25000-29999, below the range the kernel gives to outgoing connections, so
//! that a port found free here is still free when the broker binds it a moment later.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

const FIRST: u32 = 25_000;
const COUNT: u32 = 5_000;
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback port that nothing listens on. Each call of one process answers another port;
/// processes start at different places.
pub fn free() -> Result<u16> {
    for _ in 0..COUNT {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = std::process::id().wrapping_mul(37);
        let port = u16::try_from(FIRST + start.wrapping_add(turn) % COUNT)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of {FIRST}-{} is free on 127.0.0.1", FIRST + COUNT - 1)
}
