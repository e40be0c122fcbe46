//! What is to run: the model of a pipeline definition, what AWS documents about its
//! object types, and what follows from both.

mod builder;
mod catalogue;
mod diff;
mod documents;
mod inherit;
mod lines;
mod model;
mod nearest;
mod parameter;
mod secret;
mod validate;

pub use builder::{
    Checked, CopyActivity, Defaults, Ec2Resource, EmrCluster, Exists, S3DataNode, S3KeyExists,
    S3PrefixNotEmpty, Schedule, ShellCommandActivity, ShellCommandPrecondition, SnsAlarm,
    Terminate,
};
pub use catalogue::{Catalogue, FieldType, ObjectType, Slot};
pub use diff::{Change, Part};
pub use inherit::{DEFAULT_ID, Effective};
pub(crate) use lines::Lines;
pub use model::{
    Definition, Field, FieldValue, Intrinsic, Node, Object, Parameter, ParameterValue,
};
pub(crate) use nearest::nearest;
pub use parameter::{ParameterType, is_s3_uri};
pub use secret::MASK;
pub(crate) use secret::is_secret;
pub use validate::{Code, Finding, Severity, Validation};
