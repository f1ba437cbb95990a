//! Whole lives of groups, without a clock and without a log: a bench applies what is appended.

mod deleting;
mod describing;
mod hostile;
mod joining;
mod keeping_time;
mod leaving;
mod offsets;
mod refusing;
mod retaining;
mod simulation;
mod static_members;
mod syncing;

use std::time::Duration;

use bytes::Bytes;

use super::*;

/// A coordinator, its log and its callers.
pub(super) struct Bench {
    pub(super) coordinator: Coordinator,
    pub(super) log: Vec<Record>,
    pub(super) now: Now,
    pub(super) answers: BTreeMap<Ticket, Reply>,
    pub(super) refuses: Option<ErrorCode>,
    next: u64,
}

/// A consumer as the bench plays it.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: MemberId,
    pub(super) instance: Option<InstanceId>,
    pub(super) protocols: Vec<Protocol>,
    pub(super) knows_flow: bool,
    pub(super) skips: bool,
    pub(super) session_ms: i32,
    pub(super) rebalance_ms: i32,
}

pub(super) fn person(protocols: &[(&'static str, &'static str)]) -> Person {
    let protocol = |(name, metadata): &(&'static str, &'static str)| Protocol {
        name: (*name).to_owned(),
        metadata: Bytes::from_static(metadata.as_bytes()),
    };
    Person {
        id: MemberId::default(),
        instance: None,
        protocols: protocols.iter().map(protocol).collect(),
        knows_flow: false,
        skips: false,
        session_ms: 10_000,
        rebalance_ms: 60_000,
    }
}

pub(super) fn reader() -> Person {
    person(&[("range", "topics")])
}

pub(super) fn static_reader(name: &str) -> Person {
    Person { instance: Some(name.into()), ..reader() }
}

/// The group of every test that needs one only.
pub(super) fn g() -> GroupId {
    "g".into()
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            coordinator: Coordinator::new(settings),
            log: Vec::new(),
            now: Now { monotonic: Millis(1_000), wall: 1_700_000_000_000 },
            answers: BTreeMap::new(),
            refuses: None,
            next: 0,
        }
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    /// What the driver does.
    pub(super) fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        let before = self.coordinator.hard.clone();
        self.coordinator.step(self.now, input, &mut effects);
        assert_eq!(self.coordinator.hard, before, "a step must not change hard state");
        let mut refused = Vec::new();
        let mut refusing = None;
        for effect in effects {
            match effect {
                Effect::Append { records, .. } => {
                    refusing = self.refuses;
                    if refusing.is_some() {
                        refused.push(Input::Refused { records });
                        continue;
                    }
                    for record in records {
                        let (key, value) = record.to_bytes();
                        let read = Record::from_bytes(Some(&key), value.as_deref());
                        assert_eq!(read.unwrap().unwrap(), record);
                        self.coordinator.apply(&record);
                        self.log.push(record);
                    }
                }
                Effect::Reply(ticket, reply) => {
                    let reply = match refusing {
                        Some(code) => reply.refused(code),
                        None => reply,
                    };
                    let older = self.answers.insert(ticket, reply);
                    assert_eq!(older, None, "{ticket:?} was answered twice");
                }
            }
        }
        for input in refused {
            self.step(input);
        }
        let groups = self.coordinator.live.values();
        let members = groups.flat_map(|live| live.members.values());
        assert_eq!(self.coordinator.weight, members.map(member::Member::weight).sum::<usize>());
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.monotonic.after(Duration::from_millis(ms));
        while let Some(at) = self.coordinator.deadline().filter(|at| *at <= end) {
            self.set_clock(at.max(self.now.monotonic));
            self.step(Input::Tick);
            let next = self.coordinator.deadline();
            assert!(next.is_none_or(|next| next > at), "a tick at its deadline made no progress");
        }
        self.set_clock(end);
        self.step(Input::Tick);
    }

    /// Lets time pass until a caller is answered.
    pub(super) fn until(&mut self, ticket: Ticket) {
        while !self.answers.contains_key(&ticket) {
            let at = self.coordinator.deadline().expect("somebody is parked, so time matters");
            self.pass(u64::try_from(at.since(self.now.monotonic).as_millis()).unwrap());
        }
    }

    /// Lets time pass until nobody is in any group; what sweeps forget later is not waited for.
    pub(super) fn settle(&mut self) {
        while let Some(at) = self.coordinator.timers.first() {
            self.set_clock(at.max(self.now.monotonic));
            self.step(Input::Tick);
        }
    }

    fn set_clock(&mut self, to: Millis) {
        let passed = to.since(self.now.monotonic);
        self.now.monotonic = to;
        self.now.wall += i64::try_from(passed.as_millis()).unwrap();
    }

    /// Replays the log into a new coordinator, as after a failover.
    pub(super) fn fail_over(&mut self) {
        let mut next = Coordinator::new(self.coordinator.settings.clone());
        for record in &self.log {
            next.apply(record);
        }
        assert_eq!(next.hard, self.coordinator.hard, "a replay rebuilds the hard state");
        let mut effects = Vec::new();
        self.coordinator.resign(ErrorCode::NotCoordinator, &mut effects);
        for effect in effects {
            let Effect::Reply(ticket, reply) = effect else { panic!("nothing to append") };
            assert_eq!(self.answers.insert(ticket, reply), None);
        }
        self.coordinator = next;
        self.step(Input::Loaded);
    }

    pub(super) fn join_input(&mut self, who: &Person) -> (Ticket, Join) {
        let ticket = self.ticket();
        let join = Join {
            ticket,
            group: g(),
            member: who.id.clone(),
            instance: who.instance.clone(),
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            rebalance_timeout_ms: who.rebalance_ms,
            session_timeout_ms: who.session_ms,
            protocol_type: "consumer".to_owned(),
            protocols: who.protocols.clone(),
            requires_known_member: who.knows_flow,
            skips_assignment: who.skips,
            unique: uuid::Uuid::from_u128(u128::from(ticket.0)),
        };
        (ticket, join)
    }

    pub(super) fn join(&mut self, who: &Person) -> Ticket {
        let (ticket, join) = self.join_input(who);
        self.step(Input::Join(Box::new(join)));
        ticket
    }

    /// What a join was answered.
    pub(super) fn joined(&self, ticket: Ticket) -> Option<Joined> {
        match self.answers.get(&ticket) {
            Some(Reply::Join(joined)) => Some((**joined).clone()),
            None => None,
            Some(other) => panic!("not an answer to a join: {other:?}"),
        }
    }

    /// Brings everybody into one stable generation and tells each its id; the first one leads.
    pub(super) fn form(&mut self, people: &mut [Person]) -> i32 {
        let tickets: Vec<_> = people.iter().map(|who| self.join(who)).collect();
        self.until(tickets[0]);
        let mut generation = 0;
        for (who, ticket) in people.iter_mut().zip(tickets) {
            let joined = self.joined(ticket).expect("the barrier has opened");
            assert_eq!(joined.error, None);
            (who.id, generation) = (joined.member, joined.generation);
        }
        self.sync_all(people, generation);
        generation
    }

    pub(super) fn sync_all(&mut self, people: &[Person], generation: i32) {
        let all: Vec<_> =
            people.iter().map(|who| (who.id.clone(), Bytes::from_static(b"share"))).collect();
        for who in people {
            self.sync(who, generation, all.clone());
        }
    }

    pub(super) fn sync(
        &mut self,
        who: &Person,
        generation: i32,
        assignments: Vec<(MemberId, Bytes)>,
    ) -> Ticket {
        let ticket = self.ticket();
        self.step(Input::Sync(Box::new(Sync {
            ticket,
            group: g(),
            generation,
            member: who.id.clone(),
            instance: who.instance.clone(),
            protocol_type: None,
            protocol: None,
            assignments,
        })));
        ticket
    }

    pub(super) fn synced(&self, ticket: Ticket) -> Option<Result<Synced, ErrorCode>> {
        match self.answers.get(&ticket) {
            Some(Reply::Sync(synced)) => Some(synced.clone()),
            None => None,
            Some(other) => panic!("not an answer to a sync: {other:?}"),
        }
    }

    pub(super) fn heartbeat(&mut self, who: &Person, generation: i32) -> Result<(), ErrorCode> {
        let ticket = self.ticket();
        self.step(Input::Heartbeat(Heartbeat {
            ticket,
            group: g(),
            generation,
            member: who.id.clone(),
            instance: who.instance.clone(),
        }));
        match self.answers.remove(&ticket) {
            Some(Reply::Heartbeat(answer)) => answer,
            other => panic!("a heartbeat is answered at once: {other:?}"),
        }
    }

    pub(super) fn leave(&mut self, who: &Person) -> Result<(), ErrorCode> {
        let ticket = self.ticket();
        let members = vec![(who.id.clone(), who.instance.clone())];
        self.step(Input::Leave(Leave { ticket, group: g(), members }));
        match self.answers.remove(&ticket) {
            Some(Reply::Leave(Ok(fates))) => fates[0],
            Some(Reply::Leave(Err(code))) => Err(code),
            other => panic!("a leave is answered at once: {other:?}"),
        }
    }

    pub(super) fn state(&self) -> State {
        self.coordinator.describe(&g()).map_or(State::Dead, |it| it.state)
    }
}
