//! Errors as the API names them.

use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// What a request is answered with that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The body of an answer with a fault.
#[derive(Serialize, Deserialize)]
pub(crate) struct Body {
    #[serde(rename = "__type")]
    pub(crate) code: String,
    #[serde(default, alias = "Message")]
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Fault {
        Fault { status, code, message: message.into() }
    }

    /// A request that is refused for its signature.
    pub(crate) fn auth(code: &'static str, message: &str) -> Fault {
        Fault::new(400, code, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Fault {
        Fault::new(400, "InvalidRequestException", message)
    }

    /// What the service's own error is on the wire. `NotFound` is left to the caller, who
    /// knows what was looked for.
    pub(crate) fn of(error: &Error) -> Fault {
        match error.kind() {
            ErrorKind::InvalidInput
            | ErrorKind::InvalidDefinition
            | ErrorKind::Conflict
            | ErrorKind::Unsupported
            | ErrorKind::CannotRepresent
            | ErrorKind::UnresolvedParameter
            | ErrorKind::Loop
            | ErrorKind::NotFound => Fault::invalid(error.message()),
            ErrorKind::Throttled => Fault::new(400, "ThrottlingException", error.message()),
            // Paths and causes are for the operator, not for callers.
            _ => Fault::new(500, "InternalServiceError", error.message()),
        }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        // The service's own codes come with its name, those of the front door without.
        let own = matches!(
            self.code,
            "InvalidRequestException"
                | "PipelineNotFoundException"
                | "PipelineDeletedException"
                | "TaskNotFoundException"
                | "InternalServiceError"
        );
        let code = match own {
            true => format!("com.amazon.setl.webservice#{}", self.code),
            false => self.code.to_owned(),
        };
        serde_json::to_vec(&Body { code, message: self.message.clone() }).unwrap_or_default()
    }
}

/// The library's error for an answer with a fault.
pub(crate) fn error_of(body: &Body) -> Error {
    let code = body.code.rsplit('#').next().unwrap_or_default();
    let kind = match code {
        "PipelineNotFoundException" | "PipelineDeletedException" | "TaskNotFoundException" => {
            ErrorKind::NotFound
        }
        "InvalidRequestException" | "SerializationException" | "ValidationException" => {
            ErrorKind::InvalidInput
        }
        "UnknownOperationException" => ErrorKind::Unsupported,
        "ThrottlingException" => ErrorKind::Throttled,
        "MissingAuthenticationTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "UnrecognizedClientException"
        | "AccessDeniedException" => ErrorKind::Auth,
        _ => ErrorKind::Remote,
    };
    Error::new(kind, "pipeline service").with_message(format!("{} ({code})", body.message))
}
