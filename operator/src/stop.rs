//! SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Listens for both signals from the moment it is made, so that none is lost while starting.
#[derive(Debug)]
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Replaces the default action of both signals, which is to die.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let on =
            |kind| signal(kind).map_err(|why| Failure::new(format!("listen for signals: {why}")));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal; may be dropped and asked again.
    pub(crate) async fn asked(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked { signal: "SIGTERM", code: 143 },
            _ = self.interrupt.recv() => Asked { signal: "SIGINT", code: 130 },
        }
    }

    /// From now on a signal ends the process at once, with the code a shell gives for it.
    pub(crate) fn at_once_from_now_on(mut self) {
        tokio::spawn(async move {
            self.asked().await.exit();
        });
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// The signal's name.
    pub(crate) signal: &'static str,
    /// 128 and the signal's number.
    code: i32,
}

impl Asked {
    /// Ends the process at once, with the code that a shell gives for the signal.
    pub(crate) fn exit(self) -> ! {
        std::process::exit(self.code)
    }
}
