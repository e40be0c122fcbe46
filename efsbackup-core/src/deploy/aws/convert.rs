//! Between the SDK's types and the library's.

use crate::deploy::{
    Findings, ObjectFindings, Operator, PipelineDescription, Query, Tag, Task, TaskStatus,
};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Field, FieldValue, Object, Parameter, ParameterValue};
use aws_sdk_datapipeline::error::BuildError;
use aws_sdk_datapipeline::types as sdk;

/// A request that lacks what the SDK wants.
fn incomplete(error: BuildError) -> Error {
    Error::new(ErrorKind::InvalidInput, super::OP)
        .with_message("the request is not complete")
        .with_source(error)
}

fn strange(text: String) -> Error {
    Error::new(ErrorKind::Remote, super::OP).with_message(text)
}

/// What only a template can carry.
fn intrinsic(key: &str) -> Error {
    Error::new(ErrorKind::CannotRepresent, super::OP).with_message(format!(
        "{key} is a function of a template, which has no value before a stack is made"
    ))
}

fn text(value: &FieldValue, key: &str) -> Result<String> {
    match value {
        FieldValue::Text(text) => Ok(text.clone()),
        FieldValue::Reference(_) | FieldValue::Intrinsic(_) => Err(intrinsic(key)),
    }
}

pub(super) fn fields(fields: &[Field]) -> Result<Vec<sdk::Field>> {
    let field = |field: &Field| {
        let builder = sdk::Field::builder().key(&field.key);
        let builder = match &field.value {
            FieldValue::Text(text) => builder.string_value(text),
            FieldValue::Reference(id) => builder.ref_value(id),
            FieldValue::Intrinsic(_) => return Err(intrinsic(&field.key)),
        };
        builder.build().map_err(incomplete)
    };
    fields.iter().map(field).collect()
}

pub(super) fn objects(definition: &Definition) -> Result<Vec<sdk::PipelineObject>> {
    let object = |object: &Object| {
        sdk::PipelineObject::builder()
            .id(&object.id)
            .name(&object.name)
            .set_fields(Some(fields(&object.fields)?))
            .build()
            .map_err(incomplete)
    };
    definition.objects.iter().map(object).collect()
}

/// `None` where there are none, which need not be sent.
pub(super) fn parameters(definition: &Definition) -> Result<Option<Vec<sdk::ParameterObject>>> {
    let attribute = |(key, value): &(String, FieldValue)| {
        let builder = sdk::ParameterAttribute::builder().key(key);
        builder.string_value(text(value, key)?).build().map_err(incomplete)
    };
    let parameter = |parameter: &Parameter| {
        let attributes = parameter.attributes.iter().map(attribute).collect::<Result<_>>()?;
        sdk::ParameterObject::builder()
            .id(&parameter.id)
            .set_attributes(Some(attributes))
            .build()
            .map_err(incomplete)
    };
    let list = definition.parameters.iter().map(parameter).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|list| !list.is_empty()))
}

/// As [`parameters`].
pub(super) fn values(values: &[ParameterValue]) -> Result<Option<Vec<sdk::ParameterValue>>> {
    let value = |value: &ParameterValue| {
        sdk::ParameterValue::builder()
            .id(&value.id)
            .string_value(text(&value.value, &value.id)?)
            .build()
            .map_err(incomplete)
    };
    let list = values.iter().map(value).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|list| !list.is_empty()))
}

/// As [`parameters`].
pub(super) fn tags(tags: &[Tag]) -> Result<Option<Vec<sdk::Tag>>> {
    let tag =
        |tag: &Tag| sdk::Tag::builder().key(&tag.key).value(&tag.value).build().map_err(incomplete);
    let list = tags.iter().map(tag).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|list| !list.is_empty()))
}

pub(super) fn query(query: &Query) -> sdk::Query {
    let selectors = query.selectors.iter().map(|selector| {
        use sdk::OperatorType as Type;
        let (kind, values) = match &selector.operator {
            Operator::Eq(value) => (Type::Equal, vec![value]),
            Operator::RefEq(value) => (Type::ReferenceEqual, vec![value]),
            Operator::Le(value) => (Type::LessThanOrEqual, vec![value]),
            Operator::Ge(value) => (Type::GreaterThanOrEqual, vec![value]),
            Operator::Between(low, high) => (Type::Between, vec![low, high]),
        };
        let values = values.into_iter().cloned().collect();
        let operator = sdk::Operator::builder().r#type(kind).set_values(Some(values)).build();
        sdk::Selector::builder().field_name(&selector.field).operator(operator).build()
    });
    sdk::Query::builder().set_selectors(Some(selectors.collect())).build()
}

pub(super) fn status(status: TaskStatus) -> sdk::TaskStatus {
    match status {
        TaskStatus::Finished => sdk::TaskStatus::Finished,
        TaskStatus::Failed => sdk::TaskStatus::Failed,
        TaskStatus::False => sdk::TaskStatus::False,
    }
}

pub(super) fn fields_from(fields: Vec<sdk::Field>) -> Result<Vec<Field>> {
    let field = |field: sdk::Field| {
        let value = match (field.string_value, field.ref_value) {
            (Some(text), None) => FieldValue::Text(text),
            (None, Some(id)) => FieldValue::Reference(id),
            _ => return Err(strange(format!("the field {} has not one value", field.key))),
        };
        Ok(Field { key: field.key, value })
    };
    fields.into_iter().map(field).collect()
}

pub(super) fn object_from(object: sdk::PipelineObject) -> Result<Object> {
    Ok(Object { id: object.id, name: object.name, fields: fields_from(object.fields)? })
}

pub(super) fn definition_from(
    objects: Option<Vec<sdk::PipelineObject>>,
    parameters: Option<Vec<sdk::ParameterObject>>,
    values: Option<Vec<sdk::ParameterValue>>,
) -> Result<Definition> {
    let parameter = |parameter: sdk::ParameterObject| {
        let attributes = parameter.attributes.into_iter();
        Parameter {
            id: parameter.id,
            attributes: attributes.map(|of| (of.key, FieldValue::Text(of.string_value))).collect(),
        }
    };
    let value = |value: sdk::ParameterValue| ParameterValue::new(value.id, value.string_value);
    Ok(Definition {
        objects: objects.unwrap_or_default().into_iter().map(object_from).collect::<Result<_>>()?,
        parameters: parameters.unwrap_or_default().into_iter().map(parameter).collect(),
        values: values.unwrap_or_default().into_iter().map(value).collect(),
    })
}

pub(super) fn description_from(of: sdk::PipelineDescription) -> Result<PipelineDescription> {
    let tags = of.tags.unwrap_or_default().into_iter();
    Ok(PipelineDescription {
        id: of.pipeline_id,
        name: of.name,
        description: of.description.unwrap_or_default(),
        fields: fields_from(of.fields)?,
        tags: tags.map(|tag| Tag { key: tag.key, value: tag.value }).collect(),
    })
}

pub(super) fn findings_from(
    errored: bool,
    errors: Option<Vec<sdk::ValidationError>>,
    warnings: Option<Vec<sdk::ValidationWarning>>,
) -> Findings {
    let of = |id: Option<String>, messages: Option<Vec<String>>| ObjectFindings {
        id: id.unwrap_or_default(),
        messages: messages.unwrap_or_default(),
    };
    let errors = errors.unwrap_or_default().into_iter();
    let warnings = warnings.unwrap_or_default().into_iter();
    Findings {
        errored,
        errors: errors.map(|found| of(found.id, found.errors)).collect(),
        warnings: warnings.map(|found| of(found.id, found.warnings)).collect(),
    }
}

pub(super) fn task_from(task: sdk::TaskObject) -> Result<Task> {
    let missing = |what: &str| strange(format!("a task came without its {what}"));
    let objects = task.objects.unwrap_or_default().into_values();
    Ok(Task {
        id: task.task_id.ok_or_else(|| missing("id"))?,
        pipeline: task.pipeline_id.ok_or_else(|| missing("pipeline"))?,
        attempt: task.attempt_id.ok_or_else(|| missing("attempt"))?,
        objects: objects.map(object_from).collect::<Result<_>>()?,
    })
}
