//! What the kernel says of the process, under the names that Prometheus' own client libraries use.

use std::fs;

use rustix::{param::clock_ticks_per_second, process::Resource};

use super::text::{Kind, Text};

pub(super) fn write(text: &mut Text) {
    if let Some(seconds) = cpu_seconds() {
        text.one(
            "process_cpu_seconds_total",
            Kind::Counter,
            "Processor time of the process, of user and system together.",
            seconds,
        );
    }
    if let Some(bytes) = resident_bytes() {
        text.one("process_resident_memory_bytes", Kind::Gauge, "Resident memory.", bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.one("process_open_fds", Kind::Gauge, "Open file descriptors.", open.count());
    }
    if let Some(most) = rustix::process::getrlimit(Resource::Nofile).current {
        text.one("process_max_fds", Kind::Gauge, "The most file descriptors it may open.", most);
    }
}

/// proc(5): fields 14 and 15 of `stat`, counted from 1, are times in ticks; a name in brackets,
/// which may hold anything, is the second.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_name, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u32 = ticks.map(str::parse::<u32>).sum::<Result<_, _>>().ok()?;
    let per_second = u32::try_from(clock_ticks_per_second()).ok()?;
    Some(f64::from(ticks) / f64::from(per_second))
}

/// proc(5): the second number of `statm` is in pages.
fn resident_bytes() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
