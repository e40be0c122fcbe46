//! What is to run: the model of a pipeline definition, what AWS documents about its
//! object types, and what follows from both.

mod builder;
mod catalogue;
mod inherit;
mod model;
mod nearest;
mod parameter;
mod validate;

pub use builder::{Defaults, Ec2Resource, Schedule, ShellCommandActivity, SnsAlarm, Terminate};
pub use catalogue::{Catalogue, FieldType, ObjectType, Slot};
pub use inherit::{DEFAULT_ID, Effective};
pub use model::{
    Definition, Field, FieldValue, Intrinsic, Node, Object, Parameter, ParameterValue,
};
pub(crate) use nearest::nearest;
pub use parameter::{ParameterType, is_s3_uri};
pub use validate::{Code, Finding, Severity, Validation};
