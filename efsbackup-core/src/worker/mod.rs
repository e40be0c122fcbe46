//! Polls a `PipelineService` and runs its tasks on this machine.
