//! SNS, for alarms.

use crate::aws::{Session, error_of};
use crate::cancel::CancelToken;
use crate::deploy::Topics;
use crate::error::{Error, ErrorKind, Result};
use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, Region};

/// SNS's limit of a subject, in characters, which are of ASCII.
const SUBJECT: usize = 100;
/// SNS's limit of a message, in bytes.
const MESSAGE: usize = 256 * 1024;

/// Amazon SNS. Each topic is reached in its own region.
///
/// ```no_run
/// use efsbackup_core::aws::{AwsOptions, Session};
/// use efsbackup_core::deploy::Topics;
/// use efsbackup_core::deploy::aws::Sns;
///
/// // Publishes to SNS, over the network.
/// let topics = Sns::new(&Session::open(&AwsOptions::default())?);
/// topics.publish("arn:aws:sns:eu-west-1:123456789012:backups", "nightly", "It is done.")?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sns {
    session: Session,
    client: Client,
}

impl Sns {
    /// SNS with the credentials of this session.
    pub fn new(session: &Session) -> Sns {
        let mut builder = Builder::from(session.config());
        if let Some(endpoint) = session.endpoint() {
            builder.set_endpoint_url(Some(endpoint.to_owned()));
        }
        Sns { session: session.clone(), client: Client::from_conf(builder.build()) }
    }
}

impl Topics for Sns {
    fn publish(&self, topic: &str, subject: &str, message: &str) -> Result<()> {
        let parts: Vec<&str> = topic.split(':').collect();
        let ["arn", _, "sns", region, _, _] = parts.as_slice() else {
            return Err(Error::new(ErrorKind::InvalidInput, "sns")
                .with_message(format!("'{topic}' is no ARN of a topic")));
        };
        let there = Builder::new().region(Region::new((*region).to_owned()));
        let request = self
            .client
            .publish()
            .topic_arn(topic)
            .set_subject(Some(shortened(subject)).filter(|subject| !subject.is_empty()))
            .message(fitting(message))
            .customize()
            .config_override(there);
        let work = async move {
            request.send().await.map(drop).map_err(|error| error_of("sns", "Publish", error))
        };
        self.session.wait(&CancelToken::new(), work)
    }
}

/// A subject as SNS takes it: of one line, of ASCII, and short.
fn shortened(subject: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' => c,
        c if c.is_whitespace() => ' ',
        _ => '?',
    };
    subject.chars().take(SUBJECT).map(plain).collect::<String>().trim().to_owned()
}

/// A message as SNS takes it: not empty, and not too long.
fn fitting(message: &str) -> &str {
    if message.is_empty() {
        return "-";
    }
    message.get(..message.floor_char_boundary(MESSAGE)).unwrap_or(message)
}
