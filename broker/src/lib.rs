//! The shell: sockets, timers, threads and disks; no Kafka logic.
