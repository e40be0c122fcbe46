//! `PipelineService`: the API of AWS Data Pipeline as a trait.
//!
//! Whoever deploys, lists or runs pipelines talks to this trait; whether the service is
//! AWS or the embedded `engine` makes no difference to them. Names
//! follow this library's vocabulary; each method names the AWS operation it stands for.

#[cfg(feature = "aws")]
pub mod aws;
mod objects;
mod query;
mod service;
mod task;
mod types;

pub use objects::{ObjectStore, S3Uri};
pub use query::{Operator, Query, Selector, Sphere};
pub use service::PipelineService;
pub use task::{PollForTask, RunnerHeartbeat, SetTaskStatus, Task, TaskFailure, TaskStatus};
pub use types::{
    Activate, CreatePipeline, DefinitionVersion, Findings, ObjectFindings, Page,
    PipelineDescription, PipelineIdName, StatusCommand, Tag,
};
