//! Requests and answers as the API's model has them. Members that are not set are left
//! out; members this side does not know are passed over, as AWS does.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Declares shapes: members with `Option` may be missing, all others are required, but
/// for lists and flags marked with `#[serde(default)]`.
macro_rules! shapes {
    ($($name:ident { $($(#[$meta:meta])* $member:ident: $type:ty,)* })+) => {
        $(
            #[derive(Clone, Debug, Default, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub(crate) struct $name {
                $($(#[$meta])* pub(crate) $member: $type,)*
            }
        )+
    };
}

shapes! {
    WireObject { id: String, name: String, fields: Vec<WireField>, }
    WireField {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        string_value: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ref_value: Option<String>,
    }
    WireParameter { id: String, attributes: Vec<WireAttribute>, }
    WireAttribute { key: String, string_value: String, }
    WireValue { id: String, string_value: String, }
    WireTag { key: String, value: String, }

    // Most answers that say nothing.
    Empty {}
    PipelineId { pipeline_id: String, }

    CreatePipelineInput {
        name: String,
        unique_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tags: Option<Vec<WireTag>>,
    }
    DefinitionInput {
        pipeline_id: String,
        pipeline_objects: Vec<WireObject>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_objects: Option<Vec<WireParameter>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_values: Option<Vec<WireValue>>,
    }
    DefinitionOutput {
        #[serde(default)]
        pipeline_objects: Vec<WireObject>,
        #[serde(default)]
        parameter_objects: Vec<WireParameter>,
        #[serde(default)]
        parameter_values: Vec<WireValue>,
    }
    FindingsOutput {
        #[serde(default)]
        validation_errors: Vec<ErrorsOf>,
        #[serde(default)]
        validation_warnings: Vec<WarningsOf>,
        errored: bool,
    }
    ErrorsOf {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        errors: Vec<String>,
    }
    WarningsOf {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        warnings: Vec<String>,
    }
    GetDefinitionInput {
        pipeline_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    }
    ActivateInput {
        pipeline_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_values: Option<Vec<WireValue>>,
        /// Seconds since 1970, with a fraction or without.
        #[serde(skip_serializing_if = "Option::is_none")]
        start_timestamp: Option<f64>,
    }
    DeactivateInput {
        pipeline_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        cancel_active: Option<bool>,
    }
    DescribePipelinesInput { pipeline_ids: Vec<String>, }
    DescribePipelinesOutput { pipeline_description_list: Vec<WireDescription>, }
    WireDescription {
        pipeline_id: String,
        name: String,
        fields: Vec<WireField>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(default)]
        tags: Vec<WireTag>,
    }
    ListPipelinesInput {
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
    }
    ListPipelinesOutput {
        pipeline_id_list: Vec<WireIdName>,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
        has_more_results: bool,
    }
    WireIdName { id: String, name: String, }
    QueryObjectsInput {
        pipeline_id: String,
        sphere: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        query: Option<WireQuery>,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<i64>,
    }
    WireQuery {
        #[serde(skip_serializing_if = "Option::is_none")]
        selectors: Option<Vec<WireSelector>>,
    }
    WireSelector { field_name: String, operator: WireOperator, }
    WireOperator { r#type: String, values: Vec<String>, }
    QueryObjectsOutput {
        ids: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
        has_more_results: bool,
    }
    DescribeObjectsInput {
        pipeline_id: String,
        object_ids: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        evaluate_expressions: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
    }
    DescribeObjectsOutput {
        pipeline_objects: Vec<WireObject>,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
        has_more_results: bool,
    }
    EvaluateInput { pipeline_id: String, object_id: String, expression: String, }
    EvaluateOutput { evaluated_expression: String, }
    SetStatusInput { pipeline_id: String, object_ids: Vec<String>, status: String, }
    AddTagsInput { pipeline_id: String, tags: Vec<WireTag>, }
    RemoveTagsInput { pipeline_id: String, tag_keys: Vec<String>, }
    PollInput {
        worker_group: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hostname: Option<String>,
    }
    PollOutput {
        #[serde(skip_serializing_if = "Option::is_none")]
        task_object: Option<WireTask>,
    }
    WireTask {
        task_id: String,
        pipeline_id: String,
        attempt_id: String,
        objects: BTreeMap<String, WireObject>,
    }
    ProgressInput {
        task_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<WireField>>,
    }
    ProgressOutput { canceled: bool, }
    HeartbeatInput {
        taskrunner_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        worker_group: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hostname: Option<String>,
    }
    HeartbeatOutput { terminate: bool, }
    TaskStatusInput {
        task_id: String,
        task_status: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_message: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_stack_trace: Option<String>,
    }
}
