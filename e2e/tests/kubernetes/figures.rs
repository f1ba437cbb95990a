//! The figures that were promised, printed with every run: this machine may be busy with other
//! things, so only what does not depend on its speed fails.

use anyhow::Result;
use kastellan_e2e::cluster::{say, scenario};

use crate::operated::{DEMO, install, ready};

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn from_apply_to_ready() -> Result<()> {
    scenario("figures", |namespace| {
        install(namespace)?;
        namespace.applied(DEMO)?;
        let took = ready(namespace)?;
        say(&format!(
            "FIGURE apply to Ready, one broker: {:.1} s (promised: 8)",
            took.as_secs_f32()
        ))
    })
}
