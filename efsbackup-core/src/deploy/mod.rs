//! `PipelineService`: the API of AWS Data Pipeline as a trait.
