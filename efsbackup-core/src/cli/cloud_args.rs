//! What of AWS a verb reaches, and as whom.

use crate::deploy::{ObjectStore, Topics};
use crate::error::Result;
#[cfg(not(feature = "s3"))]
use crate::error::{Error, ErrorKind};
use std::sync::Arc;

/// Who asks AWS, and where.
#[derive(clap::Args)]
pub(crate) struct SessionArgs {
    /// AWS's region (default: AWS_REGION, or the profile's)
    #[arg(long)]
    region: Option<String>,
    /// The profile in the AWS CLI's files (default: AWS_PROFILE, or `default`)
    #[arg(long)]
    profile: Option<String>,
}

impl SessionArgs {
    #[cfg(feature = "s3")]
    pub(crate) fn options(&self, endpoint: Option<String>) -> crate::aws::AwsOptions {
        crate::aws::AwsOptions {
            region: self.region.clone(),
            profile: self.profile.clone(),
            endpoint,
            ..crate::aws::AwsOptions::default()
        }
    }

    #[cfg(feature = "s3")]
    fn open(&self) -> Result<crate::aws::Session> {
        crate::aws::Session::open(&self.options(None))
    }

    /// S3, where it is wanted.
    pub(crate) fn objects(&self, wanted: bool) -> Result<Option<Arc<dyn ObjectStore>>> {
        if !wanted {
            return Ok(None);
        }
        #[cfg(feature = "s3")]
        return Ok(Some(Arc::new(crate::deploy::aws::S3::new(&self.open()?))));
        #[cfg(not(feature = "s3"))]
        Err(without())
    }

    /// SNS, where it is wanted.
    fn topics(&self, wanted: bool) -> Result<Option<Arc<dyn Topics>>> {
        if !wanted {
            return Ok(None);
        }
        #[cfg(feature = "s3")]
        return Ok(Some(Arc::new(crate::deploy::aws::Sns::new(&self.open()?))));
        #[cfg(not(feature = "s3"))]
        Err(without())
    }
}

/// What a service of this machine reaches of AWS.
#[derive(clap::Args)]
pub(crate) struct CloudArgs {
    /// Reach S3 (scripts, data nodes, preconditions, logs) with the AWS CLI's credentials
    #[arg(long)]
    s3: bool,
    /// Publish SnsAlarms to their topics, with the AWS CLI's credentials
    #[arg(long)]
    sns: bool,
    #[command(flatten)]
    session: SessionArgs,
}

impl CloudArgs {
    pub(crate) fn objects(&self) -> Result<Option<Arc<dyn ObjectStore>>> {
        self.session.objects(self.s3)
    }

    pub(crate) fn topics(&self) -> Result<Option<Arc<dyn Topics>>> {
        self.session.topics(self.sns)
    }
}

/// This build reaches nothing of AWS.
#[cfg(not(feature = "s3"))]
pub(crate) fn without() -> Error {
    Error::new(ErrorKind::Unsupported, "aws")
        .with_message("this efsbackup was built without AWS; build it with `make build AWS=1`")
}
