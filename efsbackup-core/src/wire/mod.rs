//! AWS Data Pipeline's wire protocol: JSON 1.1 over HTTP, signed with Signature Version 4.
//!
//! [`Remote`] is a `PipelineService` at the other end of a connection; the piece `serve`
//! is that other end. Both use the same shapes, signatures and error codes, which are
//! those of AWS's model of 2012-10-29.

// The other half is used by the piece `serve`.
#![cfg_attr(not(feature = "serve"), allow(dead_code))]

pub(crate) mod convert;
pub(crate) mod fault;
pub(crate) mod http;
mod keys;
mod remote;
pub(crate) mod shapes;
pub(crate) mod sigv4;

pub use keys::{Key, Keys};
pub use remote::Remote;

/// The value of `X-Amz-Target` begins with it.
pub(crate) const TARGET_PREFIX: &str = "DataPipeline.";
/// What requests and answers are.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
