//! The AWS CLI's definition file: `objects`, `parameters` and `values`.
//!
//! The rules are those of the AWS CLI's own translator: a key is a field, `{"ref": …}` a
//! reference, a list one field an element. An empty list is no field at all, and a list
//! of one element is the element.

use super::json;
use super::tree::At;
use super::write::{carried, text_of};
use crate::pipeline::{Definition, Field, FieldValue, Node, Object, Parameter, ParameterValue};
use crate::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

/// Reads a definition file.
///
/// # Errors
/// `InvalidDefinition` with line and column where the text is not JSON, or with the path
/// to what is wrong. Numbers, booleans and unknown top-level keys are refused: the AWS CLI
/// refuses the former and drops the latter.
pub fn read(text: &str) -> Result<Definition> {
    from_node(&json::parse(text)?)
}

pub(super) fn from_node(node: &Node) -> Result<Definition> {
    let root = At::root(node, "definition");
    root.only(&["objects", "parameters", "values"])?;
    let objects =
        root.get("objects").ok_or_else(|| root.error("the key \"objects\" is missing"))?;
    let objects = At::root(objects.node, "objects").list()?;
    let parameters = root.get("parameters").map(|at| At::root(at.node, "parameters").list());
    let parameters = parameters.transpose()?.unwrap_or_default();
    Ok(Definition {
        objects: objects.iter().map(object).collect::<Result<_>>()?,
        parameters: parameters.iter().map(parameter).collect::<Result<_>>()?,
        values: match root.get("values") {
            Some(values) => parameter_values(&At::root(values.node, "values"))?,
            None => Vec::new(),
        },
    })
}

/// Reads a file of parameter values alone, as `--parameter-values-uri` takes it.
///
/// # Errors
/// As [`read`].
pub fn read_values(text: &str) -> Result<Vec<ParameterValue>> {
    let node = json::parse(text)?;
    let root = At::root(&node, "values file");
    root.only(&["values"])?;
    match root.get("values") {
        Some(values) => parameter_values(&At::root(values.node, "values")),
        None => Err(root.error("the key \"values\" is missing")),
    }
}

fn object(at: &At<'_>) -> Result<Object> {
    let id = at.required_text("id")?;
    let name = at.get("name").map_or(Ok(id), |name| name.text())?;
    let mut object = Object { name: name.to_owned(), ..Object::new(id) };
    for (key, value) in at.map()? {
        if key != "id" && key != "name" {
            for value in each(value)? {
                let value = field_value(&value)?;
                object.fields.push(Field { key: key.to_owned(), value });
            }
        }
    }
    Ok(object)
}

/// A list's elements, or the one value.
fn each(at: At<'_>) -> Result<Vec<At<'_>>> {
    if matches!(at.node, Node::List(_)) { at.list() } else { Ok(vec![at]) }
}

fn field_value(at: &At<'_>) -> Result<FieldValue> {
    if matches!(at.node, Node::Map(_)) {
        at.only(&["ref"])?;
        return at.required_text("ref").map(|id| FieldValue::Reference(id.to_owned()));
    }
    at.text().map(FieldValue::from)
}

fn parameter(at: &At<'_>) -> Result<Parameter> {
    let mut parameter = Parameter::new(at.required_text("id")?);
    for (key, value) in at.map()? {
        if key != "id" {
            for value in each(value)? {
                parameter.attributes.push((key.to_owned(), value.text()?.into()));
            }
        }
    }
    Ok(parameter)
}

fn parameter_values(at: &At<'_>) -> Result<Vec<ParameterValue>> {
    let mut values = Vec::new();
    for (id, value) in at.map()? {
        for value in each(value)? {
            values.push(ParameterValue::new(id, value.text()?));
        }
    }
    Ok(values)
}

/// A definition in the order in which the AWS CLI sends it: the fields of an object and the
/// attributes of a parameter by key, the values of one key as they stand. It sorts by
/// character codes, so `*` and `@` come first and capitals before small letters.
#[must_use]
pub fn sent(mut definition: Definition) -> Definition {
    for object in &mut definition.objects {
        object.fields.sort_by(|a, b| a.key.cmp(&b.key));
    }
    for parameter in &mut definition.parameters {
        parameter.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    definition
}

/// Writes a definition file, indented by two spaces, as the AWS CLI prints one: `id` and
/// `name` first, then each key once, in the order of its first use.
///
/// # Errors
/// `CannotRepresent` where a value is a CloudFormation function or a field is called `id`
/// or `name`.
pub fn write(definition: &Definition) -> Result<String> {
    let mut file = Map::new();
    let objects = definition.objects.iter().map(object_json).collect::<Result<Vec<_>>>()?;
    file.insert("objects".to_owned(), Value::Array(objects));
    if !definition.parameters.is_empty() {
        let parameters = definition.parameters.iter().map(parameter_json);
        file.insert("parameters".to_owned(), parameters.collect::<Result<_>>()?);
    }
    if !definition.values.is_empty() {
        let mut values = Map::new();
        for ParameterValue { id, value } in &definition.values {
            push(&mut values, id, json!(text_of(value, || format!("value of {id}"))?));
        }
        file.insert("values".to_owned(), Value::Object(values));
    }
    Ok(format!("{:#}\n", Value::Object(file)))
}

fn object_json(object: &Object) -> Result<Value> {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(object.id));
    map.insert("name".to_owned(), json!(object.name));
    for Field { key, value } in &object.fields {
        let place = || format!("{}.{key}", object.id);
        free_key(key, &["id", "name"], place)?;
        let value = match carried(value, place)? {
            (text, false) => json!(text),
            (target, true) => json!({ "ref": target }),
        };
        push(&mut map, key, value);
    }
    Ok(Value::Object(map))
}

fn parameter_json(parameter: &Parameter) -> Result<Value> {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(parameter.id));
    for (key, value) in &parameter.attributes {
        let place = || format!("{}.{key}", parameter.id);
        free_key(key, &["id"], place)?;
        push(&mut map, key, json!(text_of(value, place)?));
    }
    Ok(Value::Object(map))
}

fn free_key(key: &str, taken: &[&str], place: impl Fn() -> String) -> Result<()> {
    if !taken.contains(&key) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::CannotRepresent, "write").with_message(format!(
        "{}: an AWS CLI file uses the key \"{key}\" for the object itself",
        place()
    )))
}

/// Adds a value; a key used before becomes a list.
fn push(map: &mut Map<String, Value>, key: &str, value: Value) {
    match map.get_mut(key) {
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None => {
            map.insert(key.to_owned(), value);
        }
    }
}
