//! Between the wire's shapes and the library's types.

use super::fault::Fault;
use super::shapes::*;
use crate::deploy::{
    ObjectFindings, Operator, Page, PipelineDescription, PipelineIdName, Query, Selector, Sphere,
    StatusCommand, Tag, Task, TaskStatus,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Field, FieldValue, Object, Parameter, ParameterValue};

/// A request that has a wrong word in it.
type Read<T> = std::result::Result<T, Fault>;

pub(crate) fn object_to_wire(object: &Object) -> Result<WireObject> {
    Ok(WireObject {
        id: object.id.clone(),
        name: object.name.clone(),
        fields: fields_to_wire(&object.fields)?,
    })
}

pub(crate) fn fields_to_wire(fields: &[Field]) -> Result<Vec<WireField>> {
    fields
        .iter()
        .map(|field| {
            let (string_value, ref_value) = match &field.value {
                FieldValue::Text(text) => (Some(text.clone()), None),
                FieldValue::Reference(id) => (None, Some(id.clone())),
                FieldValue::Intrinsic(_) => return Err(intrinsic(&field.key)),
            };
            Ok(WireField { key: field.key.clone(), string_value, ref_value })
        })
        .collect()
}

pub(crate) fn object_from_wire(object: WireObject) -> Read<Object> {
    Ok(Object { fields: fields_from_wire(object.fields)?, id: object.id, name: object.name })
}

pub(crate) fn fields_from_wire(fields: Vec<WireField>) -> Read<Vec<Field>> {
    fields
        .into_iter()
        .map(|field| {
            let value = match (field.string_value, field.ref_value) {
                (Some(text), None) => FieldValue::Text(text),
                (None, Some(id)) => FieldValue::Reference(id),
                _ => {
                    let message = format!(
                        "the field {} needs exactly one of stringValue and refValue",
                        field.key
                    );
                    return Err(Fault::invalid(message));
                }
            };
            Ok(Field { key: field.key, value })
        })
        .collect()
}

pub(crate) fn definition_to_wire(definition: &Definition) -> Result<DefinitionOutput> {
    let attribute = |(key, value): &(String, FieldValue)| {
        Ok(WireAttribute { key: key.clone(), string_value: text(value, key)? })
    };
    let parameter = |parameter: &Parameter| {
        let attributes = parameter.attributes.iter().map(attribute).collect::<Result<_>>()?;
        Ok(WireParameter { id: parameter.id.clone(), attributes })
    };
    Ok(DefinitionOutput {
        pipeline_objects: definition.objects.iter().map(object_to_wire).collect::<Result<_>>()?,
        parameter_objects: definition.parameters.iter().map(parameter).collect::<Result<_>>()?,
        parameter_values: values_to_wire(&definition.values)?,
    })
}

pub(crate) fn definition_from_wire(
    objects: Vec<WireObject>,
    parameters: Vec<WireParameter>,
    values: Vec<WireValue>,
) -> Read<Definition> {
    let parameter = |wire: WireParameter| {
        let attributes = wire.attributes.into_iter();
        let attributes =
            attributes.map(|entry| (entry.key, FieldValue::Text(entry.string_value))).collect();
        Parameter { id: wire.id, attributes }
    };
    Ok(Definition {
        objects: objects.into_iter().map(object_from_wire).collect::<Read<_>>()?,
        parameters: parameters.into_iter().map(parameter).collect(),
        values: values_from_wire(values),
    })
}

pub(crate) fn values_to_wire(values: &[ParameterValue]) -> Result<Vec<WireValue>> {
    let value = |value: &ParameterValue| {
        Ok(WireValue { id: value.id.clone(), string_value: text(&value.value, &value.id)? })
    };
    values.iter().map(value).collect()
}

pub(crate) fn values_from_wire(values: Vec<WireValue>) -> Vec<ParameterValue> {
    values.into_iter().map(|value| ParameterValue::new(value.id, value.string_value)).collect()
}

pub(crate) fn tags_to_wire(tags: &[Tag]) -> Vec<WireTag> {
    tags.iter().map(|tag| WireTag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

pub(crate) fn tags_from_wire(tags: Vec<WireTag>) -> Vec<Tag> {
    tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect()
}

pub(crate) fn errors_to_wire(findings: &[ObjectFindings]) -> Vec<ErrorsOf> {
    let id = |found: &ObjectFindings| Some(found.id.clone()).filter(|id| !id.is_empty());
    findings
        .iter()
        .map(|found| ErrorsOf { id: id(found), errors: found.messages.clone() })
        .collect()
}

pub(crate) fn warnings_to_wire(findings: &[ObjectFindings]) -> Vec<WarningsOf> {
    let of = errors_to_wire(findings).into_iter();
    of.map(|found| WarningsOf { id: found.id, warnings: found.errors }).collect()
}

pub(crate) fn findings_from_wire(id: Option<String>, messages: Vec<String>) -> ObjectFindings {
    ObjectFindings { id: id.unwrap_or_default(), messages }
}

pub(crate) fn description_to_wire(of: &PipelineDescription) -> Result<WireDescription> {
    Ok(WireDescription {
        pipeline_id: of.id.clone(),
        name: of.name.clone(),
        fields: fields_to_wire(&of.fields)?,
        description: Some(of.description.clone()).filter(|text| !text.is_empty()),
        tags: tags_to_wire(&of.tags),
    })
}

pub(crate) fn description_from_wire(wire: WireDescription) -> Read<PipelineDescription> {
    Ok(PipelineDescription {
        id: wire.pipeline_id,
        name: wire.name,
        description: wire.description.unwrap_or_default(),
        fields: fields_from_wire(wire.fields)?,
        tags: tags_from_wire(wire.tags),
    })
}

pub(crate) fn id_name_to_wire(item: PipelineIdName) -> WireIdName {
    WireIdName { id: item.id, name: item.name }
}

/// A page as its reader sees it.
pub(crate) fn page<T>(items: Vec<T>, marker: Option<String>, more: bool) -> Page<T> {
    Page { items, marker: marker.filter(|_| more) }
}

pub(crate) fn task_to_wire(task: &Task) -> Result<WireTask> {
    let object = |object: &Object| Ok((object.id.clone(), object_to_wire(object)?));
    Ok(WireTask {
        task_id: task.id.clone(),
        pipeline_id: task.pipeline.clone(),
        attempt_id: task.attempt.clone(),
        objects: task.objects.iter().map(object).collect::<Result<_>>()?,
    })
}

pub(crate) fn task_from_wire(wire: WireTask) -> Read<Task> {
    Ok(Task {
        id: wire.task_id,
        pipeline: wire.pipeline_id,
        attempt: wire.attempt_id,
        objects: wire.objects.into_values().map(object_from_wire).collect::<Read<_>>()?,
    })
}

pub(crate) fn sphere(word: &str) -> Read<Sphere> {
    [Sphere::Component, Sphere::Instance, Sphere::Attempt]
        .into_iter()
        .find(|sphere| sphere.name() == word)
        .ok_or_else(|| unknown("sphere", word, "COMPONENT, INSTANCE or ATTEMPT"))
}

pub(crate) fn command(word: &str) -> Read<StatusCommand> {
    use StatusCommand::{MarkFinished, Pause, Rerun, Resume, TryCancel};
    [Pause, Resume, TryCancel, Rerun, MarkFinished]
        .into_iter()
        .find(|command| command.name().eq_ignore_ascii_case(word))
        .ok_or_else(|| unknown("status", word, "PAUSE, RESUME, TRY_CANCEL, RERUN or MARK_FINISHED"))
}

pub(crate) fn task_status(word: &str) -> Read<TaskStatus> {
    [TaskStatus::Finished, TaskStatus::Failed, TaskStatus::False]
        .into_iter()
        .find(|status| status.name() == word)
        .ok_or_else(|| unknown("taskStatus", word, "FINISHED, FAILED or FALSE"))
}

pub(crate) fn query_to_wire(query: &Query) -> Option<WireQuery> {
    let selector = |selector: &Selector| {
        let (kind, values) = match selector.operator.clone() {
            Operator::Eq(value) => ("EQ", vec![value]),
            Operator::RefEq(value) => ("REF_EQ", vec![value]),
            Operator::Le(value) => ("LE", vec![value]),
            Operator::Ge(value) => ("GE", vec![value]),
            Operator::Between(low, high) => ("BETWEEN", vec![low, high]),
        };
        let operator = WireOperator { r#type: kind.to_owned(), values };
        WireSelector { field_name: selector.field.clone(), operator }
    };
    let selectors: Vec<_> = query.selectors.iter().map(selector).collect();
    (!selectors.is_empty()).then_some(WireQuery { selectors: Some(selectors) })
}

pub(crate) fn query_from_wire(query: Option<WireQuery>) -> Read<Query> {
    let selectors = query.and_then(|query| query.selectors).unwrap_or_default();
    let selector = |wire: WireSelector| {
        let (kind, mut values) = (wire.operator.r#type, wire.operator.values.into_iter());
        let operator = match (kind.as_str(), values.next(), values.next(), values.next()) {
            ("EQ", Some(value), None, _) => Operator::Eq(value),
            ("REF_EQ", Some(value), None, _) => Operator::RefEq(value),
            ("LE", Some(value), None, _) => Operator::Le(value),
            ("GE", Some(value), None, _) => Operator::Ge(value),
            ("BETWEEN", Some(low), Some(high), None) => Operator::Between(low, high),
            ("EQ" | "REF_EQ" | "LE" | "GE" | "BETWEEN", ..) => {
                let message = format!("the operator {kind} has the wrong number of values");
                return Err(Fault::invalid(message));
            }
            _ => return Err(unknown("operator", &kind, "EQ, REF_EQ, LE, GE or BETWEEN")),
        };
        Ok(Selector { field: wire.field_name, operator })
    };
    Ok(Query { selectors: selectors.into_iter().map(selector).collect::<Read<_>>()? })
}

fn unknown(what: &str, word: &str, known: &str) -> Fault {
    Fault::invalid(format!("the {what} '{word}' is not {known}"))
}

fn text(value: &FieldValue, key: &str) -> Result<String> {
    value.as_text().map(str::to_owned).ok_or_else(|| intrinsic(key))
}

fn intrinsic(key: &str) -> Error {
    Error::new(ErrorKind::CannotRepresent, "write request").with_message(format!(
        "{key} is a reference where the API takes text, or a function that only CloudFormation \
         gives a value; write the value"
    ))
}
