//! S3, for what workers fetch and store.

use crate::aws::{Session, error_of};
use crate::cancel::CancelToken;
use crate::deploy::{ObjectStore, S3Uri};
use crate::error::{Error, ErrorKind, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

const OP: &str = "s3";
/// Files up to this go in one piece, larger ones in parts of at least this.
const PART: u64 = 64 * 1024 * 1024;
/// S3's limit of parts.
const MOST_PARTS: u64 = 10_000;
/// For one attempt to send or fetch a piece. One that does not move is given up by the SDK
/// long before.
const TRANSFER: Duration = Duration::from_secs(60 * 60);

/// Amazon S3, or what speaks its protocol at the session's endpoint.
///
/// ```no_run
/// use efsbackup_core::aws::{AwsOptions, Session};
/// use efsbackup_core::cancel::CancelToken;
/// use efsbackup_core::deploy::aws::S3;
/// use efsbackup_core::deploy::ObjectStore;
///
/// // Stores in S3, over the network.
/// let objects = S3::new(&Session::open(&AwsOptions::default())?).part_size(64 << 20);
/// let uri = "s3://logs/nightly/run.log.gz".parse()?;
/// objects.store("run.log.gz".as_ref(), &uri, &CancelToken::new())?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct S3 {
    session: Session,
    client: Client,
    transfer: Builder,
    part: u64,
}

impl S3 {
    /// S3 with the region and credentials of this session.
    pub fn new(session: &Session) -> S3 {
        let mut builder = Builder::from(session.config());
        if let Some(endpoint) = session.endpoint() {
            builder.set_endpoint_url(Some(endpoint.to_owned()));
            builder.set_force_path_style(Some(true));
        }
        let times = session.config().timeout_config().cloned();
        let times = times.unwrap_or_else(|| TimeoutConfig::builder().build());
        let times = times.into_builder().operation_attempt_timeout(TRANSFER).build();
        S3 {
            session: session.clone(),
            client: Client::from_conf(builder.build()),
            transfer: Builder::new().timeout_config(times),
            part: PART,
        }
    }

    /// With files above this many bytes sent in parts of this size; 64 MiB by default. S3
    /// takes parts of 5 MiB and more.
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> S3 {
        self.part = bytes.max(1);
        self
    }

    async fn send_whole(self, from: PathBuf, uri: S3Uri) -> Result<()> {
        let body = ByteStream::from_path(&from).await.map_err(|error| unread(&from, error))?;
        self.client
            .put_object()
            .bucket(&uri.bucket)
            .key(&uri.key)
            .body(body)
            .customize()
            .config_override(self.transfer.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| failed("PutObject", &uri, error))
    }

    /// The object appears when its last part is acknowledged; else the parts are removed.
    async fn send_in_parts(self, from: PathBuf, uri: S3Uri, length: u64) -> Result<()> {
        let begun = self.client.create_multipart_upload().bucket(&uri.bucket).key(&uri.key);
        let begun = begun.send().await;
        let begun = begun.map_err(|error| failed("CreateMultipartUpload", &uri, error))?;
        let id = begun.upload_id.unwrap_or_default();
        let sent = self.send_parts(&from, &uri, length, &id).await;
        if sent.is_err() {
            let end = self.client.abort_multipart_upload().bucket(&uri.bucket).key(&uri.key);
            // What led here counts; a bucket's lifecycle rule removes what is left.
            let _ = end.upload_id(&id).send().await;
        }
        sent
    }

    async fn send_parts(&self, from: &Path, uri: &S3Uri, length: u64, id: &str) -> Result<()> {
        let size = self.part.max(length.div_ceil(MOST_PARTS));
        let mut parts = Vec::new();
        let mut offset = 0;
        while offset < length {
            let number = i32::try_from(parts.len() + 1).unwrap_or(i32::MAX);
            let piece = size.min(length - offset);
            let body = ByteStream::read_from()
                .path(from)
                .offset(offset)
                .length(Length::Exact(piece))
                .build()
                .await
                .map_err(|error| unread(from, error))?;
            let sent = self
                .client
                .upload_part()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .upload_id(id)
                .part_number(number)
                .body(body)
                .customize()
                .config_override(self.transfer.clone())
                .send()
                .await
                .map_err(|error| failed("UploadPart", uri, error))?;
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag)
                    .set_checksum_crc32(sent.checksum_crc32)
                    .build(),
            );
            offset += piece;
        }
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let end = self.client.complete_multipart_upload().bucket(&uri.bucket).key(&uri.key);
        let end = end.upload_id(id).multipart_upload(all).send().await;
        end.map(drop).map_err(|error| failed("CompleteMultipartUpload", uri, error))
    }
}

/// S3's errors; those of a HEAD have a status alone.
fn failed<E>(operation: &str, uri: &S3Uri, error: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    SdkError<E, HttpResponse>: RequestId,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let plain =
        |kind, text: &str| Error::new(kind, OP).with_message(format!("{operation}: {uri}: {text}"));
    match (status, error.code()) {
        (Some(403), None | Some("AccessDenied" | "Forbidden")) => {
            plain(ErrorKind::PermissionDenied, "access is denied, or there is no such object")
        }
        (Some(404), None | Some("NotFound")) => plain(ErrorKind::NotFound, "there is none"),
        (Some(301 | 400), None | Some("PermanentRedirect")) => {
            plain(ErrorKind::InvalidInput, "the bucket is in another region, or the key is wrong")
        }
        _ => error_of(OP, &format!("{operation}: {uri}"), error),
    }
}

fn unread(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Io, "read").with_path(path).with_source(error)
}

impl ObjectStore for S3 {
    fn exists(&self, uri: &S3Uri, cancel: &CancelToken) -> Result<bool> {
        let (client, uri) = (self.client.clone(), uri.clone());
        self.session.wait(cancel, async move {
            let head = client.head_object().bucket(&uri.bucket).key(&uri.key).send().await;
            match head.map_err(|error| failed("HeadObject", &uri, error)) {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    // The same is said where the bucket is missing.
                    let bucket = client.head_bucket().bucket(&uri.bucket).send().await;
                    let bucket = bucket.map_err(|error| failed("HeadBucket", &uri, error));
                    match bucket {
                        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
                        _ => Ok(false),
                    }
                }
                Err(error) => Err(error),
            }
        })
    }

    fn list(
        &self,
        prefix: &S3Uri,
        cancel: &CancelToken,
        each: &mut dyn FnMut(S3Uri, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut next = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&prefix.bucket).prefix(&prefix.key);
            let request = request.set_continuation_token(next);
            let uri = prefix.clone();
            let page = self.session.wait(cancel, async move {
                request.send().await.map_err(|error| failed("ListObjectsV2", &uri, error))
            })?;
            for object in page.contents.unwrap_or_default() {
                let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                let bucket = prefix.bucket.clone();
                let uri = S3Uri { bucket, key: object.key.unwrap_or_default() };
                if each(uri, size).is_break() {
                    return Ok(());
                }
            }
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn fetch(&self, uri: &S3Uri, to: &Path, cancel: &CancelToken) -> Result<()> {
        let file = File::create(to);
        let mut file = file.map_err(|error| Error::from_io("create", error).with_path(to))?;
        let request = self.client.get_object().bucket(&uri.bucket).key(&uri.key);
        let request = request.customize().config_override(self.transfer.clone());
        let (uri, to) = (uri.clone(), to.to_owned());
        self.session.wait(cancel, async move {
            let object = request.send().await.map_err(|error| failed("GetObject", &uri, error))?;
            let mut body = object.body;
            loop {
                let piece = body.try_next().await.map_err(|error| {
                    Error::new(ErrorKind::Remote, OP)
                        .with_message(format!("GetObject: {uri}: it ended too early"))
                        .with_source(error)
                })?;
                let Some(piece) = piece else { return Ok(()) };
                let written = file.write_all(&piece);
                written.map_err(|error| Error::from_io("write", error).with_path(to.as_path()))?;
            }
        })
    }

    fn store(&self, from: &Path, uri: &S3Uri, cancel: &CancelToken) -> Result<()> {
        let length = std::fs::metadata(from);
        let length = length.map_err(|error| Error::from_io("stat", error).with_path(from))?.len();
        let (store, from, uri) = (self.clone(), from.to_owned(), uri.clone());
        self.session.wait(cancel, async move {
            match length > store.part {
                true => store.send_in_parts(from, uri, length).await,
                false => store.send_whole(from, uri).await,
            }
        })
    }
}
