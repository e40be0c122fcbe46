//! The embedded `PipelineService`, in one SQLite file.
