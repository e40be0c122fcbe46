//! A service of pipelines, whichever it is, by one type; and calls to it that wait.
//!
//! ```
//! use efsbackup_core::cancel::CancelToken;
//! use efsbackup_core::deploy::Wanted;
//! use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
//! use efsbackup_core::service::Service;
//!
//! # let dir = tempfile::tempdir()?;
//! let definition = Definition::default()
//!     .with(Defaults::new().schedule_type("ondemand"))
//!     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
//! let service = Service::embedded(&dir.path().join("state.db"))?;
//! let (cancel, wanted) = (CancelToken::new(), Wanted::new("nightly", definition));
//! let calls = service.blocking(&cancel);
//! let plan = calls.plan(&wanted)?;
//! let id = calls.apply(&wanted, &plan, None, &mut |_| {})?;
//! assert!(calls.plan(&wanted)?.is_empty());
//! assert_eq!(calls.statuses()?[0].id, id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocking;
mod calls;
mod wait;

pub use blocking::Blocking;

#[cfg(feature = "aws")]
use crate::aws::{AwsOptions, Session};
use crate::cancel::CancelToken;
use crate::clock::SystemClock;
#[cfg(feature = "aws")]
use crate::deploy::aws::DataPipeline;
use crate::engine::Engine;
use crate::error::Result;
use crate::wire::{Keys, Remote};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A service of pipelines: AWS Data Pipeline, one that `efsbackup serve` offers, or the
/// embedded one. It is a [`PipelineService`](crate::deploy::PipelineService) as they are.
///
/// ```
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::service::Service;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// let service = Service::embedded("state.db".as_ref())?;
/// assert_eq!(service.kind(), "embedded");
/// for pipeline in service.blocking(&CancelToken::new()).statuses()? {
///     println!("{} {}", pipeline.name, pipeline.state);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Service {
    kind: Kind,
    /// The process that opened it: neither threads nor locks of it outlive a fork.
    process: u32,
}

#[derive(Clone)]
enum Kind {
    Embedded(Arc<Engine>),
    Remote(Remote),
    #[cfg(feature = "aws")]
    Aws(Box<DataPipeline>),
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.kind())
    }
}

impl Service {
    fn new(kind: Kind) -> Service {
        Service { kind, process: std::process::id() }
    }

    /// The embedded service with its state in the file at `path`, made if missing. What is
    /// active there is run by [`run`](crate::run), or by `efsbackup serve`.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn embedded(path: &Path) -> Result<Service> {
        Ok(Service::new(Kind::Embedded(Arc::new(Engine::open(path, Arc::new(SystemClock))?))))
    }

    /// The service that `efsbackup serve` offers at `endpoint`.
    ///
    /// # Errors
    /// As [`Remote::new`].
    pub fn remote(endpoint: &str, keys: Keys) -> Result<Service> {
        Ok(Service::new(Kind::Remote(Remote::new(endpoint, keys)?)))
    }

    /// AWS Data Pipeline. Region and credentials are looked for at once.
    ///
    /// # Errors
    /// As [`Session::open`], and `Cancelled` soon after `cancel` is set.
    #[cfg(feature = "aws")]
    pub fn aws(options: &AwsOptions, cancel: &CancelToken) -> Result<Service> {
        let session = Session::open_until(options, cancel)?;
        Ok(Service::new(Kind::Aws(Box::new(DataPipeline::new(&session)))))
    }

    /// `embedded`, `remote` or `aws`.
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Embedded(_) => "embedded",
            Kind::Remote(_) => "remote",
            #[cfg(feature = "aws")]
            Kind::Aws(_) => "aws",
        }
    }

    /// As this, but its polls for a task return without one once `cancel` is set.
    #[must_use]
    pub fn until(self, cancel: &CancelToken) -> Service {
        let kind = match self.kind {
            Kind::Embedded(engine) => Kind::Embedded(engine),
            Kind::Remote(remote) => Kind::Remote(remote.until(cancel)),
            #[cfg(feature = "aws")]
            Kind::Aws(aws) => Kind::Aws(Box::new(aws.until(cancel))),
        };
        Service { kind, ..self }
    }

    /// Calls that wait for the answer on the calling thread; each ends soon after `cancel` is
    /// set, with `Cancelled`. What was asked of the service may be done nevertheless.
    pub fn blocking(&self, cancel: &CancelToken) -> Blocking {
        let mut service = self.clone();
        if let Kind::Remote(remote) = &mut service.kind {
            *remote = remote.clone().abandoned_by(cancel);
        }
        Blocking::new(service, cancel.clone())
    }
}
