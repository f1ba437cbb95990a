//! Watches: what happened, as lines, as long as somebody listens.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use super::path::Path;
use super::{Answer, Server};

/// After which a watch ends and has to be begun anew.
const LONGEST: Duration = Duration::from_secs(290);

/// What happens from now on to objects of one kind.
pub(super) fn watch(server: &Server, path: &Path) -> Answer {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let (server, mut after) = (server.clone(), path.after());
    let path = path.clone();
    tokio::spawn(async move {
        let mut changed = server.changed.subscribe();
        let end = tokio::time::sleep(LONGEST);
        tokio::pin!(end);
        loop {
            for line in lines(&server, &path, &mut after) {
                if sender.send(line).is_err() {
                    return;
                }
            }
            tokio::select! {
                result = changed.changed() => if result.is_err() { return },
                () = &mut end => return,
                () = sender.closed() => return,
            }
        }
    });
    let stream = futures::stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, std::io::Error>(Frame::data(bytes)), receiver))
    });
    Response::new(StreamBody::new(stream).boxed_unsync())
}

fn lines(server: &Server, path: &Path, after: &mut u64) -> Vec<Bytes> {
    let unreliable = *server.unreliable.lock().unwrap();
    let state = server.state.lock().unwrap();
    let mut lines = Vec::new();
    let begin = state.log.partition_point(|(version, ..)| *version <= *after);
    for (version, how, (resource, _), object) in &state.log[begin..] {
        if *resource != path.resource || !path.selects(object) {
            continue;
        }
        let line = json!({ "type": how, "object": object }).to_string() + "\n";
        // some are told twice, some never
        let times = match unreliable.map(|by| version % by) {
            Some(0) => 0,
            Some(1) => 2,
            _ => 1,
        };
        lines.extend(std::iter::repeat_n(Bytes::from(line), times));
    }
    *after = state.log.last().map_or(*after, |(version, ..)| *version);
    lines
}
