//! Why a broker did not start, and what to do about it.

use std::io::ErrorKind;

use kastellan_broker::{Config, StartError};

use crate::failure::Failure;

/// The failure that the person at the terminal reads.
pub(super) fn start(why: &StartError, config: &Config) -> Failure {
    match why {
        StartError::Bind { name, address, source } => bind(name, *address, source),
        StartError::Settings(invalid) => {
            let all = invalid.iter().map(ToString::to_string).collect::<Vec<_>>();
            Failure::usage(all.join("\nerror: ")).help("write --set NAME=VALUE for each setting")
        }
        StartError::NotAdvertised(name) => {
            Failure::usage(format!("listener {name} listens on all addresses: clients need one"))
                .help(format!("write --listener {name}=0.0.0.0:PORT,advertised=HOST:PORT"))
        }
        other => Failure::new(format!("start broker {}: {other}", config.node_id)),
    }
}

fn bind(name: &str, address: std::net::SocketAddr, source: &std::io::Error) -> Failure {
    let (port, host) = (address.port(), address.ip());
    match source.kind() {
        ErrorKind::AddrInUse => {
            Failure::new(format!("listener {name}: port {port} of {host} is in use")).help(format!(
                "stop what listens there (ss -ltnp 'sport = :{port}' shows it) or choose another \
                 port: --listener {name}={host}:PORT, or `port` of the KafkaCluster's listener"
            ))
        }
        ErrorKind::AddrNotAvailable => Failure::new(format!(
            "listener {name}: {host} is no address of this machine"
        ))
        .help(format!(
            "listen on 0.0.0.0 and tell clients the other address: --listener \
                     {name}=0.0.0.0:{port},advertised={host}:{port}"
        )),
        ErrorKind::PermissionDenied => {
            Failure::new(format!("listener {name}: port {port} is only for the administrator"))
                .help("choose a port from 1024 on")
        }
        _ => Failure::new(format!("listener {name}: listen on {address}: {source}")),
    }
}
