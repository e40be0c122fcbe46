//! How to reach AWS.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::time::Duration;

/// How a [`Session`](super::Session) reaches AWS. What is not said here comes from the
/// environment and the profile, as with the AWS CLI.
///
/// ```
/// use efsbackup_core::aws::AwsOptions;
/// use std::time::Duration;
///
/// let options = AwsOptions {
///     region: Some("eu-west-1".to_owned()),
///     profile: Some("backups".to_owned()),
///     answer_time: Duration::from_secs(120),
///     ..AwsOptions::default()
/// };
/// ```
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// The region, such as `us-east-1`.
    pub region: Option<String>,
    /// The profile in the AWS CLI's files.
    pub profile: Option<String>,
    /// An access key, instead of what the environment and the profile have.
    pub credentials: Option<Credentials>,
    /// A URL in place of AWS's own, for all clients of the session: a VPC endpoint,
    /// `efsbackup serve`.
    pub endpoint: Option<String>,
    /// How often a request is made in all while it is throttled or fails on the way;
    /// 8 by default.
    pub attempts: u32,
    /// The longest pause before the second attempt, doubled with each further one; the
    /// pause itself is random. 500 ms by default.
    pub first_pause: Duration,
    /// The longest pause of all, 20 seconds by default.
    pub longest_pause: Duration,
    /// For making a connection, 10 seconds by default.
    pub connect_time: Duration,
    /// For one attempt of a request, from its begin to the whole answer; 60 seconds by
    /// default. Polls, which wait for work, may take 60 seconds longer.
    pub answer_time: Duration,
}

/// An access key. Its `Debug` form shows the id only.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id, which is no secret.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session's token, where the key is a temporary one.
    pub token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for AwsOptions {
    fn default() -> Self {
        AwsOptions {
            region: None,
            profile: None,
            credentials: None,
            endpoint: None,
            attempts: 8,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(60),
        }
    }
}

impl AwsOptions {
    pub(super) fn check(&self) -> Result<()> {
        let Some(url) = &self.endpoint else { return Ok(()) };
        let wrong = |text: &str| {
            Err(Error::new(ErrorKind::InvalidInput, "endpoint")
                .with_message(format!("'{url}': {text}")))
        };
        let is_text = url.bytes().all(|byte| byte.is_ascii_graphic());
        match url.split_once("://") {
            Some(("https", rest)) if is_text && !rest.is_empty() => Ok(()),
            Some(("http", rest)) if is_text && is_loopback(rest) => Ok(()),
            Some(("http", _)) => {
                wrong("definitions hold secrets; write https://, but for this machine itself")
            }
            _ => wrong("write https://HOST"),
        }
    }
}

fn is_loopback(rest: &str) -> bool {
    let host = rest.split('/').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => host,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
