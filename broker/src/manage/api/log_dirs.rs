//! `GET /v1/log-dirs`: the log directories of this broker, and what is in them.

use hyper::StatusCode;
use serde::Serialize;

use super::{Api, Refusal, json};
use crate::{
    log_dirs::LogDir,
    manage::{
        http::Answer,
        metrics::{Contents, contents},
    },
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDirs {
    log_dirs: Vec<Described>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    path: String,
    id: Option<String>,
    /// `Online` or `Offline`.
    state: &'static str,
    /// Why it is offline.
    error: Option<String>,
    total_bytes: Option<u64>,
    usable_bytes: Option<u64>,
    logs: usize,
    logs_bytes: i64,
}

pub(super) fn get(api: &Api) -> Result<Answer, Refusal> {
    api.ask(|broker| {
        let by_dir = contents(broker);
        let dirs = broker.partitions.dirs();
        let of = |dir: &LogDir| by_dir.get(&dir.place()).copied().unwrap_or_default();
        let mut log_dirs: Vec<_> = dirs.open().iter().map(|dir| open(dir, of(dir))).collect();
        log_dirs.extend(dirs.broken().iter().map(|dir| Described {
            path: dir.path.display().to_string(),
            id: None,
            state: "Offline",
            error: Some(dir.why.clone()),
            total_bytes: None,
            usable_bytes: None,
            logs: 0,
            logs_bytes: 0,
        }));
        json(StatusCode::OK, &LogDirs { log_dirs })
    })
}

fn open(dir: &LogDir, contents: Contents) -> Described {
    let space = dir.space().ok();
    let failed = dir.failed().map(str::to_owned);
    Described {
        path: dir.path().display().to_string(),
        id: Some(kastellan_core::id::uuid_to_text(dir.id())),
        state: if failed.is_none() { "Online" } else { "Offline" },
        error: failed,
        total_bytes: space.as_ref().map(|space| space.total),
        usable_bytes: space.as_ref().map(|space| space.usable),
        logs: contents.logs,
        logs_bytes: contents.bytes,
    }
}
