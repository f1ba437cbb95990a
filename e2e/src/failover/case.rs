//! What happens to one of them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    Client, Contender, PATIENCE, Seen, Stage, controller, hold, led_by, rejoin, topic, without,
};
use crate::fleet::Fleet;
use crate::network::Who;

/// How long the load runs before anything happens, and after all is well again.
const CALM: Duration = Duration::from_secs(2);

/// A fault; the broker that it strikes leads the partition that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// SIGKILL of a leader that is not the active controller.
    KillLeader,
    /// SIGKILL of the active controller, which is a broker too.
    KillController,
    /// The same, and it is started again at once.
    RestartController,
    /// SIGKILL of the active controller, which has none of the partition that is written to: as one
    /// would die that is no broker.
    KillAloof,
    /// SIGSTOP of a leader that is not the active controller.
    StopLeader,
    /// The cable of a leader that is not the active controller is cut.
    CutLeader,
    /// SIGSTOP of the active controller.
    StopController,
    /// SIGTERM of a leader that is not the active controller.
    TerminateLeader,
    /// SIGTERM of the active controller.
    TerminateController,
    /// SIGKILL of a broker that holds 1 GiB; what counts is how long it takes from its restart
    /// until it is in all ISRs.
    Rejoin,
}

impl Case {
    /// All of them, with what they are called on the command line.
    pub const ALL: [(&'static str, Case); 10] = [
        ("kill-leader", Case::KillLeader),
        ("kill-controller", Case::KillController),
        ("restart-controller", Case::RestartController),
        ("kill-aloof", Case::KillAloof),
        ("stop-leader", Case::StopLeader),
        ("cut-leader", Case::CutLeader),
        ("stop-controller", Case::StopController),
        ("terminate-leader", Case::TerminateLeader),
        ("terminate-controller", Case::TerminateController),
        ("rejoin", Case::Rejoin),
    ];

    /// As a table's row says it.
    pub fn name(self) -> &'static str {
        match self {
            Case::KillLeader => "kill -9 of a partition's leader",
            Case::KillController => "kill -9 of the active controller, a broker too",
            Case::RestartController => "the same, started again at once",
            Case::KillAloof => "kill -9 of the active controller that has none of it",
            Case::CutLeader => "the cable cut of a partition's leader",
            Case::StopLeader => "SIGSTOP of a partition's leader",
            Case::StopController => "SIGSTOP of the active controller",
            Case::TerminateLeader => "SIGTERM of a partition's leader",
            Case::TerminateController => "SIGTERM of the active controller",
            Case::Rejoin => "kill -9, restart until in all ISRs with 1 GiB",
        }
    }

    fn strikes_controller(self) -> bool {
        match self {
            Case::KillController
            | Case::KillAloof
            | Case::RestartController
            | Case::StopController
            | Case::TerminateController => true,
            Case::KillLeader
            | Case::StopLeader
            | Case::CutLeader
            | Case::TerminateLeader
            | Case::Rejoin => false,
        }
    }

    /// Where it happens.
    pub fn stage(self) -> Stage {
        match self {
            Case::KillAloof => Stage::Four,
            Case::CutLeader => Stage::Hosts,
            _ => Stage::Three,
        }
    }

    /// Lets it happen once to a fleet that is whole, and leaves it whole.
    pub fn run(
        self,
        (contender, fleet): (Contender, &mut Fleet),
        name: &str,
        folder: &Path,
    ) -> Result<Seen> {
        if self == Case::Rejoin {
            return rejoin::rejoin((contender, fleet), folder);
        }
        topic(fleet, name, self.stage().partitions())?;
        let active = controller(fleet)?;
        let victim = if self.strikes_controller() { active } else { (active + 1) % 3 };
        let partition = match self {
            Case::KillAloof => without(fleet, name, victim)?,
            _ => led_by(fleet, name, victim)?,
        };
        let client = Client::start(fleet, (name, partition), folder)?;
        hold(CALM);
        ensure!(controller(fleet)? == active, "another controller before anything happened");
        self.strike(contender, fleet, victim)?;
        fleet.agreed(name, PATIENCE)?;
        hold(CALM);
        client.finish()
    }

    fn strike(self, contender: Contender, fleet: &mut Fleet, victim: i32) -> Result<()> {
        let absence = contender.absence();
        match self {
            Case::CutLeader => {
                let others = (0..3).filter(|id| *id != victim).map(Who::Host);
                for other in others.chain([Who::Clients]) {
                    fleet.network()?.part(Who::Host(victim), other)?;
                }
                hold(absence);
                fleet.network()?.heal()
            }
            Case::KillLeader | Case::KillController | Case::KillAloof | Case::Rejoin => {
                fleet.kill(victim)?;
                hold(absence);
                fleet.start(victim)
            }
            Case::RestartController => {
                fleet.kill(victim)?;
                fleet.start(victim)
            }
            Case::StopLeader | Case::StopController => {
                fleet.stop(victim)?;
                hold(absence);
                fleet.go_on(victim)
            }
            Case::TerminateLeader | Case::TerminateController => {
                fleet.terminate(victim, PATIENCE)?;
                hold(CALM);
                fleet.start(victim)
            }
        }
    }
}
