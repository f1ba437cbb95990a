//! What changed settings mean for a broker that runs.
//!
//! Those of topics are in force already when this hears of them (`controller::follow`); the thread
//! of the maintenance, the coordinators and everything about connections hear of theirs here.

use std::sync::Arc;

use crate::{broker::Broker, net::Limits};

/// From now on, changed settings reach everything that goes by them.
pub(crate) fn watch(broker: &Arc<Broker>) {
    // the controller outlives nobody: a strong reference would keep the broker for ever
    let watcher = Arc::downgrade(broker);
    broker.controller.observe(move |changes| {
        if !changes.reconfigured && !changes.quotas {
            return;
        }
        let Some(broker) = watcher.upgrade() else { return };
        if changes.reconfigured {
            broker.reconfigure();
        }
        if changes.quotas {
            broker.quotas.follow(&broker.controller.image());
        }
    });
    // what was committed before somebody watched
    broker.quotas.follow(&broker.controller.image());
}

impl Broker {
    fn reconfigure(&self) {
        let settings = self.settings.load();
        self.clients.set_limits(Limits::new(&settings));
        self.peer_gate.set_limits(Limits::of_peers(&settings));
        self.throttles.configure(&settings.fleet);
        self.groups.configure(self.clock, &settings);
        self.partitions.bell().changed();
    }
}
