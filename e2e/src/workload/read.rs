//! Readers, and who asks where a partition ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::asks;
use super::client::Client;
use crate::history::{Value, What};
use crate::process::pause;

/// A reader begins anew from the committed offset after so many reads, as another member of its
/// group would.
const TERM: u32 = 40;
/// It commits where it is after so many.
const COMMITS: u32 = 4;

/// What a fetch brought, as values.
fn values(fetched: asks::Fetched) -> Result<Vec<(i64, Value)>> {
    let parse = |(offset, bytes): (i64, Vec<u8>)| {
        let value = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        Ok((offset, value.with_context(|| format!("at {offset} is none of ours: {bytes:?}"))?))
    };
    fetched.into_iter().map(parse).collect()
}

/// Reads and commits, as one member of a group after the other.
pub(super) fn read(mut client: Client) -> Result<()> {
    while !client.is_done() {
        let Some(mut position) = resume(&mut client) else { continue };
        for turn in 1..=TERM {
            if client.is_done() {
                return Ok(());
            }
            position = fetch(&mut client, position)?;
            if turn % COMMITS == 0 {
                commit(&mut client, position);
            }
        }
    }
    Ok(())
}

/// Where the group has got to; `None` where nobody says.
fn resume(client: &mut Client) -> Option<i64> {
    client.forget();
    let (topic, partition, begun) = (client.topic.clone(), client.partition, client.now());
    let asked = client.coordinator().and_then(|wire| asks::committed(wire, &topic, partition));
    client.forget();
    let Ok(Ok(offset)) = asked else { return None };
    client.note(begun, What::Committed(offset));
    Some(offset.max(0))
}

fn fetch(client: &mut Client, from: i64) -> Result<i64> {
    let (topic, partition, begun) = (client.topic.clone(), client.partition, client.now());
    let fetched = client.leader().and_then(|wire| asks::fetch(wire, (&topic, partition), from));
    let Ok(Ok(fetched)) = fetched else {
        // where the log ends before what was read, records are gone: the judge will see that
        client.forget();
        return Ok(from);
    };
    let records = values(fetched)?;
    let next = records.last().map_or(from, |(offset, _)| offset + 1);
    client.note(begun, What::Read { from, records });
    Ok(next)
}

fn commit(client: &mut Client, offset: i64) {
    client.forget();
    let (topic, partition, begun) = (client.topic.clone(), client.partition, client.now());
    let asked =
        client.coordinator().and_then(|wire| asks::commit(wire, (&topic, partition), offset));
    client.forget();
    let acknowledged = asked.is_ok_and(|code| code == 0);
    client.note(begun, What::Commit { offset, acknowledged });
}

/// Asks again and again where the partition ends.
pub(super) fn watch(mut client: Client) {
    while !client.is_done() {
        let (topic, partition, begun) = (client.topic.clone(), client.partition, client.now());
        match client.leader().and_then(|wire| asks::end(wire, &topic, partition)) {
            Ok(Ok(end)) => client.note(begun, What::End(end)),
            Ok(Err(_)) | Err(_) => client.forget(),
        }
        for _ in 0..4 {
            pause();
        }
    }
}

/// All records, from the first to the end as whoever leads has it; tried for `limit`.
pub(super) fn all(client: &mut Client, limit: Duration) -> Result<Vec<(i64, Value)>> {
    let (topic, partition, begun) = (client.topic.clone(), client.partition, Instant::now());
    let mut records = Vec::new();
    loop {
        let next = records.last().map_or(0, |(offset, _)| offset + 1);
        let read = client.leader().and_then(|wire| {
            let end = asks::end(wire, &topic, partition)?;
            Ok((end, asks::fetch(wire, (&topic, partition), next)?))
        });
        match read {
            Ok((Ok(end), _)) if end == next => return Ok(records),
            Ok((Ok(_), Ok(fetched))) => records.extend(values(fetched)?),
            other => {
                client.forget();
                ensure!(begun.elapsed() < limit, "{topic}-{partition} cannot be read: {other:?}");
            }
        }
        ensure!(begun.elapsed() < limit, "{topic}-{partition} was not read in time");
    }
}
