//! Hosts of a test's own: namespaces of the kernel's network around a bridge, each at the end of a
//! link that is cut one way or both, made slow or lossy, and healed.
//!
//! Nothing has a name that could outlive the test. A namespace lives as long as the processes in
//! it, and those end with the test or, whatever becomes of it, after [`LIFE`].

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::cache;
use crate::need;
use crate::process::{Process, pause};
use crate::suite::Scratch;

/// How long a network lives, in seconds.
const LIFE: &str = "1200";

/// Where a host serves clients, and where its peers.
const PORTS: [u16; 2] = [9092, 9094];

/// Somebody in the network: a host by its number, or everybody who is in the test's own place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The host with this number.
    Host(i32),
    /// The test, and the clients that it starts.
    Clients,
}

/// A bridge, where the clients are, and hosts around it.
#[derive(Debug)]
pub struct Network {
    bridge: Process,
    hosts: Vec<Process>,
}

/// Whether `suite` may make a network here; said loudly when it may not.
pub fn ready(suite: &str) -> Result<bool> {
    if !geteuid().is_root() {
        need::skip(suite, "only root may make networks to put brokers into")?;
        return Ok(false);
    }
    for program in ["ip", "nft", "tc", "nsenter", "setpriv", "unshare"] {
        if need::find(program).is_none() {
            let why = format!("{program} not found; install iproute2, nftables and util-linux");
            need::skip(suite, &why)?;
            return Ok(false);
        }
    }
    let scratch = Scratch::new("network")?;
    if let Err(why) =
        Network::of(1, scratch.path()).and_then(|it| it.cut(Who::Clients, Who::Host(0)))
    {
        need::skip(suite, &format!("networks cannot be made here: {why:#}"))?;
        return Ok(false);
    }
    Ok(true)
}

impl Network {
    /// A network of `count` hosts with the numbers 0, 1, ...; logs of its making go to `folder`.
    pub fn of(count: i32, folder: &Path) -> Result<Network> {
        let log = folder.join("network.log");
        let bridge = keeper(&log)?;
        let hosts = (0..count).map(|_| keeper(&log)).collect::<Result<Vec<_>>>()?;
        let network = Network { bridge, hosts };
        network.run(Who::Clients, "ip link set lo up")?;
        network.run(Who::Clients, "ip link add hub type bridge")?;
        network.run(Who::Clients, &format!("ip addr add {}/24 dev hub", ip(Who::Clients)))?;
        network.run(Who::Clients, "ip link set hub up")?;
        for (number, host) in (0..count).zip(&network.hosts) {
            let (who, pid) = (Who::Host(number), host.pid());
            let link = format!("ip link add host{number} type veth peer name eth0 netns {pid}");
            network.run(Who::Clients, &link)?;
            network.run(Who::Clients, &format!("ip link set host{number} master hub up"))?;
            network.run(who, "ip link set lo up")?;
            network.run(who, &format!("ip addr add {}/24 dev eth0", ip(who)))?;
            network.run(who, "ip link set eth0 up")?;
        }
        for who in network.all() {
            network.run(who, "nft add table inet faults")?;
            network
                .run(who, "nft add chain inet faults in { type filter hook input priority 0; }")?;
        }
        Ok(network)
    }

    /// Where a host serves clients, and where its peers.
    pub fn addresses(number: i32) -> [SocketAddr; 2] {
        PORTS.map(|port| SocketAddr::new(ip(Who::Host(number)), port))
    }

    /// What runs a program on a host. It ends with the thread that starts it.
    pub fn inside(&self, who: Who) -> Result<Command> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.keeper(who)?.pid()));
        command.args(["setpriv", "--pdeathsig", "KILL"]);
        Ok(command)
    }

    /// Moves this thread to where the clients are, and with it the threads and processes that it
    /// starts, until the guard goes.
    pub fn enter(&self) -> Result<Inside> {
        let home = File::open("/proc/thread-self/ns/net")?;
        let here = File::open(format!("/proc/{}/ns/net", self.bridge.pid()))?;
        move_into_link_name_space(here.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(Inside { home })
    }

    /// From now on nothing that `from` sends reaches `to`.
    pub fn cut(&self, from: Who, to: Who) -> Result<()> {
        self.run(to, &format!("nft add rule inet faults in ip saddr {} drop", ip(from)))
    }

    /// From now on neither hears of the other.
    pub fn part(&self, one: Who, other: Who) -> Result<()> {
        self.cut(one, other)?;
        self.cut(other, one)
    }

    /// From now on `percent` of what `to` is sent gets lost.
    pub fn lose(&self, to: Who, percent: u8) -> Result<()> {
        let rule = format!("numgen random mod 100 < {percent} drop");
        self.run(to, &format!("nft add rule inet faults in iifname eth0 {rule}"))
    }

    /// From now on a host sends this many kilobits a second, with up to `delay_ms` of them waiting.
    pub fn slow(&self, number: i32, kbit: u32, delay_ms: u32) -> Result<()> {
        let shape = format!("rate {kbit}kbit burst 16kbit latency {delay_ms}ms");
        self.run(Who::Host(number), &format!("tc qdisc replace dev eth0 root tbf {shape}"))
    }

    /// Everybody hears everybody again, as fast as ever.
    pub fn heal(&self) -> Result<()> {
        for who in self.all() {
            self.run(who, "nft flush chain inet faults in")?;
        }
        for number in (0..).take(self.hosts.len()) {
            self.run(Who::Host(number), "tc qdisc replace dev eth0 root pfifo_fast")?;
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = Who> + use<> {
        let hosts = (0..).take(self.hosts.len()).map(Who::Host);
        hosts.chain([Who::Clients])
    }

    fn keeper(&self, who: Who) -> Result<&Process> {
        match who {
            Who::Clients => Ok(&self.bridge),
            Who::Host(number) => {
                self.hosts.get(usize::try_from(number)?).context("no such host in the network")
            }
        }
    }

    fn run(&self, who: Who, line: &str) -> Result<()> {
        cache::run(self.inside(who)?.args(line.split(' ')))
    }
}

/// A thread that has moved to the clients; it goes home when this is dropped.
#[derive(Debug)]
pub struct Inside {
    home: File,
}

impl Drop for Inside {
    fn drop(&mut self) {
        // a thread that cannot go back ends with the test that it belongs to
        _ = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network));
    }
}

fn ip(who: Who) -> IpAddr {
    let last = match who {
        Who::Clients => 1,
        Who::Host(number) => u8::try_from(number + 10).unwrap_or(u8::MAX),
    };
    Ipv4Addr::new(10, 99, 0, last).into()
}

/// A process that keeps a new network namespace.
fn keeper(log: &Path) -> Result<Process> {
    let mut command = Command::new("unshare");
    command.args(["--net", "setpriv", "--pdeathsig", "KILL", "sleep", LIFE]);
    command.stdout(Stdio::null());
    let mut process = Process::start_keeping_stdout(&mut command, log)?;
    let ours = fs::read_link("/proc/thread-self/ns/net")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_link(format!("/proc/{}/ns/net", process.pid()))? == ours {
        process.check_alive()?;
        ensure!(Instant::now() < deadline, "no namespace was made");
        pause();
    }
    Ok(process)
}
