//! Many who begin and never end: a byte now and then, before anybody knows who they are.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::process::pause;
use kastellan_e2e::wire::Wire;

use super::stage::{PASSWORD, Stage};

/// Connections that are open at a time, of four addresses: each may have 1,000 that have not logged
/// in.
const SLOW: usize = 2_000;
/// How often each of them sends a byte.
const BYTE: Duration = Duration::from_secs(1);
/// What one of them may cost: what a connection may that does nothing.
const EACH: u64 = 20 << 10;
const MIB: u64 = 1 << 20;

/// How long the broker gives a login, in [`Stage::with_logins`] and [`Stage::under_tls`].
const LOGIN: Duration = Duration::from_secs(3);
/// What a busy machine takes to notice.
const LATE: Duration = Duration::from_secs(7);
/// The longest that somebody waits who does nothing wrong, on a machine that does other things.
const WAIT: Duration = Duration::from_secs(1);

/// How somebody finds the broker who does nothing wrong.
pub(crate) type Visit = fn(&mut Stage) -> Result<()>;

/// Opens the connections, sends `bytes` of a beginning on each, one at a time, and looks how long
/// they stay, what they cost, and how somebody fares meanwhile who does nothing wrong.
pub(crate) fn besiege(stage: &mut Stage, bytes: &[u8], visit: Visit) -> Result<()> {
    visit(stage).context("before")?;
    let before = stage.forget_peak()?;
    let began = Instant::now();
    let mut open = Vec::new();
    for at in 0..SLOW {
        let from = [127, 0, 0, u8::try_from(2 + at % 4)?];
        open.push((stage.wire_from(from)?, Instant::now()));
    }
    let (mut next, mut longest, mut sent) = (Instant::now(), Duration::ZERO, 0);
    let mut left = bytes.iter();
    while !open.is_empty() {
        if next <= Instant::now() {
            let byte = left.next().context("a login took longer than its beginning")?;
            for (wire, _) in &mut open {
                wire.send_raw(&[*byte])?;
            }
            (next, sent) = (next + BYTE, sent + open.len());
        }
        let mut still = Vec::new();
        for (mut wire, since) in open {
            if !wire.is_over()? {
                ensure!(since.elapsed() < LOGIN + LATE, "one is open for {:?}", since.elapsed());
                still.push((wire, since));
            }
        }
        open = still;
        let asked = Instant::now();
        visit(stage).context("somebody who does nothing wrong")?;
        longest = longest.max(asked.elapsed());
        pause();
    }
    let (grown, count) = (stage.peak()?.saturating_sub(before), u64::try_from(SLOW)?);
    ensure!(began.elapsed() >= LOGIN, "they were not let in: this judges nothing");
    ensure!(sent >= SLOW * 2, "only {sent} bytes were sent: this judges nothing");
    ensure!(grown <= count * EACH + MIB, "{count} of them made it grow by {grown}");
    ensure!(longest <= WAIT, "somebody who does nothing wrong waited {longest:?}");
    Ok(())
}

/// The beginning of a TLS handshake: the first message of a client, of which there are 512 bytes.
pub(crate) fn hello() -> Vec<u8> {
    [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 501]].concat()
}

/// The beginning of a request for the versions, of which there are 60,000 bytes.
pub(crate) fn request() -> Vec<u8> {
    [&60_000_i32.to_be_bytes()[..], &[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0], &[0; 60]].concat()
}

/// Somebody with a password, who has a connection of its own each time.
pub(crate) fn with_password(stage: &mut Stage) -> Result<()> {
    let mut wire: Wire = stage.wire()?;
    wire.log_in("alice", PASSWORD)
}

/// Somebody who speaks TLS.
pub(crate) fn under_tls(stage: &mut Stage) -> Result<()> {
    stage.shake()
}
