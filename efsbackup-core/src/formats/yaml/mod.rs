//! YAML to and from a [`Node`](crate::pipeline::Node), with CloudFormation's short tags.

mod read;
mod scalar;
mod write;

pub(super) use read::parse;
pub(crate) use write::write;
pub(super) use write::write_entry;
