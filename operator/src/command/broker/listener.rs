//! `--listener NAME=HOST:PORT[,advertised=HOST:PORT]` and its like for other brokers, parsed once.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use kastellan_broker::{Listener, PeerListener};

use crate::failure::Failure;

/// The argument as given: shape checked, names not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListenerArgument {
    name: String,
    bind: HostPort,
    advertised: Option<HostPort>,
}

impl FromStr for ListenerArgument {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let (name, rest) =
            argument.split_once('=').ok_or("write NAME=HOST:PORT, as in plain=127.0.0.1:9092")?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        {
            return Err(format!("the name {name:?} may hold letters, digits, - and _ only"));
        }
        let (bind, advertised) = bind_and_advertised(rest)?;
        Ok(Self { name: name.to_owned(), bind, advertised })
    }
}

/// A host without brackets, and a port.
type HostPort = (String, u16);

/// `HOST:PORT[,advertised=HOST:PORT]`.
fn bind_and_advertised(text: &str) -> Result<(HostPort, Option<HostPort>), String> {
    let Some((bind, more)) = text.split_once(',') else { return Ok((host_and_port(text)?, None)) };
    let advertised = more
        .strip_prefix("advertised=")
        .ok_or_else(|| format!("{more:?} is not known here; write advertised=HOST:PORT"))?;
    let advertised = host_and_port(advertised)?;
    if advertised.1 == 0 {
        return Err("nobody can connect to the advertised port 0".to_owned());
    }
    Ok((host_and_port(bind)?, Some(advertised)))
}

/// Takes brackets off an IPv6 host.
fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("{text:?} has no port; write HOST:PORT, as in 127.0.0.1:9092"))?;
    let bare = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner,
        None if host.contains(':') => {
            return Err(format!("write an IPv6 address in brackets: [{host}]:{port}"));
        }
        None => host,
    };
    if bare.is_empty() {
        return Err(format!("{text:?} has no host; write 0.0.0.0:{port} to listen everywhere"));
    }
    let port = port.parse().map_err(|why| format!("{port:?} is not a port: 0 to 65535 ({why})"))?;
    Ok((bare.to_owned(), port))
}

impl ListenerArgument {
    /// Looks the host up; the first address counts.
    pub(super) fn resolve(self) -> Result<Listener, Failure> {
        let bind = look_up(&format!("--listener {}", self.name), &self.bind)?;
        Ok(Listener { name: self.name, bind, advertised: self.advertised })
    }
}

/// Where other brokers are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeerArgument {
    bind: HostPort,
    advertised: Option<HostPort>,
}

impl FromStr for PeerArgument {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let (bind, advertised) = bind_and_advertised(argument)?;
        Ok(Self { bind, advertised })
    }
}

impl PeerArgument {
    /// Looks the host up; the first address counts.
    pub(super) fn resolve(self, plain_text: bool) -> Result<PeerListener, Failure> {
        let bind = look_up("--peer-listener", &self.bind)?;
        Ok(PeerListener { bind, advertised: self.advertised, plain_text })
    }
}

/// Where something else than clients is let in: `HOST:PORT`, its name not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddressArgument((String, u16));

impl FromStr for AddressArgument {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        host_and_port(argument).map(Self)
    }
}

impl AddressArgument {
    /// Looks the host up; the first address counts.
    pub(super) fn resolve(&self, option: &str) -> Result<SocketAddr, Failure> {
        look_up(option, &self.0)
    }
}

fn look_up(option: &str, (host, port): &(String, u16)) -> Result<SocketAddr, Failure> {
    (host.as_str(), *port)
        .to_socket_addrs()
        .map_err(|why| why.to_string())
        .and_then(|mut found| found.next().ok_or_else(|| "no address".to_owned()))
        .map_err(|why| {
            Failure::usage(format!("{option}: look up {host}: {why}"))
                .help("write a name that this machine can resolve, or an IP address")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(argument: &str) -> Result<ListenerArgument, String> {
        argument.parse()
    }

    #[test]
    fn a_listener_has_a_name_an_address_and_perhaps_another_for_clients() {
        let plain = parse("plain=127.0.0.1:9092").unwrap();
        assert_eq!(plain.name, "plain");
        assert_eq!(plain.bind, ("127.0.0.1".to_owned(), 9092));
        assert_eq!(plain.advertised, None);
        let out = parse("out=[::]:9094,advertised=kafka.example:443").unwrap();
        assert_eq!(out.bind, ("::".to_owned(), 9094));
        assert_eq!(out.advertised, Some(("kafka.example".to_owned(), 443)));
    }

    #[test]
    fn what_is_wrong_with_a_listener_is_said() {
        for (argument, expected) in [
            ("127.0.0.1:9092", "write NAME=HOST:PORT"),
            ("=127.0.0.1:9092", "may hold letters, digits"),
            ("plain=127.0.0.1", "has no port"),
            ("plain=127.0.0.1:70000", "is not a port: 0 to 65535"),
            ("plain=:9092", "write 0.0.0.0:9092 to listen everywhere"),
            ("plain=::1:9092", "in brackets: [::1]:9092"),
            ("plain=127.0.0.1:9092,adv=x:1", "write advertised=HOST:PORT"),
            ("plain=127.0.0.1:9092,advertised=x:0", "the advertised port 0"),
        ] {
            let why = parse(argument).unwrap_err();
            assert!(why.contains(expected), "{argument}: {why}");
        }
    }
}
