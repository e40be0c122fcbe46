//! The embedded service on AWS's wire protocol, for the AWS CLI, boto3 and [`Remote`].
//!
//! Whoever can sign may put definitions and so run shell commands as the user of the
//! worker. So every request must be signed with one of the service's keys, and the
//! service listens on this machine's own addresses only. docs/security.md says what an
//! operator must know.
//!
//! [`Remote`]: crate::wire::Remote

mod connection;
mod dispatch;
mod rate;

use crate::cancel::CancelToken;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::Keys;
use rate::Rate;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a wait for connections lasts before the stop is looked at.
const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How a service is offered.
///
/// ```
/// use efsbackup_core::serve::ServeOptions;
/// use efsbackup_core::wire::{Key, Keys};
///
/// let key = Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let mut options = ServeOptions::new(Keys::new([key]));
/// options.requests_per_second = 10;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The keys that requests may be signed with.
    pub keys: Keys,
    /// Longest body, in bytes; 4 MiB by default.
    pub longest_body: usize,
    /// Most connections at a time, 64 by default. Further ones wait.
    pub connections: usize,
    /// Most requests a second in the long run, over all keys; 2,000 by default. Above
    /// it requests are answered with `ThrottlingException`.
    pub requests_per_second: u32,
    /// From a request's first byte to its last, and for taking its answer; 20 seconds by
    /// default. Slower clients are cut off.
    pub request_time: Duration,
    /// How long a connection may be without a request; 75 seconds by default.
    pub idle_time: Duration,
    /// How long `PollForTask` waits for a task; 20 seconds by default.
    pub poll_time: Duration,
}

impl ServeOptions {
    /// The defaults, with these keys.
    pub fn new(keys: Keys) -> ServeOptions {
        ServeOptions {
            keys,
            longest_body: 4 * 1024 * 1024,
            connections: 64,
            requests_per_second: 2_000,
            request_time: Duration::from_secs(20),
            idle_time: Duration::from_secs(75),
            poll_time: Duration::from_secs(20),
        }
    }
}

/// A service that listens.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::clock::SystemClock;
/// use efsbackup_core::engine::Engine;
/// use efsbackup_core::serve::{ServeOptions, Server};
/// use efsbackup_core::wire::{Key, Keys};
/// use std::sync::Arc;
///
/// let engine = Engine::in_memory(Arc::new(SystemClock))?;
/// let keys = Keys::new([Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?]);
/// let server = Server::bind("127.0.0.1:0".parse()?, ServeOptions::new(keys))?;
/// println!("listening at http://{}", server.address()?);
/// let stop = CancelToken::new();
/// # stop.cancel();
/// server.run(&engine, &stop)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    options: ServeOptions,
}

impl Server {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// `Unsupported` for an address that is not this machine's own (loopback): what
    /// should reach further needs a tunnel or proxy with TLS in front. `Auth` without
    /// keys, and where the port can't be had.
    pub fn bind(address: SocketAddr, options: ServeOptions) -> Result<Server> {
        let wrong =
            |kind, text: &str| Error::new(kind, "serve").with_message(format!("{address}: {text}"));
        if !address.ip().is_loopback() {
            let text = "the service listens on loopback only (127.0.0.1 or [::1]); \
                        put ssh or a proxy with TLS in front";
            return Err(wrong(ErrorKind::Unsupported, text));
        }
        if options.keys.is_empty() {
            return Err(wrong(ErrorKind::Auth, "without a key nobody could sign"));
        }
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|error: std::io::Error| {
            Error::from_io("listen", error).with_message(format!("can't listen at {address}"))
        })?;
        Ok(Server { listener, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Where the system can't tell.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::from_io("listen", error))
    }

    /// Answers requests until `stop` is set; then requests that have begun are finished,
    /// and polls that wait return without a task.
    ///
    /// # Errors
    /// Where the system gives no more connections.
    pub fn run(&self, engine: &Engine, stop: &CancelToken) -> Result<()> {
        let open = AtomicUsize::new(0);
        let rate = Rate::new(self.options.requests_per_second);
        thread::scope(|scope| {
            while !stop.is_cancelled() {
                if open.load(Ordering::Acquire) >= self.options.connections {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                }
                let mut ready = [PollFd::new(&self.listener, PollFlags::IN)];
                match poll(&mut ready, Some(&SLICE)) {
                    Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                    Ok(_) => {}
                    Err(error) => return Err(Error::from_errno("listen", error.raw_os_error())),
                }
                // One that has gone again, or no descriptors left: later ones may do.
                let Ok((stream, _)) = self.listener.accept() else {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                };
                open.fetch_add(1, Ordering::AcqRel);
                let served = thread::Builder::new().spawn_scoped(scope, || {
                    let _leaving = Leaving(&open);
                    connection::serve(stream, engine, &self.options, &rate, stop);
                });
                if served.is_err() {
                    // No thread, so nobody left.
                    open.fetch_sub(1, Ordering::AcqRel);
                }
            }
            Ok(())
        })
    }
}

/// Counts a connection out, also where its thread panics.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
