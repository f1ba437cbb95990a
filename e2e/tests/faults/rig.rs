//! What every one of these tests has: three brokers in a network, a topic, and clients at work.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::history::{Event, Replica, differ};
use kastellan_e2e::network::{self, Inside, Network, Who};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::workload::{Workload, Writing};

/// How long an election may take on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// The topic that clients use, and its partitions.
pub(crate) const TOPIC: &str = "torn";
const PARTITIONS: i32 = 3;

/// Three brokers on hosts of their own; this thread is where the clients are.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) fleet: Fleet,
    _inside: Inside,
    scratch: Scratch,
}

impl Rig {
    /// Makes it and starts the brokers; `None` where that cannot be done here, which is said.
    pub(crate) fn new(name: &str, settings: &[(&str, &str)]) -> Result<Option<Rig>> {
        Rig::on_disks(name, settings, |_, _| Ok(()))
    }

    /// The same; `prepare` is called for each broker with where its data is to lie.
    pub(crate) fn on_disks(
        name: &str,
        settings: &[(&str, &str)],
        mut prepare: impl FnMut(i32, &Path) -> Result<()>,
    ) -> Result<Option<Rig>> {
        if !network::ready(&format!("faults/{name}"))? {
            return Ok(None);
        }
        let scratch = Scratch::new(name)?;
        for id in 0..3 {
            prepare(id, &scratch.path().join(format!("data-{id}")))?;
        }
        let network = Network::of(3, scratch.path())?;
        let inside = network.enter()?;
        let fleet = Fleet::on(network, scratch.path(), settings)?;
        let mut rig = Rig { fleet, _inside: inside, scratch };
        rig.fleet.start_all()?;
        rig.fleet.create(TOPIC, PARTITIONS)?;
        rig.fleet.agreed(TOPIC, SOON)?;
        Ok(Some(rig))
    }

    /// Has `faults` happen while clients are at work, and judges what those saw.
    pub(crate) fn through(
        name: &str,
        faults: impl FnOnce(&mut Rig, &mut Workload) -> Result<()>,
    ) -> Result<()> {
        let Some(mut rig) = Rig::new(name, &[])? else { return Ok(()) };
        let mut workload = rig.work(Writing::default())?;
        faults(&mut rig, &mut workload)?;
        rig.judge(workload).map(drop)
    }

    /// Lets clients begin, and waits until each of the writers has got somewhere.
    pub(crate) fn work(&self, writing: Writing) -> Result<Workload> {
        let mut workload = Workload::start(&self.fleet, TOPIC, writing)?;
        self.explain(workload.progress(30))?;
        Ok(workload)
    }

    /// Where a test may leave files.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The network.
    pub(crate) fn network(&self) -> Result<&Network> {
        self.fleet.network()
    }

    /// Waits until another one than `was` leads the first partition, as the others have it.
    pub(crate) fn replaced(&mut self, was: i32) -> Result<()> {
        for other in (0..3).filter(|id| *id != was) {
            self.fleet.wait("another leads", SOON, |fleet| {
                let partitions = fleet.partitions_at(other, TOPIC)?;
                Ok(partitions.get(&0).is_some_and(|it| it.leader >= 0 && it.leader != was))
            })?;
        }
        Ok(())
    }

    /// Cuts a host off from the two others, but not from clients.
    pub(crate) fn part(&self, id: i32) -> Result<()> {
        for other in (0..3).filter(|other| *other != id) {
            self.network()?.part(Who::Host(id), Who::Host(other))?;
        }
        Ok(())
    }

    /// Waits until all is well, ends the clients, and judges what they saw: no promise is broken,
    /// and all replicas are the same.
    pub(crate) fn judge(&mut self, workload: Workload) -> Result<Vec<Event>> {
        self.fleet.agreed(TOPIC, SOON)?;
        let events = self.explain(workload.judge())?;
        for index in 0..PARTITIONS {
            let mut said = None;
            let same = self.fleet.wait("replicas that are the same", SOON, |fleet| {
                let dir = |id| fleet.data(id).join(format!("{TOPIC}-{index}"));
                let replicas: Vec<Replica> =
                    (0..3).map(|id| Replica::read(id, &dir(id))).collect::<Result<_>>()?;
                said = differ(&replicas);
                Ok(said.is_none())
            });
            same.with_context(|| format!("{TOPIC}-{index}: {said:?}"))?;
        }
        Ok(events)
    }

    /// Adds what the brokers logged to an error.
    pub(crate) fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.with_context(|| self.fleet.tails())
    }
}
