//! The end of stdin, as a sign that whoever started this process is gone.
//!
//! A pipe closes with its writer however the writer ended, kill -9 included; no signal handler and
//! no polling can promise that.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;

use tokio::net::unix::pipe::Receiver;

use crate::failure::Failure;

/// A future that is done when stdin ends; never, when nobody asked for it.
pub(super) fn end(wanted: bool) -> Result<impl Future<Output = ()>, Failure> {
    let pipe = if wanted { Some(open()?) } else { None };
    Ok(async move {
        match pipe {
            Some(pipe) => drained(&pipe).await,
            None => std::future::pending().await,
        }
    })
}

fn open() -> Result<Receiver, Failure> {
    let stdin = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|why| Failure::new(format!("--exit-with-stdin: open stdin: {why}")))?;
    Receiver::from_owned_fd(stdin).map_err(|why| {
        Failure::usage(format!("--exit-with-stdin: stdin is not a pipe: {why}"))
            .help("start the broker with a pipe on stdin, or leave the option out")
    })
}

/// Reads and forgets until there is nothing more to come.
async fn drained(pipe: &Receiver) {
    let mut rest = [0; 64];
    loop {
        if pipe.readable().await.is_err() {
            return;
        }
        match pipe.try_read(&mut rest) {
            Ok(1..) => {}
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => return,
        }
    }
}
