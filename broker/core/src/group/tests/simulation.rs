//! Random lives: members that join, sync, beat, go silent, are slow or leave, and coordinators that
//! die. Whatever happens: one leader and one protocol per generation, generations only grow, nobody
//! is answered twice, a replay rebuilds the hard state (the bench checks both all along); and when
//! everything heals, everybody is answered and the group becomes stable.

use proptest::prelude::*;

use super::*;

/// Something that happens to one of the people.
#[derive(Debug, Clone)]
enum Deed {
    /// It does what a good client does next.
    Act(usize),
    /// It heartbeats.
    Beat(usize),
    /// It leaves.
    Leave(usize),
    /// It restarts: its id is forgotten, its connection is gone.
    Restart(usize),
    /// It likes other protocols from now on.
    Change(usize, u8),
    /// It commits.
    Commit(usize),
    /// An admin deletes the group.
    DeleteGroup,
    /// An admin deletes what was committed for a partition.
    DeleteOffset(i32),
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The coordinator dies and another one takes over.
    FailOver,
    /// The log refuses writes from now on, or takes them again.
    Refuse(bool),
}

/// What a client is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Joining(Ticket),
    Syncing(Ticket),
}

struct Client {
    person: Person,
    doing: Doing,
    generation: i32,
}

impl Client {
    /// It is nobody any more and has to start over.
    fn forget(&mut self) {
        self.person.id = MemberId::default();
        self.generation = 0;
    }
}

fn is_gone(code: ErrorCode) -> bool {
    code == ErrorCode::UnknownMemberId || code == ErrorCode::FencedInstanceId
}

struct World {
    bench: Bench,
    clients: Vec<Client>,
    /// Every ticket that was ever parked.
    asked: Vec<Ticket>,
    /// What each generation of the current coordinator was told: protocol and leader.
    told: BTreeMap<i32, (String, MemberId)>,
    /// The first ticket of the current coordinator.
    from: Ticket,
    tombstones: usize,
}

fn protocols(choice: u8) -> Vec<Protocol> {
    let names: &[(&'static str, &'static str)] = match choice % 3 {
        0 => &[("range", "r"), ("sticky", "s")],
        1 => &[("sticky", "s"), ("range", "r")],
        _ => &[("range", "other")],
    };
    person(names).protocols
}

impl World {
    fn new(kinds: &[(bool, bool)]) -> Self {
        let client = |(index, (fixed, knows_flow)): (usize, &(bool, bool))| Client {
            person: Person {
                instance: fixed.then(|| format!("i{index}").into()),
                knows_flow: *knows_flow,
                skips: *knows_flow,
                protocols: protocols(0),
                ..reader()
            },
            doing: Doing::Nothing,
            generation: 0,
        };
        Self {
            bench: Bench::new(),
            clients: kinds.iter().enumerate().map(client).collect(),
            asked: Vec::new(),
            told: BTreeMap::new(),
            from: Ticket(0),
            tombstones: 0,
        }
    }

    fn happen(&mut self, deed: &Deed) {
        let count = self.clients.len();
        match deed {
            Deed::Act(who) => self.act(who % count),
            Deed::Beat(who) => self.beat(who % count),
            Deed::Leave(who) => {
                let client = &mut self.clients[who % count];
                if !client.person.id.is_empty() {
                    let _fate: Result<(), ErrorCode> = self.bench.leave(&client.person.clone());
                    client.forget();
                }
            }
            Deed::Restart(who) => {
                let client = &mut self.clients[who % count];
                client.forget();
                client.doing = Doing::Nothing;
            }
            Deed::Change(who, choice) => {
                self.clients[who % count].person.protocols = protocols(*choice);
            }
            Deed::Commit(who) => {
                let client = &self.clients[who % count];
                let (generation, member) = (client.generation, client.person.id.clone());
                let instance = client.person.instance.clone();
                let _fates = offsets::commit(&mut self.bench, |it| {
                    (it.generation, it.member, it.instance) = (generation, member, instance);
                });
            }
            Deed::DeleteGroup => self.delete_group(),
            Deed::DeleteOffset(partition) => self.delete_offset(*partition),
            Deed::Pass(ms) => self.bench.pass(*ms),
            Deed::FailOver => {
                self.bench.fail_over();
                self.start_counting_anew();
            }
            Deed::Refuse(refuse) => {
                self.bench.refuses = refuse.then_some(ErrorCode::CoordinatorNotAvailable);
            }
        }
        self.look();
    }

    /// A group is deleted if nobody is in it; then nothing is left of it, now or after a replay.
    fn delete_group(&mut self) {
        let occupied = self.bench.coordinator.live.get(&g());
        let occupied = occupied.is_some_and(|live| live.phase != Phase::Empty);
        let ticket = self.bench.ticket();
        self.bench.step(Input::DeleteGroup(DeleteGroup { ticket, group: g() }));
        match self.bench.answers.remove(&ticket) {
            Some(Reply::DeleteGroup(Ok(()))) => {
                assert!(!occupied, "a group with members was deleted");
                assert!(self.bench.coordinator.is_empty());
            }
            Some(Reply::DeleteGroup(Err(code))) => {
                let expected = if occupied { ErrorCode::NonEmptyGroup } else { code };
                assert_eq!(code, expected);
            }
            other => panic!("a deletion is answered at once: {other:?}"),
        }
    }

    /// An offset that was deleted is gone; one that was not is what it was.
    fn delete_offset(&mut self, partition: i32) {
        let before = offsets::fetch(&mut self.bench, None);
        let ticket = self.bench.ticket();
        let topics = vec![("t".to_owned(), vec![partition])];
        self.bench.step(Input::DeleteOffsets(DeleteOffsets { ticket, group: g(), topics }));
        let after = offsets::fetch(&mut self.bench, None);
        match self.bench.answers.remove(&ticket) {
            Some(Reply::DeleteOffsets(Ok(fates))) if fates == [Ok(())] => {
                let mut left = after.iter().flat_map(|topic| &topic.partitions);
                assert!(left.all(|it| it.partition != partition), "it was said to be gone");
            }
            Some(Reply::DeleteOffsets(_)) => assert_eq!(before, after, "it was refused"),
            other => panic!("a deletion is answered at once: {other:?}"),
        }
    }

    /// What a client does next, by the answer that it has got or not.
    fn act(&mut self, who: usize) {
        let client = &mut self.clients[who];
        match client.doing {
            Doing::Nothing => {
                let ticket = self.bench.join(&client.person);
                client.doing = Doing::Joining(ticket);
                self.asked.push(ticket);
            }
            Doing::Joining(ticket) => {
                let Some(joined) = self.bench.joined(ticket) else { return };
                client.doing = Doing::Nothing;
                match joined.error {
                    None => self.take_place(who, &joined),
                    Some(ErrorCode::MemberIdRequired) => client.person.id = joined.member,
                    Some(code) if is_gone(code) => client.forget(),
                    Some(_) => (),
                }
            }
            Doing::Syncing(ticket) => {
                let Some(synced) = self.bench.synced(ticket) else { return };
                client.doing = Doing::Nothing;
                if synced.is_err_and(is_gone) {
                    client.forget();
                }
            }
        }
    }

    fn take_place(&mut self, who: usize, joined: &Joined) {
        let client = &mut self.clients[who];
        client.person.id = joined.member.clone();
        client.generation = joined.generation;
        let shares = joined.members.iter();
        let shares = shares.map(|it| (it.member.clone(), Bytes::from(it.member.to_string())));
        let ticket = self.bench.sync(&client.person, joined.generation, shares.collect());
        client.doing = Doing::Syncing(ticket);
        self.asked.push(ticket);
    }

    fn beat(&mut self, who: usize) {
        let client = &mut self.clients[who];
        if client.person.id.is_empty() || client.doing != Doing::Nothing {
            return;
        }
        let answer = self.bench.heartbeat(&client.person, client.generation);
        if answer.is_err_and(is_gone) {
            client.forget();
        }
    }

    /// A generation that was never written dies with its coordinator, and its number comes again;
    /// so do all numbers once a group is forgotten.
    fn start_counting_anew(&mut self) {
        self.told.clear();
        self.from = self.bench.ticket();
    }

    /// The invariants over everything that was ever answered.
    fn look(&mut self) {
        let forgotten = |record: &&Record| matches!(record, Record::Group { value: None, .. });
        let tombstones = self.bench.log.iter().filter(forgotten).count();
        if tombstones > self.tombstones {
            self.tombstones = tombstones;
            self.start_counting_anew();
        }
        for client in &self.clients {
            let Doing::Joining(ticket) = client.doing else { continue };
            if ticket < self.from {
                continue;
            }
            let Some(joined) = self.bench.joined(ticket).filter(|it| it.error.is_none()) else {
                continue;
            };
            if !joined.members.is_empty() {
                assert_eq!(joined.leader, joined.member, "only the leader sees everybody");
            }
            // an older leader that comes back is told of its former self: not what others are told
            if joined.leader != joined.member && client.person.instance.is_some() {
                continue;
            }
            let new = (joined.protocol.clone(), joined.leader.clone());
            if let Some((protocol, _)) = self.told.get(&joined.generation) {
                assert_eq!(*protocol, new.0, "one protocol per generation");
            }
            self.told.insert(joined.generation, new);
        }
        self.look_at_the_live();
    }

    fn look_at_the_live(&self) {
        let Some(live) = self.bench.coordinator.live.get(&g()) else { return };
        if let Some(leader) = &live.leader {
            assert!(live.members.contains_key(leader), "the leader is a member");
        }
        assert_eq!(live.leader.is_none(), live.members.is_empty(), "one leader if anybody is in");
        for (instance, holder) in &live.statics {
            assert_eq!(live.members[holder].instance.as_ref(), Some(instance));
        }
        for (id, member) in &live.members {
            let may_join = matches!(live.phase, Phase::Preparing(_));
            assert!(member.joining.is_none() || may_join, "{id} is parked behind an open barrier");
            let may_sync = live.phase == Phase::Completing;
            assert!(member.syncing.is_none() || may_sync, "{id} waits for what is there");
        }
        let timed = !matches!(live.phase, Phase::Empty | Phase::Stable);
        assert!(!timed || live.phase_at.is_some(), "a group in between always has a deadline");
        let known = self.bench.coordinator.hard.get(&g()).and_then(|it| it.metadata.as_ref());
        if let Some(known) = known {
            assert!(live.generation >= known.generation, "generations only grow");
        }
    }

    /// Everybody behaves from now on.
    fn heal(&mut self) {
        self.bench.refuses = None;
        for client in &mut self.clients {
            client.person.protocols = protocols(0);
        }
        for _ in 0..400 {
            for who in 0..self.clients.len() {
                self.heal_one(who);
            }
            self.bench.pass(1_000);
            self.look();
            if self.is_settled() {
                return;
            }
        }
        panic!("the group did not become stable: {:#?}", self.bench.coordinator.live);
    }

    fn heal_one(&mut self, who: usize) {
        self.act_on_answer(who);
        let client = &self.clients[who];
        if client.doing != Doing::Nothing {
            return;
        }
        let mut fine = false;
        if client.generation > 0 && !client.person.id.is_empty() {
            let answer = self.bench.heartbeat(&client.person.clone(), client.generation);
            fine = answer.is_ok();
            if answer.is_err_and(is_gone) {
                self.clients[who].forget();
            }
        }
        if !fine {
            self.act(who);
        }
    }

    fn act_on_answer(&mut self, who: usize) {
        if self.clients[who].doing != Doing::Nothing {
            self.act(who);
        }
    }

    fn is_settled(&self) -> bool {
        let Some(live) = self.bench.coordinator.live.get(&g()) else { return false };
        let in_it = |client: &Client| {
            client.doing == Doing::Nothing
                && client.generation == live.generation
                && live.members.contains_key(&client.person.id)
        };
        live.phase == Phase::Stable
            && live.members.len() == self.clients.len()
            && self.clients.iter().all(in_it)
    }
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        12 => any::<usize>().prop_map(Deed::Act),
        4 => any::<usize>().prop_map(Deed::Beat),
        1 => any::<usize>().prop_map(Deed::Leave),
        2 => any::<usize>().prop_map(Deed::Restart),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(who, choice)| Deed::Change(who, choice)),
        2 => any::<usize>().prop_map(Deed::Commit),
        1 => Just(Deed::DeleteGroup),
        1 => (0..2).prop_map(Deed::DeleteOffset),
        6 => (0_u64..12_000).prop_map(Deed::Pass),
        1 => (0_u64..700_000).prop_map(Deed::Pass),
        1 => Just(Deed::FailOver),
        1 => any::<bool>().prop_map(Deed::Refuse),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_group_heals(
        kinds in prop::collection::vec(any::<(bool, bool)>(), 1..5),
        deeds in prop::collection::vec(any_deed(), 0..120),
    ) {
        let mut world = World::new(&kinds);
        for deed in &deeds {
            world.happen(deed);
        }
        world.heal();
        for ticket in &world.asked {
            prop_assert!(world.bench.answers.contains_key(ticket), "{:?} was forgotten", ticket);
        }
        world.bench.fail_over();
        world.heal();
    }

    #[test]
    fn the_same_inputs_give_the_same_effects(
        kinds in prop::collection::vec(any::<(bool, bool)>(), 1..4),
        deeds in prop::collection::vec(any_deed(), 0..60),
    ) {
        let run = || {
            let mut world = World::new(&kinds);
            for deed in &deeds {
                world.happen(deed);
            }
            (world.bench.log, world.bench.answers)
        };
        prop_assert_eq!(run(), run());
    }
}
