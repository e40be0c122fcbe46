//! AWS's own services behind `PipelineService`, `ObjectStore` and `Topics`.

mod convert;
#[cfg(feature = "s3")]
mod s3;
mod service;
mod sns;

#[cfg(feature = "s3")]
pub use s3::S3;
pub use sns::Sns;

use crate::aws::Session;
use crate::cancel::CancelToken;
use aws_sdk_datapipeline::Client;
use aws_sdk_datapipeline::config::timeout::TimeoutConfig;
use aws_sdk_datapipeline::config::{Builder, retry::RetryConfig};
use std::time::Duration;

/// What errors call this service.
const OP: &str = "data pipeline";
/// The service lets a poll wait for 90 seconds.
const POLL_EXTRA: Duration = Duration::from_secs(60);

/// AWS Data Pipeline, in the session's region.
///
/// Requests that are throttled or fail on the way are made again, after random pauses.
/// But for two, of which a second one would not be without effect: an activation, which
/// starts a run where the schedule is `ondemand`, is made again only when it was throttled.
/// And `PollForTask` has a longer time limit, as it waits for work.
///
/// ```no_run
/// use efsbackup_core::aws::{AwsOptions, Session};
/// use efsbackup_core::deploy::aws::DataPipeline;
/// use efsbackup_core::deploy::{Wanted, plan};
/// use efsbackup_core::pipeline::Definition;
///
/// // Asks AWS, over the network.
/// let service = DataPipeline::new(&Session::open(&AwsOptions::default())?);
/// let wanted = Wanted::new("nightly", Definition::default());
/// let plan = pollster::block_on(plan(&service, &wanted))?;
/// println!("{} steps", plan.steps.len());
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataPipeline {
    session: Session,
    client: Client,
    poll: Builder,
    once: Builder,
    stop: CancelToken,
}

impl DataPipeline {
    /// The service that this session reaches.
    pub fn new(session: &Session) -> DataPipeline {
        let mut builder = Builder::from(session.config());
        builder.set_endpoint_url(session.endpoint().map(str::to_owned));
        let times = session.config().timeout_config().cloned();
        let times = times.unwrap_or_else(|| TimeoutConfig::builder().build());
        let answer = times.operation_attempt_timeout().unwrap_or_default() + POLL_EXTRA;
        let times = times.into_builder().operation_attempt_timeout(answer).build();
        DataPipeline {
            session: session.clone(),
            client: Client::from_conf(builder.build()),
            poll: Builder::new().timeout_config(times),
            once: Builder::new().retry_config(RetryConfig::disabled()),
            stop: CancelToken::new(),
        }
    }

    /// As this, but its polls for a task return without one once `cancel` is set.
    #[must_use]
    pub fn until(mut self, cancel: &CancelToken) -> DataPipeline {
        self.stop = cancel.clone();
        self
    }
}
