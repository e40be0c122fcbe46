//! The API's form: `pipelineObjects`, `parameterObjects` and `parameterValues`.

use super::json;
use super::tree::At;
use super::write::{carried, text_of};
use crate::Result;
use crate::pipeline::{Definition, Field, FieldValue, Node, Object, Parameter, ParameterValue};
use serde_json::{Map, Value, json};

/// Reads what `PutPipelineDefinition` takes and `GetPipelineDefinition` gives.
///
/// # Errors
/// `InvalidDefinition` with line and column where the text is not JSON, or with the path
/// to what is wrong.
pub fn read(text: &str) -> Result<Definition> {
    from_node(&json::parse(text)?)
}

pub(super) fn from_node(node: &Node) -> Result<Definition> {
    let root = At::root(node, "definition");
    root.only(&["pipelineId", "pipelineObjects", "parameterObjects", "parameterValues"])?;
    let list = |key: &str| match root.get(key) {
        Some(list) => At::root(list.node, key).list(),
        None => Ok(Vec::new()),
    };
    Ok(Definition {
        objects: list("pipelineObjects")?.iter().map(object).collect::<Result<_>>()?,
        parameters: list("parameterObjects")?.iter().map(parameter).collect::<Result<_>>()?,
        values: list("parameterValues")?.iter().map(value).collect::<Result<_>>()?,
    })
}

fn object(at: &At<'_>) -> Result<Object> {
    at.only(&["id", "name", "fields"])?;
    let id = at.required_text("id")?;
    let name = at.get("name").map_or(Ok(id), |name| name.text())?;
    let fields = match at.get("fields") {
        Some(fields) => fields.list()?.iter().map(field).collect::<Result<_>>()?,
        None => Vec::new(),
    };
    Ok(Object { id: id.to_owned(), name: name.to_owned(), fields })
}

fn field(at: &At<'_>) -> Result<Field> {
    at.only(&["key", "stringValue", "refValue"])?;
    let key = at.required_text("key")?.to_owned();
    let value = match (at.get("stringValue"), at.get("refValue")) {
        (Some(text), None) => FieldValue::from(text.text()?),
        (None, Some(target)) => FieldValue::Reference(target.text()?.to_owned()),
        _ => return Err(at.error("either \"stringValue\" or \"refValue\" is needed")),
    };
    Ok(Field { key, value })
}

fn parameter(at: &At<'_>) -> Result<Parameter> {
    at.only(&["id", "attributes"])?;
    let mut parameter = Parameter::new(at.required_text("id")?);
    if let Some(attributes) = at.get("attributes") {
        for attribute in attributes.list()? {
            attribute.only(&["key", "stringValue"])?;
            let key = attribute.required_text("key")?.to_owned();
            parameter.attributes.push((key, attribute.required_text("stringValue")?.into()));
        }
    }
    Ok(parameter)
}

fn value(at: &At<'_>) -> Result<ParameterValue> {
    at.only(&["id", "stringValue"])?;
    Ok(ParameterValue::new(at.required_text("id")?, at.required_text("stringValue")?))
}

/// Writes the API's form, indented by two spaces. Parameters and values are left out
/// where there are none.
///
/// # Errors
/// `CannotRepresent` where a value is a CloudFormation function.
pub fn write(definition: &Definition) -> Result<String> {
    let mut file = Map::new();
    let objects = definition.objects.iter().map(object_json).collect::<Result<Vec<_>>>()?;
    file.insert("pipelineObjects".to_owned(), Value::Array(objects));
    if !definition.parameters.is_empty() {
        let parameters = definition.parameters.iter().map(parameter_json);
        file.insert("parameterObjects".to_owned(), parameters.collect::<Result<_>>()?);
    }
    if !definition.values.is_empty() {
        let values = definition.values.iter().map(|ParameterValue { id, value }| {
            let text = text_of(value, || format!("value of {id}"))?;
            Ok(json!({ "id": id, "stringValue": text }))
        });
        file.insert("parameterValues".to_owned(), values.collect::<Result<_>>()?);
    }
    Ok(format!("{:#}\n", Value::Object(file)))
}

fn object_json(object: &Object) -> Result<Value> {
    let fields = object.fields.iter().map(|Field { key, value }| {
        let (text, reference) = carried(value, || format!("{}.{key}", object.id))?;
        let kind = if reference { "refValue" } else { "stringValue" };
        Ok(json!({ "key": key, kind: text }))
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Ok(json!({ "id": object.id, "name": object.name, "fields": fields }))
}

fn parameter_json(parameter: &Parameter) -> Result<Value> {
    let attributes = parameter.attributes.iter().map(|(key, value)| {
        let text = text_of(value, || format!("{}.{key}", parameter.id))?;
        Ok(json!({ "key": key, "stringValue": text }))
    });
    let attributes = attributes.collect::<Result<Vec<_>>>()?;
    Ok(json!({ "id": parameter.id, "attributes": attributes }))
}
