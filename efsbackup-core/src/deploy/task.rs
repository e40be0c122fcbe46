//! The worker's half of the API.

use crate::pipeline::Object;

/// A worker asks for work (`PollForTask`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollForTask {
    /// The one worker group whose tasks it takes; exact and case-sensitive.
    pub worker_group: String,
    /// The worker's host name; becomes the attempt's `hostname` field.
    pub hostname: String,
}

/// A task handed to a worker.
///
/// ```
/// use efsbackup_core::deploy::{PipelineService, PollForTask};
/// use efsbackup_core::Result;
///
/// async fn next_command(service: &impl PipelineService) -> Result<Option<String>> {
///     let mut request = PollForTask::default();
///     request.worker_group = "backups".to_owned();
///     let Some(task) = service.poll_for_task(&request).await? else { return Ok(None) };
///     Ok(task.attempt_object().and_then(|object| object.first_text("command")).map(str::to_owned))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Opaque; names the task in every report. Who knows it can set the task's status.
    pub id: String,
    /// The pipeline it belongs to.
    pub pipeline: String,
    /// The attempt's id; also a key of `objects`.
    pub attempt: String,
    /// The attempt with all its fields evaluated, and the objects it refers to.
    pub objects: Vec<Object>,
}

impl Task {
    /// The object with this id.
    pub fn object(&self, id: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.id == id)
    }

    /// The attempt's own object.
    pub fn attempt_object(&self) -> Option<&Object> {
        self.object(&self.attempt)
    }
}

/// A worker says that it lives (`ReportTaskRunnerHeartbeat`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunnerHeartbeat {
    /// Unique among the account's workers.
    pub runner_id: String,
    /// The group it polls.
    pub worker_group: String,
    /// The worker's host name.
    pub hostname: String,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Done.
    Finished,
    /// Not done; the attempt failed.
    Failed,
    /// A precondition that does not hold.
    False,
}

impl TaskStatus {
    /// The word the API uses.
    pub fn name(self) -> &'static str {
        match self {
            TaskStatus::Finished => "FINISHED",
            TaskStatus::Failed => "FAILED",
            TaskStatus::False => "FALSE",
        }
    }
}

/// Why an attempt failed. Ends up in its `errorId`, `errorMessage` and `errorStackTrace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFailure {
    /// A short stable word; may not begin with `Service_`.
    pub id: String,
    /// One line for people.
    pub message: String,
    /// At most 1024 characters, such as the last lines of standard error.
    pub stack: String,
}

impl TaskFailure {
    /// The [`id`](TaskFailure::id) of a precondition's attempt that found it not to hold yet.
    pub const NOT_MET: &'static str = "PreconditionNotMet";
}

/// A worker says how a task ended (`SetTaskStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetTaskStatus {
    /// The task's id.
    pub task: String,
    /// How it ended.
    pub status: TaskStatus,
    /// Why it failed.
    pub failure: Option<TaskFailure>,
}
