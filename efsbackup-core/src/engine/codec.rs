//! A definition as text in the store.

use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Definition, Field, FieldValue, Object, Parameter, ParameterValue};
use serde::{Deserialize, Serialize};

/// Keys and values in order.
type Pairs = Vec<(String, Content)>;

/// The stored form: lists of pairs, so that order and repetition stay.
#[derive(Serialize, Deserialize)]
struct Stored {
    objects: Vec<(String, String, Pairs)>,
    parameters: Vec<(String, Pairs)>,
    values: Pairs,
}

#[derive(Serialize, Deserialize)]
enum Content {
    #[serde(rename = "text")]
    Text(String),
    #[serde(rename = "ref")]
    Reference(String),
}

/// The text that [`decode`] reads.
///
/// # Errors
/// `CannotRepresent` for CloudFormation's functions: only CloudFormation knows what they give.
pub(super) fn encode(definition: &Definition) -> Result<String> {
    let object = |object: &Object| {
        let fields = object.fields.iter().map(|field| {
            Ok((field.key.clone(), content(&field.value, &format!("{}.{}", object.id, field.key))?))
        });
        Ok((object.id.clone(), object.name.clone(), fields.collect::<Result<_>>()?))
    };
    let parameter = |parameter: &Parameter| {
        let attributes = parameter.attributes.iter().map(|(key, value)| {
            Ok((key.clone(), content(value, &format!("{}.{key}", parameter.id))?))
        });
        Ok((parameter.id.clone(), attributes.collect::<Result<_>>()?))
    };
    let value = |value: &ParameterValue| Ok((value.id.clone(), content(&value.value, &value.id)?));
    let stored = Stored {
        objects: definition.objects.iter().map(object).collect::<Result<_>>()?,
        parameters: definition.parameters.iter().map(parameter).collect::<Result<_>>()?,
        values: definition.values.iter().map(value).collect::<Result<_>>()?,
    };
    serde_json::to_string(&stored)
        .map_err(|error| Error::new(ErrorKind::Internal, "store definition").with_source(error))
}

fn content(value: &FieldValue, place: &str) -> Result<Content> {
    match value {
        FieldValue::Text(text) => Ok(Content::Text(text.clone())),
        FieldValue::Reference(id) => Ok(Content::Reference(id.clone())),
        FieldValue::Intrinsic(intrinsic) => {
            Err(Error::new(ErrorKind::CannotRepresent, "put definition").with_message(format!(
                "{place} is CloudFormation's {}, which only a stack gives a value; write the value",
                intrinsic.function
            )))
        }
    }
}

/// The definition that [`encode`] wrote.
pub(super) fn decode(text: &str) -> Result<Definition> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Io, "read definition")
            .with_message("the stored definition can't be read")
            .with_source(error)
    })?;
    let value = |content: Content| match content {
        Content::Text(text) => FieldValue::Text(text),
        Content::Reference(id) => FieldValue::Reference(id),
    };
    let object = |(id, name, fields): (String, String, Pairs)| {
        let fields = fields.into_iter().map(|(key, content)| Field { key, value: value(content) });
        Object { id, name, fields: fields.collect() }
    };
    let parameter = |(id, attributes): (String, Pairs)| {
        let attributes = attributes.into_iter().map(|(key, content)| (key, value(content)));
        Parameter { id, attributes: attributes.collect() }
    };
    Ok(Definition {
        objects: stored.objects.into_iter().map(object).collect(),
        parameters: stored.parameters.into_iter().map(parameter).collect(),
        values: stored
            .values
            .into_iter()
            .map(|(id, content)| ParameterValue { id, value: value(content) })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_comes_back_as_it_was() {
        let definition = Definition {
            objects: vec![
                Object::new("A").text("x", "2").text("x", "1").reference("x", "B"),
                Object { name: "label".into(), ..Object::new("B") },
            ],
            parameters: vec![Parameter::new("*my").with("type", "String")],
            values: vec![ParameterValue::new("*my", "\u{1}\n\"")],
        };
        assert_eq!(decode(&encode(&definition).unwrap()).unwrap(), definition);
    }
}
