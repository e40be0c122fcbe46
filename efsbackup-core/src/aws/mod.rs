//! A session with AWS: credentials, region, retries and the threads that requests run on.
//!
//! The clients of single services are made from it, such as
//! [`deploy::aws::DataPipeline`](crate::deploy::aws::DataPipeline).

mod fault;
mod options;

pub(crate) use fault::error_of;
pub use options::{AwsOptions, Credentials};

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, Result};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{self as http, Connector};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Between two looks whether work is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Where requests to AWS are made from.
///
/// It owns a runtime with one thread, which ends with the last clone of the session and of
/// the clients made from it. So futures of those clients can be awaited on any executor.
/// Credentials come from where the AWS CLI has them: the environment, profiles with roles,
/// SSO and processes, containers, the machine's role.
///
/// ```
/// use efsbackup_core::aws::{AwsOptions, Credentials, Session};
/// use efsbackup_core::deploy::all_pipelines;
/// use efsbackup_core::deploy::aws::DataPipeline;
///
/// # use efsbackup_core::wire::{Key, Keys};
/// # const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// # let engine = efsbackup_core::engine::Engine::in_memory(std::sync::Arc::new(efsbackup_core::clock::SystemClock))?;
/// # let options = efsbackup_core::serve::ServeOptions::new(Keys::new([Key::new("AKIDEXAMPLE", SECRET)?]));
/// # let server = efsbackup_core::serve::Server::bind("127.0.0.1:0".parse()?, options)?;
/// # let url = format!("http://{}", server.address()?);
/// # std::thread::spawn(move || server.run(&engine, &efsbackup_core::cancel::CancelToken::new()));
/// let session = Session::open(&AwsOptions {
///     region: Some("eu-west-1".to_owned()),
/// #    endpoint: Some(url),
/// #    credentials: Some(Credentials {
/// #        id: "AKIDEXAMPLE".to_owned(),
/// #        secret: SECRET.to_owned(),
/// #        token: None,
/// #    }),
///     ..AwsOptions::default()
/// })?;
/// let pipelines = pollster::block_on(all_pipelines(&DataPipeline::new(&session)))?;
/// # assert!(pipelines.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Session {
    config: SdkConfig,
    endpoint: Option<String>,
    threads: Arc<Threads>,
}

/// The runtime. Dropping one may not wait where the caller is a task of another.
struct Threads(Option<Runtime>);

impl Threads {
    /// Does `work` on these, and waits for it on the calling one.
    fn wait<T: Send + 'static>(
        &self,
        cancel: &CancelToken,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let runtime = self.0.as_ref().ok_or_else(lost)?;
        let (send, receive) = channel();
        let _task = Task(runtime.spawn(async move {
            // Nobody may wait for it any more.
            let _ = send.send(work.await);
        }));
        loop {
            match receive.recv_timeout(LOOK) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                    return Err(Error::new(ErrorKind::Cancelled, "aws")
                        .with_message("no longer waited for"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("region", &self.config.region())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Finds region and credentials. Waits on the calling thread, some seconds at most.
    ///
    /// # Errors
    /// `InvalidInput` without a region and for an endpoint that would send secrets over the
    /// network unencrypted, `Auth` where no credentials are to be had.
    pub fn open(options: &AwsOptions) -> Result<Session> {
        Session::open_until(options, &CancelToken::new())
    }

    /// As [`open`](Self::open), but for no longer than `cancel` allows.
    ///
    /// # Errors
    /// `Cancelled` soon after it is set, and as [`open`](Self::open).
    pub fn open_until(options: &AwsOptions, cancel: &CancelToken) -> Result<Session> {
        options.check()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("efsbackup-aws")
            .enable_all()
            .build()
            .map_err(|error| Error::from_io("start runtime", error))?;
        let options = options.clone();
        let endpoint = options.endpoint.clone();
        let threads = Threads(Some(runtime));
        let config = threads.wait(cancel, load(options))?;
        Ok(Session { config, endpoint, threads: Arc::new(threads) })
    }

    /// What clients are made of.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The one that was asked for.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Does `work` on the session's thread, and waits for it on this one.
    ///
    /// # Errors
    /// `Cancelled` soon after `cancel` is set, and those of the work.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        cancel: &CancelToken,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.threads.wait(cancel, work)
    }

    /// Does `work` on the session's thread; dropping the future ends the work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let runtime = self.threads.0.as_ref().ok_or_else(lost)?;
        let mut task = Task(runtime.spawn(work));
        (&mut task.0).await.map_err(|error| lost().with_source(error))?
    }
}

/// Work that ends when nobody waits for it any more.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "aws").with_message("the thread for requests has ended")
}

async fn load(options: AwsOptions) -> Result<SdkConfig> {
    // As the builder's own `build_https`, but with the proxies that the environment names.
    let client = http::Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    });
    let retries = RetryConfig::standard()
        .with_max_attempts(options.attempts)
        .with_initial_backoff(options.first_pause)
        .with_max_backoff(options.longest_pause);
    let times = TimeoutConfig::builder()
        .connect_timeout(options.connect_time)
        .operation_attempt_timeout(options.answer_time)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client)
        .retry_config(retries)
        .timeout_config(times);
    if let Some(region) = options.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(Credentials { id, secret, token }) = options.credentials {
        let credentials = aws_credential_types::Credentials::new(id, secret, token, None, "given");
        loader = loader.credentials_provider(credentials);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, "aws").with_message(
            "no region is known; name one, set AWS_REGION, or give the profile a region",
        ));
    }
    let none = || {
        Error::new(ErrorKind::Auth, "aws").with_message(
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
             name a profile, or run where there is a role",
        )
    };
    let provider = config.credentials_provider().ok_or_else(none)?;
    // Asked for at once: the error is clear before anything is begun.
    provider.provide_credentials().await.map_err(|error| none().with_source(error))?;
    Ok(config)
}
