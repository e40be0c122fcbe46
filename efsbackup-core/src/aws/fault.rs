//! The SDK's errors as the library's.

use crate::error::{Error, ErrorKind};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_datapipeline::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_datapipeline::operation::RequestId;
use std::error::Error as StdError;
use std::fmt::Debug;

/// The library's error for what went wrong with `operation`: the service's own text and
/// the request's id, by which AWS's support finds it.
pub(crate) fn error_of<E, R>(op: &'static str, operation: &str, error: SdkError<E, R>) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
{
    let say =
        |kind, text: String| Error::new(kind, op).with_message(format!("{operation}: {text}"));
    if let Some(code) = error.code() {
        let kind = kind_of(code);
        let mut text = error.message().unwrap_or("no reason is given").trim().to_owned();
        text.push_str(&format!(" ({code}"));
        if let Some(id) = error.request_id() {
            text.push_str(&format!(", request {id}"));
        }
        text.push(')');
        if let Some(advice) = advice(code) {
            text.push_str(&format!("; {advice}"));
        }
        return say(kind, text);
    }
    let (kind, text) = match &error {
        SdkError::TimeoutError(_) => (ErrorKind::Timeout, "no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (ErrorKind::Timeout, "no connection in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            (ErrorKind::Remote, "the service can't be reached")
        }
        SdkError::DispatchFailure(failure) => {
            let error =
                failure.as_connector_error().map(|error| error as &(dyn StdError + 'static));
            match error.is_some_and(lacks_credentials) {
                true => (ErrorKind::Auth, "credentials are no longer to be had"),
                false => (ErrorKind::Remote, "the connection was broken off"),
            }
        }
        SdkError::ConstructionFailure(_) => (ErrorKind::InvalidInput, "the request can't be made"),
        _ => (ErrorKind::Remote, "the answer can't be read"),
    };
    let say = say(kind, text.to_owned());
    match error.into_source() {
        Ok(cause) => say.with_source(cause),
        Err(_) => say,
    }
}

/// Whether it was for them that a request was not sent.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<CredentialsError>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// What a code of AWS means here. The first ones are Data Pipeline's own.
fn kind_of(code: &str) -> ErrorKind {
    match code {
        "PipelineNotFoundException"
        | "PipelineDeletedException"
        | "TaskNotFoundException"
        | "NotFoundException"
        | "NotFound"
        | "NoSuchKey"
        | "NoSuchBucket" => ErrorKind::NotFound,
        "InvalidRequestException"
        | "SerializationException"
        | "ValidationException"
        | "InvalidParameter"
        | "InvalidParameterValue" => ErrorKind::InvalidInput,
        "UnknownOperationException" => ErrorKind::Unsupported,
        _ if code.starts_with("Thrott")
            || matches!(code, "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown") =>
        {
            ErrorKind::Throttled
        }
        "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "AuthorizationError"
        | "AccessDenied"
        | "AccessDeniedException" => ErrorKind::Auth,
        _ => ErrorKind::Remote,
    }
}

/// How to mend it, where the service's own text does not say.
fn advice(code: &str) -> Option<&'static str> {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            Some("the credentials have expired; get new ones, such as by `aws sso login`")
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            Some("the access key is not known; look at the profile and region in use")
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            Some("the secret key is wrong, or this machine's clock is")
        }
        _ => None,
    }
}
