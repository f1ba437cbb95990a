//! F11: the time of day of one broker jumps. Leaders, leases, sessions and groups go by clocks that
//! do not; what goes by the time of day, as Kafka says, are times of records and how long those
//! are kept.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{HeartbeatRequest, JoinGroupRequest, SyncGroupRequest};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::fleet::{Fleet, Partitions};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::wire::{PRODUCE, Wire, produce, text};
use kastellan_e2e::workload::{Workload, Writing};

use crate::rig::{Rig, SOON, TOPIC};

/// What leaders write the time of day to.
const TIMED: &str = "timed";
/// Whose member has to stay.
const GROUP: &str = "patient";

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// To and fro; records are kept for seven days, and nobody may lose any by less than that.
const JUMPS: [i64; 5] = [HOUR, -HOUR, 3 * DAY, -3 * DAY, 0];
/// Longer than a lease, and than a broker may be silent.
const HOLD: Duration = Duration::from_millis(3500);
/// A member may be silent for no longer than this, in milliseconds.
const SESSION_MS: i32 = 6000;

/// The only member of a group, which says that it lives.
struct Member {
    wire: Wire,
    id: String,
    generation: i32,
}

impl Member {
    /// Fails where the coordinator has just changed.
    fn join(fleet: &Fleet) -> Result<Member> {
        let mut wire = Wire::connect(fleet.address(fleet.coordinator(GROUP)?)?)?;
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
        let request = JoinGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_session_timeout_ms(SESSION_MS)
            .with_rebalance_timeout_ms(SESSION_MS)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        let named = wire.call(5, &request)?;
        ensure!(named.error_code == 79, "joining answered {}", named.error_code);
        let joined = wire.call(5, &request.with_member_id(named.member_id))?;
        ensure!(joined.error_code == 0, "joining answered {}", joined.error_code);
        let (id, generation) = (joined.member_id.to_string(), joined.generation_id);
        let sync = SyncGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_generation_id(generation)
            .with_member_id(text(&id));
        let synced = wire.call(3, &sync)?;
        ensure!(synced.error_code == 0, "the first assignment is answered {}", synced.error_code);
        Ok(Member { wire, id, generation })
    }

    /// It is a member still, of the same generation.
    fn lives(&mut self) -> Result<()> {
        let request = HeartbeatRequest::default()
            .with_group_id(text(GROUP).into())
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id));
        let code = self.wire.call(3, &request)?.error_code;
        ensure!(code == 0, "the member of {GROUP} is answered {code}");
        Ok(())
    }
}

/// The first of the partitions with times that a broker leads.
fn led(fleet: &Fleet, id: i32) -> Result<i32> {
    let partitions = fleet.partitions(TIMED)?;
    let led = partitions.iter().find(|(_, known)| known.leader == id);
    Ok(*led.context("it leads nothing")?.0)
}

/// By how many seconds a broker's time of day is off, as it says of a record that it gets now.
fn seen(fleet: &Fleet, id: i32) -> Result<i64> {
    let index = led(fleet, id)?;
    let request = produce(TIMED, index, Batch::of(0, &["now"]).encode());
    let answer = Wire::connect(fleet.address(id)?)?.call(PRODUCE, &request)?;
    let part = answer.responses.first().and_then(|topic| topic.partition_responses.first());
    let part = part.context("no answer for the partition")?;
    ensure!(part.error_code == 0, "{TIMED}-{index} refused a batch with {}", part.error_code);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    Ok((part.log_append_time_ms - now + 500).div_euclid(1000))
}

/// Who leads and who is in sync, and who decides.
fn known(fleet: &Fleet) -> Result<(Partitions, i32)> {
    Ok((fleet.partitions(TOPIC)?, fleet.controller()?))
}

/// Lets the clock of one broker jump while clients work and a member lives.
fn jump(rig: &Rig, workload: &mut Workload, member: &mut Member, id: i32) -> Result<()> {
    let before = known(&rig.fleet)?;
    for seconds in JUMPS {
        rig.fleet.clocks().set(id, seconds)?;
        let off = seen(&rig.fleet, id)?;
        ensure!((off - seconds).abs() <= 5, "{id} is off by {off} s instead of {seconds}");
        let begun = Instant::now();
        while begun.elapsed() < HOLD {
            rig.explain(workload.progress(5))?;
            member.lives()?;
        }
        let after = known(&rig.fleet)?;
        ensure!(after == before, "a jump of {id} by {seconds} s made of {before:?} {after:?}");
    }
    Ok(())
}

/// Has the clocks of so many brokers jump, one after the other, and last one of them so far that
/// its records are too old by the time of day that it goes by.
fn through(name: &str, brokers: i32) -> Result<()> {
    if !need::ready(&format!("faults/{name}"), &[Tool::Cc])? {
        return Ok(());
    }
    let timed = [
        ("log.message.timestamp.type", "LogAppendTime"),
        ("log.retention.check.interval.ms", "300"),
    ];
    let Some(mut rig) = Rig::new(name, &timed)? else { return Ok(()) };
    rig.fleet.give_clocks()?;
    for id in 0..3 {
        rig.fleet.terminate(id, SOON)?;
        rig.fleet.start(id)?;
        rig.fleet.agreed(TOPIC, SOON)?;
    }
    rig.fleet.create(TIMED, 6)?;
    rig.fleet.agreed(TIMED, SOON)?;
    let mut workload = rig.work(Writing::default())?;
    let mut joined = None;
    rig.fleet.wait("a group has a member", SOON, |fleet| {
        joined = Some(Member::join(fleet)?);
        Ok(true)
    })?;
    let mut member = joined.context("it has joined")?;
    let controller = rig.fleet.controller()?;
    for place in 0..brokers {
        let id = (controller + place) % 3;
        rig.fleet.wait("it leads", SOON, |fleet| Ok(seen(fleet, id)?.abs() <= 5))?;
        jump(&rig, &mut workload, &mut member, id)?;
    }
    rig.judge(workload)?;
    // and the control: whoever looks at what is too old does see that clock
    let first = |fleet: &Fleet| -> Result<bool> {
        let index = led(fleet, controller)?;
        let dir = fleet.data(controller).join(format!("{TIMED}-{index}"));
        Ok(!dir.join("00000000000000000000.log").exists())
    };
    ensure!(!first(&rig.fleet)?, "records are gone that are not too old");
    // seven days after the last that was written three days ahead
    rig.fleet.clocks().set(controller, 11 * DAY)?;
    rig.fleet.wait("what is too old is gone", SOON, |fleet| first(fleet)).map(drop)
}

#[test]
fn f11_the_clock_of_a_controller_that_jumps_breaks_no_promise_and_ends_no_session() -> Result<()> {
    through("f11", 1)
}

#[test]
#[ignore = "long: make faults runs it"]
fn f11_the_clock_of_each_broker_that_jumps_breaks_no_promise_and_ends_no_session() -> Result<()> {
    through("f11-each", 3)
}
