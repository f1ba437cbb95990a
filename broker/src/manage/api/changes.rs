//! `GET /v1/changes?after=OFFSET&waitMs=30000`: what has changed in the metadata, as soon as it
//! has.

use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::{Api, Refusal, json, not_running, parameters};
use crate::manage::{changes, http::Answer};

/// How long a question waits where it does not say.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a question may wait.
pub(in crate::manage) const MOST: Duration = Duration::from_mins(1);

#[derive(Serialize)]
struct Told {
    offset: i64,
    changes: Vec<changes::Change>,
}

pub(super) async fn get(api: &Api, query: &str) -> Result<Answer, Refusal> {
    let [after, wait] = parameters(query, ["after", "waitMs"])?;
    let patience = wait.map_or(Ok(PATIENCE), |wait| {
        let most = u64::try_from(MOST.as_millis()).unwrap_or(u64::MAX);
        let wait = wait.parse().ok().filter(|wait: &u64| *wait <= most);
        let wrong = || Refusal::invalid(format!("waitMs: write milliseconds, 0 to {most}"));
        wait.map(Duration::from_millis).ok_or_else(wrong)
    })?;
    let feed = api.feed.get().ok_or_else(|| not_running(&api.health))?;
    let Some(after) = after else {
        return Ok(told(feed.upto(), Vec::new()));
    };
    let after: i64 = after.parse().map_err(|why| {
        Refusal::invalid(format!("after: {why}: write an offset of the metadata"))
    })?;
    let deadline = Instant::now() + patience;
    let (mut news, mut stops) = (feed.news(), api.health.stops());
    loop {
        // seen before the look, so that no change is missed in between
        news.borrow_and_update();
        let (upto, changes) = feed.after(after).map_err(|changes::Gone| gone(feed.upto()))?;
        if !changes.is_empty() || *stops.borrow_and_update() {
            return Ok(told(upto, changes));
        }
        let event = async {
            tokio::select! {
                new = news.changed() => new.is_ok(),
                stop = stops.changed() => stop.is_ok(),
            }
        };
        if !matches!(timeout_at(deadline, event).await, Ok(true)) {
            return Ok(told(upto, changes));
        }
    }
}

fn told(offset: i64, changes: Vec<changes::Change>) -> Answer {
    json(StatusCode::OK, &Told { offset, changes })
}

fn gone(upto: i64) -> Refusal {
    let message = format!(
        "changes after that offset are not known here: ask without `after` (it would answer {upto} \
         now), list everything, and go on from there"
    );
    Refusal::new(StatusCode::GONE, "Gone", message)
}
