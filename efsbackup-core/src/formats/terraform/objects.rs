//! The definition's resource to and from a definition.

use super::super::tree::At;
use crate::Result;
use crate::pipeline::{Definition, Field, FieldValue, Node, Object, Parameter, ParameterValue};

/// The names of the blocks that make the definition, in the order in which they are written.
pub(super) const BLOCKS: [&str; 3] = ["parameter_object", "parameter_value", "pipeline_object"];

/// The definition in the arguments of its resource.
pub(super) fn definition(at: &At<'_>) -> Result<Definition> {
    Ok(Definition {
        objects: blocks(at, "pipeline_object")?.iter().map(object).collect::<Result<_>>()?,
        parameters: blocks(at, "parameter_object")?.iter().map(parameter).collect::<Result<_>>()?,
        values: blocks(at, "parameter_value")?.iter().map(value).collect::<Result<_>>()?,
    })
}

/// The blocks of one name. A single one need not stand in a list.
fn blocks<'a>(at: &At<'a>, name: &str) -> Result<Vec<At<'a>>> {
    match at.get(name) {
        None => Ok(Vec::new()),
        Some(one) if matches!(one.node, Node::Map(_)) => Ok(vec![one]),
        Some(several) => several.list(),
    }
}

fn object(at: &At<'_>) -> Result<Object> {
    at.only(&["id", "name", "field"])?;
    let (id, name) = (at.required_scalar("id")?.to_owned(), at.required_scalar("name")?.to_owned());
    let fields = blocks(at, "field")?.iter().map(field).collect::<Result<_>>()?;
    Ok(Object { id, name, fields })
}

fn field(at: &At<'_>) -> Result<Field> {
    at.only(&["key", "string_value", "ref_value"])?;
    let key = at.required_scalar("key")?.to_owned();
    let value = match (given(at, "string_value"), given(at, "ref_value")) {
        (Some(text), None) => text_or_expression(&text)?,
        (None, Some(target)) => FieldValue::Reference(target.scalar()?.to_owned()),
        _ => return Err(at.error("either string_value or ref_value is needed")),
    };
    Ok(Field { key, value })
}

fn parameter(at: &At<'_>) -> Result<Parameter> {
    at.only(&["id", "attribute"])?;
    let mut parameter = Parameter::new(at.required_scalar("id")?);
    for attribute in blocks(at, "attribute")? {
        attribute.only(&["key", "string_value"])?;
        let key = attribute.required_scalar("key")?.to_owned();
        parameter.attributes.push((key, required_value(&attribute)?));
    }
    Ok(parameter)
}

fn value(at: &At<'_>) -> Result<ParameterValue> {
    at.only(&["id", "string_value"])?;
    Ok(ParameterValue { id: at.required_scalar("id")?.to_owned(), value: required_value(at)? })
}

fn required_value(at: &At<'_>) -> Result<FieldValue> {
    match given(at, "string_value") {
        Some(text) => text_or_expression(&text),
        None => Err(at.error("the argument string_value is missing")),
    }
}

/// The argument called `key`, unless it is null, which is as if it were not there.
fn given<'a>(at: &At<'a>, key: &str) -> Option<At<'a>> {
    at.get(key).filter(|at| *at.node != Node::Plain("null".to_owned()))
}

fn text_or_expression(at: &At<'_>) -> Result<FieldValue> {
    match at.node {
        Node::Intrinsic(intrinsic) => Ok(FieldValue::Intrinsic(intrinsic.clone())),
        _ => at.scalar().map(FieldValue::from),
    }
}

/// The arguments of the resource that make the definition, each a list of blocks.
pub(super) fn arguments(definition: &Definition) -> Vec<(&'static str, Vec<Node>)> {
    let [parameter, value, object] = BLOCKS;
    vec![
        (parameter, definition.parameters.iter().map(parameter_node).collect()),
        (value, definition.values.iter().map(value_node).collect()),
        (object, definition.objects.iter().map(object_node).collect()),
    ]
}

fn object_node(object: &Object) -> Node {
    let fields = object.fields.iter().map(|Field { key, value }| {
        let name = if value.as_reference().is_some() { "ref_value" } else { "string_value" };
        map([("key", text(key)), (name, node(value))])
    });
    let fields = Node::List(fields.collect());
    map([("id", text(&object.id)), ("name", text(&object.name)), ("field", fields)])
}

fn parameter_node(parameter: &Parameter) -> Node {
    let attributes = parameter.attributes.iter();
    let attributes =
        attributes.map(|(key, value)| map([("key", text(key)), ("string_value", node(value))]));
    map([("id", text(&parameter.id)), ("attribute", Node::List(attributes.collect()))])
}

fn value_node(ParameterValue { id, value }: &ParameterValue) -> Node {
    map([("id", text(id)), ("string_value", node(value))])
}

fn node(value: &FieldValue) -> Node {
    match value {
        FieldValue::Text(text) | FieldValue::Reference(text) => Node::Text(text.clone()),
        FieldValue::Intrinsic(intrinsic) => Node::Intrinsic(intrinsic.clone()),
    }
}

pub(super) fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

pub(super) fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
}
