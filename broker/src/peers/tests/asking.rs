//! What becomes of questions when the other side is slow, gone, or nonsense.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Mutex, mpsc},
    thread,
    time::Instant,
};

use kastellan_protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, ApiKey,
};

use super::*;
use crate::peers::{Lost, PeerError, Purpose};

const NODE: BrokerId = BrokerId(1);

fn listener() -> (TcpListener, Asker) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let asker = Asker::new(Manner::PlainText, NODE, listener.local_addr().unwrap());
    (listener, asker)
}

fn ask(asker: &Asker, patience: Duration) -> Result<AllocateProducerIdsResponse, PeerError> {
    let request = AllocateProducerIdsRequest::default();
    asker.peers.ask_blocking((NODE, Purpose::Broker), &request, patience)
}

/// Tells what is heard of lost connections.
fn losses(asker: &Asker) -> mpsc::Receiver<(BrokerId, Lost)> {
    let (sender, losses) = mpsc::channel();
    let sender = Mutex::new(sender);
    asker.peers.on_lost(move |node, how| sender.lock().unwrap().send((node, how)).unwrap_or(()));
    losses
}

/// Reads one request; its correlation id.
fn read(stream: &mut std::net::TcpStream) -> i32 {
    let mut size = [0; 4];
    stream.read_exact(&mut size).unwrap();
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(size)).unwrap()];
    stream.read_exact(&mut frame).unwrap();
    i32::from_be_bytes(frame[4..8].try_into().unwrap())
}

fn answer(id: i32, first: i64) -> bytes::Bytes {
    let body = AllocateProducerIdsResponse::default().with_producer_id_start(first.into());
    kastellan_protocol::encode_response(ApiKey::AllocateProducerIds, 0, id, &body).unwrap()
}

#[test]
fn questions_are_sent_without_waiting_for_the_answers_before() {
    let (listener, asker) = listener();
    let (sender, answers) = mpsc::channel();
    let request = AllocateProducerIdsRequest::default();
    for _ in 0..3 {
        let sender = sender.clone();
        asker.peers.send((NODE, Purpose::Broker), &request, PATIENCE, move |answer| {
            sender.send(answer.unwrap().producer_id_start.0).unwrap();
        });
    }
    let (mut stream, _) = listener.accept().unwrap();
    let ids: Vec<_> = (0..3).map(|_| read(&mut stream)).collect();
    for (first, id) in (10..).zip(ids) {
        // a byte at a time: an answer may come in pieces
        answer(id, first).iter().for_each(|byte| stream.write_all(&[*byte]).unwrap());
    }
    let got: Vec<_> = (0..3).map(|_| answers.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(got, [10, 11, 12]);
}

#[test]
fn a_silent_node_costs_its_patience_and_the_connection() {
    let (listener, asker) = listener();
    let begun = Instant::now();
    let silent = ask(&asker, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(silent, PeerError::TimedOut { sent: true }) && silent.sent());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let (mut first, _) = listener.accept().unwrap();
    read(&mut first);
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "closed");
}

#[test]
fn a_connection_that_is_refused_is_told_at_once() {
    let (listener, asker) = listener();
    let losses = losses(&asker);
    drop(listener);
    let refused = ask(&asker, PATIENCE).unwrap_err();
    assert!(matches!(refused, PeerError::Unreachable { sent: false, .. }), "{refused:?}");
    assert_eq!(losses.recv_timeout(PATIENCE).unwrap(), (NODE, Lost::Refused));
    // so fresh that nobody tries again; but for a probe
    assert!(matches!(ask(&asker, PATIENCE), Err(PeerError::BackingOff)));
    asker.peers.probe(NODE);
    assert_eq!(losses.recv_timeout(PATIENCE).unwrap(), (NODE, Lost::Refused));
}

#[test]
fn a_connection_that_ends_is_told_at_once_and_dialled_anew() {
    let (listener, asker) = listener();
    let losses = losses(&asker);
    asker.peers.probe(NODE);
    drop(listener.accept().unwrap());
    assert_eq!(losses.recv_timeout(PATIENCE).unwrap(), (NODE, Lost::Reset));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let id = read(&mut stream);
        stream.write_all(&answer(id, 5)).unwrap();
        // it stays open until the test has its answer
        drop(stream.read(&mut [0]));
    });
    assert_eq!(ask(&asker, PATIENCE).unwrap().producer_id_start.0, 5);
    drop(asker);
    server.join().unwrap();
}

#[test]
fn an_answer_to_another_question_ends_the_connection() {
    let (listener, asker) = listener();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let id = read(&mut stream);
        stream.write_all(&answer(id + 1, 5)).unwrap();
        stream.read(&mut [0]).unwrap()
    });
    assert!(matches!(ask(&asker, PATIENCE), Err(PeerError::Malformed(_))));
    assert_eq!(server.join().unwrap(), 0, "closed");
}

#[test]
fn an_answer_that_is_too_large_ends_the_connection_before_it_has_come() {
    let (listener, asker) = listener();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read(&mut stream);
        stream.write_all(&i32::MAX.to_be_bytes()).unwrap();
        stream.read(&mut [0]).unwrap()
    });
    assert!(matches!(ask(&asker, PATIENCE), Err(PeerError::Malformed(_))));
    assert_eq!(server.join().unwrap(), 0, "closed");
}

#[test]
fn a_node_that_has_moved_is_asked_where_it_is() {
    let (old, asker) = listener();
    asker.peers.probe(NODE);
    let (mut left, _) = old.accept().unwrap();
    let new = TcpListener::bind("127.0.0.1:0").unwrap();
    asker.peers.learn(NODE, "127.0.0.1", new.local_addr().unwrap().port());
    assert_eq!(left.read(&mut [0]).unwrap(), 0, "nobody stays at the old address");
    let server = thread::spawn(move || {
        let (mut stream, _) = new.accept().unwrap();
        let id = read(&mut stream);
        stream.write_all(&answer(id, 9)).unwrap();
        drop(stream.read(&mut [0]));
    });
    assert_eq!(ask(&asker, PATIENCE).unwrap().producer_id_start.0, 9);
    asker.peers.forget(NODE);
    assert!(matches!(ask(&asker, PATIENCE), Err(PeerError::Unknown)));
    drop(asker);
    server.join().unwrap();
}

#[test]
fn no_more_wait_than_there_is_room_for() {
    let (listener, asker) = listener();
    let (sender, answers) = mpsc::channel();
    let request = AllocateProducerIdsRequest::default();
    for _ in 0..500 {
        let sender = sender.clone();
        asker.peers.send((NODE, Purpose::Broker), &request, PATIENCE, move |answer| {
            drop(sender.send(answer.map(drop)));
        });
    }
    let busy = answers.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(busy, Err(PeerError::Busy)), "{busy:?}");
    drop(listener);
}

#[test]
fn a_node_that_nobody_has_told_of_is_unknown() {
    let (_listener, asker) = listener();
    let request = AllocateProducerIdsRequest::default();
    let unknown = asker.peers.ask_blocking((BrokerId(9), Purpose::Broker), &request, PATIENCE);
    assert!(matches!(unknown, Err(PeerError::Unknown)));
    let alone = Peers::none().ask_blocking((NODE, Purpose::Broker), &request, PATIENCE);
    assert!(matches!(alone, Err(PeerError::Unknown)));
}

#[test]
fn a_node_that_ends_while_it_greets_is_told_of_and_found_to_be_gone() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let manner = Manner::Tls(Arc::new(authority.identity(2, CLUSTER)));
    let asker = Asker::new(manner, NODE, listener.local_addr().unwrap());
    let lost = losses(&asker);
    // what it was sent is not read: the end of the process resets the connection
    let dying = thread::spawn(move || drop((listener.accept().unwrap(), listener)));
    ask(&asker, PATIENCE).unwrap_err();
    dying.join().unwrap();
    assert_eq!(lost.recv_timeout(PATIENCE).unwrap(), (NODE, Lost::Reset));
    asker.peers.probe(NODE);
    assert_eq!(lost.recv_timeout(PATIENCE).unwrap(), (NODE, Lost::Refused));
}

#[test]
fn a_node_that_takes_connections_and_ends_them_is_not_dialled_again_and_again() {
    let (listener, asker) = listener();
    let peers = asker.peers.clone();
    asker.peers.on_lost(move |node, _how| peers.probe(node));
    asker.peers.probe(NODE);
    let begun = Instant::now();
    for _ in 0..6 {
        drop(listener.accept().unwrap());
    }
    // twice at once, and then after half of 40, 80 and 160 ms at least
    assert!(begun.elapsed() >= Duration::from_millis(140), "{:?}", begun.elapsed());
}
