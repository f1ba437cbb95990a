//! Asks the active controller, wherever it is: in another process over the listener for peers, in
//! this one through the very handler that would have been reached.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kastellan_core::{id::BrokerId, security::Principal};
use kastellan_protocol::{
    Refused, api_version, decode_response, header::RequestHeader, messages::ApiKey,
    protocol::Request,
};

use super::{LISTENER, PeerError, Purpose, dispatch};
use crate::{
    broker::Broker,
    call::{Call, ClientInfo, Peer, Proof, Responder, Way},
    controller::Active,
};

/// The size in front of a frame.
const SIZE: usize = 4;

/// Sends `request` to the active controller. `then` is called once, with the answer or with why
/// there is none: be quick.
pub(crate) fn ask_controller<R: Request>(
    broker: &Arc<Broker>,
    request: &R,
    patience: Duration,
    then: impl FnOnce(Result<R::Response, PeerError>) + Send + 'static,
) where
    R::Response: 'static,
{
    match broker.controller.active() {
        Active::There(node) => broker.peers.send((node, Purpose::Broker), request, patience, then),
        Active::Nobody => then(Err(PeerError::Unknown)),
        Active::Here => ask_here(broker, request, then),
    }
}

/// The same for a plain thread, which sleeps meanwhile.
pub(crate) fn ask_controller_blocking<R: Request>(
    broker: &Arc<Broker>,
    request: &R,
    patience: Duration,
) -> Result<R::Response, PeerError>
where
    R::Response: Send + 'static,
{
    let (sender, answer) = mpsc::channel();
    ask_controller(broker, request, patience, move |result| drop(sender.send(result)));
    // a controller that loses its office answers too, but perhaps not in time
    answer.recv_timeout(patience).unwrap_or(Err(PeerError::TimedOut { sent: true }))
}

fn ask_here<R: Request>(
    broker: &Arc<Broker>,
    request: &R,
    then: impl FnOnce(Result<R::Response, PeerError>) + Send + 'static,
) where
    R::Response: 'static,
{
    let known = ApiKey::try_from(R::KEY).ok().and_then(|api| Some((api, api_version::peer(api)?)));
    let (api, version) = known.expect("only what peers serve is asked of them");
    let mut body = BytesMut::new();
    if let Err(why) = request.encode(&mut body, version) {
        let why = why.to_string();
        return then(Err(kastellan_protocol::EncodeError::Message { api, version, why }.into()));
    }
    let header =
        RequestHeader { api_key: R::KEY, api_version: version, correlation_id: 0, client_id: None };
    let reply = Responder::taken(api, &header, move |frame: Option<Bytes>| {
        let frame = frame.filter(|frame| frame.len() >= SIZE);
        let unanswered = || Refused::Decoder("it was not answered".to_owned());
        let answer = frame.ok_or_else(unanswered).and_then(|frame| {
            decode_response::<R::Response>(version, frame.slice(SIZE..)).map(|(_, answer)| answer)
        });
        then(answer.map_err(PeerError::from));
    });
    let me = BrokerId(broker.config.node_id);
    let client = ClientInfo {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        listener: LISTENER.into(),
        principal: Principal::anonymous(),
        proof: Proof::Nothing,
        peer: Some(Peer::Node(me)),
    };
    let client = Arc::new(client);
    let call = Call { header, body: body.freeze(), client, reply, way: Way::Direct };
    if let Err(why) = dispatch(broker, api, call) {
        tracing::error!(?api, %why, "a request of ours is refused by ourselves: a bug of ours");
    }
}
