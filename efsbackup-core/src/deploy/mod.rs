//! `PipelineService`: the API of AWS Data Pipeline as a trait; and plan and apply, which make
//! a pipeline what is wanted of it, on any such service.
//!
//! Whoever deploys, lists or runs pipelines talks to this trait; whether the service is
//! AWS or the embedded `engine` makes no difference to them. Names
//! follow this library's vocabulary; each method names the AWS operation it stands for.

mod apply;
#[cfg(feature = "aws")]
pub mod aws;
mod control;
mod documents;
mod edits;
mod find;
mod findings;
mod log;
mod objects;
mod pace;
mod plan;
mod query;
mod service;
mod task;
mod topics;
mod types;
mod wait;
mod wanted;

pub use apply::{ApplyEvent, apply};
pub use control::{PipelineStatus, RunStatus, command, copy_of, instances, statuses};
pub use edits::refused_while_active;
pub use find::{all_ids, all_pipelines, describe, describe_all, describe_ids, find_pipeline};
pub use findings::{Findings, ObjectFindings};
pub use objects::{ObjectStore, S3Uri};
pub use pace::{OnThread, Pace};
pub use plan::{Plan, Step, plan};
pub use query::{Operator, Query, Selector, Sphere};
pub use service::PipelineService;
pub use task::{PollForTask, RunnerHeartbeat, SetTaskStatus, Task, TaskFailure, TaskStatus};
pub use topics::Topics;
pub use types::{
    Activate, CreatePipeline, DefinitionVersion, Page, PipelineDescription, PipelineIdName,
    StatusCommand, Tag,
};
pub use wait::{Standing, Until, standing, wait};
pub use wanted::Wanted;
