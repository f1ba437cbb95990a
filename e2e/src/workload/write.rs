//! Writers.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use super::client::{Client, PATIENCE};
use super::{Writing, asks};
use crate::batch::Batch;
use crate::history::{Sent, Value, What};
use crate::process::pause;
use crate::wire::{PRODUCE, produce, produced};

/// What came of one attempt.
enum Attempt {
    Done(Sent),
    /// Nothing was written, and another broker may take it.
    Refused(i16),
    /// Nobody knows.
    Unknown,
}

/// Writes one batch after the other, until it is stopped.
pub(super) fn write(mut client: Client, writing: Writing) -> Result<()> {
    let mut producer = None;
    let (mut number, mut attempts) = (0, 0);
    while !client.is_done() {
        if writing.idempotent && producer.is_none() {
            match client.leader().and_then(asks::producer) {
                Ok(known) => producer = Some(known),
                Err(why) => client.lost(why),
            }
            continue;
        }
        let numbers = number..number + writing.batch;
        number += writing.batch;
        let (process, partition) = (client.process, client.partition);
        let values: Vec<Value> =
            numbers.clone().map(|number| Value { partition, process, number }).collect();
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut batch = Batch::of(0, &texts);
        if let Some((id, epoch)) = producer {
            batch = batch.by_producer(id, epoch, i32::try_from(numbers.start)?);
        }
        let (batch, begun) = (batch.encode(), client.now());
        // only a batch of which no attempt may have arrived was refused
        let mut unknown = false;
        let sent = loop {
            attempts += 1;
            let lose = writing.lose.is_some_and(|each| attempts % each == 0);
            let attempt = attempt(&mut client, &batch, writing.acks, lose)?;
            let again = writing.idempotent || lose;
            match attempt {
                Attempt::Done(sent) => break sent,
                Attempt::Refused(code) if !again && !unknown => break Sent::Refused(code),
                Attempt::Refused(_) => {}
                Attempt::Unknown => unknown = true,
            }
            // whoever is stopped while nobody leads has no answer to wait for
            if !again || (client.is_done() && !client.may_finish()) {
                break Sent::Unknown;
            }
        };
        client.note(begun, What::Send { values, sent });
        let since = Instant::now();
        while since.elapsed() < writing.pause {
            pause();
        }
    }
    Ok(())
}

fn attempt(client: &mut Client, batch: &[u8], acks: i16, lose: bool) -> Result<Attempt> {
    let request = produce(&client.topic, client.partition, batch.to_vec());
    let patience = i32::try_from(PATIENCE.as_millis())?;
    let request = request.with_acks(acks).with_timeout_ms(patience / 2);
    let wire = match client.leader() {
        Ok(wire) => wire,
        Err(why) => {
            client.lost(why);
            return Ok(Attempt::Refused(-1));
        }
    };
    if lose {
        // the broker has got it, and its answer comes to nobody
        drop(wire.ask(PRODUCE, &request));
        client.forget();
        return Ok(Attempt::Unknown);
    }
    let answer = match wire.call(PRODUCE, &request) {
        Ok(answer) => answer,
        Err(why) => {
            client.lost(why);
            return Ok(Attempt::Unknown);
        }
    };
    let code = match produced(&answer).context("an answer without the partition")? {
        Ok(offset) if offset < 0 => return Ok(Attempt::Done(Sent::Somewhere)),
        Ok(offset) => return Ok(Attempt::Done(Sent::At(offset))),
        Err(code) => code,
    };
    client.lost(anyhow!("a batch is answered with {code}"));
    match code {
        46 => Ok(Attempt::Done(Sent::Somewhere)),
        // no such partition yet, no leader, another leader, too few in sync, no storage
        3 | 5 | 6 | 9 | 19 | 56 => Ok(Attempt::Refused(code)),
        // not in time, too few in sync by now
        7 | 20 => Ok(Attempt::Unknown),
        // a client takes these for the end of its producer
        code => bail!("partition {} refused a batch with {code}", client.partition),
    }
}
