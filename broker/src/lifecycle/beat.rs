//! Heartbeats: that this broker is there, how far it has followed the metadata, what it wants.

use std::{
    pin::pin,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use kastellan_protocol::{
    ErrorCode,
    messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
    protocol::Request,
};
use tokio::sync::oneshot;

use super::{Member, register};
use crate::{
    broker::Broker,
    peers::{PeerError, ask_controller},
};

/// How long a heartbeat that failed waits for the next attempt: a new controller is soon found.
const SOON: Duration = Duration::from_millis(50);

/// Tells the active controller that this broker is there, for as long as it is.
pub(super) async fn beat(member: Arc<Member>, broker: Weak<Broker>) {
    while let Some(broker) = broker.upgrade() {
        let settings = broker.settings.load_full();
        let fleet = &settings.fleet;
        let (interval, patience) = (fleet.heartbeat_interval, fleet.session_timeout / 2);
        let at = broker.partitions.standing().run(&settings);
        let sent = sent(&member, &broker, (interval, patience)).await;
        let pause = match sent.map(|answer| heard(&member, &answer)) {
            Ok(Heard::Fine { is_fenced }) => {
                if !is_fenced {
                    broker.partitions.standing().hear(at);
                }
                interval
            }
            Ok(Heard::Unknown) => {
                again(&member, &broker, patience).await;
                SOON
            }
            Ok(Heard::Elsewhere) | Err(_) => SOON.min(interval),
        };
        drop(broker);
        tokio::select! {
            () = tokio::time::sleep(pause) => (),
            () = member.nudge.notified() => (),
        }
    }
}

/// Sends a heartbeat, and says that this broker runs while it waits for the answer.
async fn sent(
    member: &Member,
    broker: &Arc<Broker>,
    (interval, patience): (Duration, Duration),
) -> Result<BrokerHeartbeatResponse, PeerError> {
    let heartbeat = member.heartbeat(broker);
    let mut asked = pin!(ask(broker, &heartbeat, patience));
    loop {
        tokio::select! {
            answer = &mut asked => return answer,
            () = tokio::time::sleep(interval) => {
                broker.partitions.standing().run(&broker.settings.load());
            }
        }
    }
}

/// What the controller made of a heartbeat.
enum Heard {
    /// It is known.
    Fine {
        /// Others lead what it led.
        is_fenced: bool,
    },
    /// It does not know this registration.
    Unknown,
    /// It does not decide any more.
    Elsewhere,
}

fn heard(member: &Member, answer: &BrokerHeartbeatResponse) -> Heard {
    match ErrorCode::try_from_code(answer.error_code) {
        None if answer.error_code == 0 => {
            member.hear();
            if answer.should_shut_down {
                member.may_stop.notify_one();
            }
            Heard::Fine { is_fenced: answer.is_fenced }
        }
        Some(ErrorCode::BrokerIdNotRegistered | ErrorCode::StaleBrokerEpoch) => Heard::Unknown,
        _ => Heard::Elsewhere,
    }
}

/// Registers once more, as the process that it is.
async fn again(member: &Member, broker: &Arc<Broker>, patience: Duration) {
    let request = register::request(broker, &member.registration);
    if let Ok(answer) = ask(broker, &request, patience).await
        && answer.error_code == 0
    {
        tracing::info!(epoch = answer.broker_epoch, "registered once more");
        member.epoch.store(answer.broker_epoch, Ordering::Release);
    }
}

async fn ask<R: Request>(
    broker: &Arc<Broker>,
    request: &R,
    patience: Duration,
) -> Result<R::Response, PeerError>
where
    R::Response: Send + 'static,
{
    let (sender, answer) = oneshot::channel();
    let moved = broker.controller.moved();
    ask_controller(broker, request, patience, move |result| drop(sender.send(result)));
    tokio::select! {
        answer = answer => answer.unwrap_or(Err(PeerError::Stopped)),
        // whoever was asked may be silent for ever, and a new controller does not wait long
        () = moved => Err(PeerError::Unknown),
        () = tokio::time::sleep(patience) => Err(PeerError::TimedOut { sent: true }),
    }
}

impl Member {
    fn heartbeat(&self, broker: &Broker) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest::default()
            .with_broker_id(self.registration.broker.0.into())
            .with_broker_epoch(self.epoch.load(Ordering::Acquire))
            .with_current_metadata_offset(broker.controller.image().offset())
            .with_want_shut_down(self.leaving.load(Ordering::Acquire))
    }
}
