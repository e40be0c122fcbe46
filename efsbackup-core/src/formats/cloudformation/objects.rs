//! The pipeline's properties to and from a definition.

use super::super::tree::At;
use super::super::write::{computed, not_a_reference};
use super::{OBJECTS, PARAMETERS, VALUES};
use crate::Result;
use crate::pipeline::{
    Definition, Field, FieldValue, Intrinsic, Node, Object, Parameter, ParameterValue,
};

/// The definition in a resource of the pipeline's type.
pub(super) fn definition(resource: &At<'_>) -> Result<Definition> {
    let properties = resource.get("Properties");
    let properties = properties.ok_or_else(|| resource.error("the key Properties is missing"))?;
    let list = |key: &str| match properties.get(key) {
        Some(list) => At::root(list.node, key).list(),
        None => Ok(Vec::new()),
    };
    Ok(Definition {
        objects: list(OBJECTS)?.iter().map(object).collect::<Result<_>>()?,
        parameters: list(PARAMETERS)?.iter().map(parameter).collect::<Result<_>>()?,
        values: list(VALUES)?.iter().map(value).collect::<Result<_>>()?,
    })
}

fn object(at: &At<'_>) -> Result<Object> {
    at.only(&["Id", "Name", "Fields"])?;
    let (id, name) = (at.required_scalar("Id")?.to_owned(), at.required_scalar("Name")?.to_owned());
    let fields = at.get("Fields").ok_or_else(|| at.error("the key Fields is missing"))?;
    Ok(Object { id, name, fields: fields.list()?.iter().map(field).collect::<Result<_>>()? })
}

fn field(at: &At<'_>) -> Result<Field> {
    at.only(&["Key", "StringValue", "RefValue"])?;
    let key = at.required_scalar("Key")?.to_owned();
    let value = match (at.get("StringValue"), at.get("RefValue")) {
        (Some(text), None) => text_or_function(&text)?,
        (None, Some(target)) => FieldValue::Reference(target.scalar()?.to_owned()),
        _ => return Err(at.error("either StringValue or RefValue is needed")),
    };
    Ok(Field { key, value })
}

fn parameter(at: &At<'_>) -> Result<Parameter> {
    at.only(&["Id", "Attributes"])?;
    let mut parameter = Parameter::new(at.required_scalar("Id")?);
    if let Some(attributes) = at.get("Attributes") {
        for attribute in attributes.list()? {
            attribute.only(&["Key", "StringValue"])?;
            let key = attribute.required_scalar("Key")?.to_owned();
            parameter.attributes.push((key, required_text_or_function(&attribute)?));
        }
    }
    Ok(parameter)
}

fn value(at: &At<'_>) -> Result<ParameterValue> {
    at.only(&["Id", "StringValue"])?;
    let id = at.required_scalar("Id")?.to_owned();
    Ok(ParameterValue { id, value: required_text_or_function(at)? })
}

fn required_text_or_function(at: &At<'_>) -> Result<FieldValue> {
    match at.get("StringValue") {
        Some(text) => text_or_function(&text),
        None => Err(at.error("the key StringValue is missing")),
    }
}

fn text_or_function(at: &At<'_>) -> Result<FieldValue> {
    match at.node {
        Node::Intrinsic(intrinsic) => Ok(FieldValue::Intrinsic(intrinsic.clone())),
        // The long form is a map of one key.
        Node::Map(entries) => match entries.as_slice() {
            [(function, argument)] if is_function(function) => {
                let (function, argument) = (function.clone(), argument.clone());
                Ok(FieldValue::Intrinsic(Box::new(Intrinsic { function, short: false, argument })))
            }
            _ => Err(at.error("text or a CloudFormation function is needed, not an object")),
        },
        _ => at.scalar().map(FieldValue::from),
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Refuses what only another form can carry.
pub(super) fn check(definition: &Definition) -> Result<()> {
    let Definition { objects, parameters, values } = definition;
    let fields = objects.iter().flat_map(|object| {
        object.fields.iter().map(|field| (&object.id, field.key.as_str(), &field.value))
    });
    let attributes = parameters.iter().flat_map(|parameter| {
        parameter.attributes.iter().map(|(key, value)| (&parameter.id, key.as_str(), value))
    });
    let values = values.iter().map(|value| (&value.id, "value", &value.value));
    for (id, key, value) in fields.chain(attributes).chain(values) {
        if let FieldValue::Intrinsic(intrinsic) = value
            && intrinsic.as_terraform().is_some()
        {
            return Err(computed(intrinsic, format!("{id}.{key}")));
        }
    }
    Ok(())
}

/// The value of `PipelineObjects`.
pub(super) fn objects(definition: &Definition) -> Vec<Node> {
    let node = |object: &Object| {
        let fields = object.fields.iter().map(|Field { key, value }| match value {
            FieldValue::Reference(target) => map([("Key", text(key)), ("RefValue", text(target))]),
            value => map([("Key", text(key)), ("StringValue", string_value(value))]),
        });
        map([
            ("Id", text(&object.id)),
            ("Name", text(&object.name)),
            ("Fields", Node::List(fields.collect())),
        ])
    };
    definition.objects.iter().map(node).collect()
}

/// The value of `ParameterObjects`.
pub(super) fn parameters(definition: &Definition) -> Result<Vec<Node>> {
    let node = |parameter: &Parameter| {
        let attributes = parameter.attributes.iter().map(|(key, value)| {
            not_a_reference(value, || format!("{}.{key}", parameter.id))?;
            Ok(map([("Key", text(key)), ("StringValue", string_value(value))]))
        });
        let attributes = Node::List(attributes.collect::<Result<_>>()?);
        Ok(map([("Id", text(&parameter.id)), ("Attributes", attributes)]))
    };
    definition.parameters.iter().map(node).collect()
}

/// The value of `ParameterValues`.
pub(super) fn values(definition: &Definition) -> Result<Vec<Node>> {
    let node = |ParameterValue { id, value }: &ParameterValue| {
        not_a_reference(value, || format!("value of {id}"))?;
        Ok(map([("Id", text(id)), ("StringValue", string_value(value))]))
    };
    definition.values.iter().map(node).collect()
}

fn string_value(value: &FieldValue) -> Node {
    match value {
        FieldValue::Text(text) | FieldValue::Reference(text) => Node::Text(text.clone()),
        FieldValue::Intrinsic(intrinsic) if intrinsic.short => Node::Intrinsic(intrinsic.clone()),
        FieldValue::Intrinsic(intrinsic) => {
            Node::Map(vec![(intrinsic.function.clone(), intrinsic.argument.clone())])
        }
    }
}

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
}
