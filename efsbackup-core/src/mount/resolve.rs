//! Names to addresses, within a time.

use super::sys::Limit;
use crate::error::{Error, ErrorKind, Result};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A server to mount from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// What stands in the mount's source.
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// The first of `hosts` that has an address, or else `fallback` in the name of the last: a
/// mount target answers before its name is known everywhere, and where DNS is not at all.
///
/// # Errors
/// [`ErrorKind::NotFound`] when nothing has an address, [`ErrorKind::Timeout`], and
/// [`ErrorKind::Cancelled`].
pub(super) fn resolve(hosts: &[String], fallback: Option<IpAddr>, limit: &Limit) -> Result<Server> {
    resolve_with(hosts, fallback, limit, |host| {
        (host, 2049).to_socket_addrs().map(|found| found.map(|socket| socket.ip()).collect())
    })
}

fn resolve_with(
    hosts: &[String],
    fallback: Option<IpAddr>,
    limit: &Limit,
    look_up: fn(&str) -> std::io::Result<Vec<IpAddr>>,
) -> Result<Server> {
    let mut last = None;
    for host in hosts {
        if let Ok(address) = host.parse() {
            return Ok(Server { host: host.clone(), address });
        }
        match in_time(host, limit, look_up) {
            Ok(Some(address)) => return Ok(Server { host: host.clone(), address }),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => last = Some(error),
        }
    }
    // The name stays in the source, where it proves which file system is mounted.
    if let (Some(address), Some(host)) = (fallback, hosts.last()) {
        return Ok(Server { host: host.clone(), address });
    }
    let names = hosts.join(" and ");
    Err(last.unwrap_or_else(|| {
        Error::new(ErrorKind::NotFound, "resolve").with_message(format!("{names} has no address"))
    }))
}

/// Looks a name up in a thread of its own, since that may take minutes. A thread that is
/// too late is left alone: it ends by itself, and changes nothing.
fn in_time(
    host: &str,
    limit: &Limit,
    look_up: fn(&str) -> std::io::Result<Vec<IpAddr>>,
) -> Result<Option<IpAddr>> {
    const LOOK: Duration = Duration::from_millis(50);
    let (sender, receiver) = channel();
    let name = host.to_owned();
    std::thread::spawn(move || {
        // The receiver may have given up.
        let _ = sender.send(look_up(&name));
    });
    loop {
        match receiver.recv_timeout(LOOK.min(limit.left())) {
            Ok(Ok(addresses)) => return Ok(addresses.first().copied()),
            Ok(Err(error)) => {
                return Err(Error::new(ErrorKind::NotFound, "resolve")
                    .with_message(format!(
                        "{host} has no address that this machine can find; is the name right, \
                         and does a mount target exist in this network? --address names one"
                    ))
                    .with_source(error));
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if limit.cancel.is_cancelled() => {
                return Err(Error::new(ErrorKind::Cancelled, "resolve"));
            }
            Err(RecvTimeoutError::Timeout) if limit.left().is_zero() => {
                return Err(Error::new(ErrorKind::Timeout, "resolve")
                    .with_message(format!("the name server does not answer for {host}")));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;
    use std::time::Instant;

    fn limit(milliseconds: u64) -> Limit {
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        Limit { deadline, cancel: CancelToken::new() }
    }

    fn only_known(host: &str) -> std::io::Result<Vec<IpAddr>> {
        match host {
            "known" => Ok(vec![IpAddr::from([10, 0, 0, 5])]),
            _ => Err(std::io::Error::other("no such name")),
        }
    }

    fn run(hosts: &[&str], fallback: Option<IpAddr>) -> Result<Server> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        resolve_with(&hosts, fallback, &limit(60_000), only_known)
    }

    #[test]
    fn the_first_name_with_an_address_is_used() {
        let server = run(&["unknown", "known"], None).unwrap();
        assert_eq!(server, Server { host: "known".into(), address: [10, 0, 0, 5].into() });
        assert_eq!(run(&["fd00::1"], None).unwrap().host, "fd00::1");
        assert!(run(&["unknown"], None).unwrap_err().message().contains("unknown has no address"));
    }

    #[test]
    fn the_mount_targets_address_stands_in_for_a_name_that_is_unknown() {
        let server = run(&["unknown"], Some([10, 0, 0, 6].into())).unwrap();
        assert_eq!(server, Server { host: "unknown".into(), address: [10, 0, 0, 6].into() });
    }

    #[test]
    fn a_name_server_that_is_silent_is_waited_for_until_the_deadline() {
        let silent = |_: &str| {
            std::thread::park();
            Ok(Vec::new())
        };
        let error = resolve_with(&["known".into()], None, &limit(50), silent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
}
