//! What Terraform cannot carry.
//!
//! In the AWS provider's schema the fields of an object, the attributes of a parameter and
//! the values of parameters are sets: they have no order, and what is equal is there once.
//! The provider also leaves empty fields out, and Terraform normalizes all text (NFC).

use super::super::write::{computed, not_a_reference};
use crate::pipeline::{Catalogue, Definition, Field, FieldValue, Lines, Object, ParameterValue};
use crate::{Error, ErrorKind, Result};
use std::collections::{HashMap, HashSet};

/// Refuses a definition that would not come back from Terraform as it is.
pub(super) fn check(definition: &Definition) -> Result<()> {
    if definition.objects.is_empty() {
        return Err(refused("definition", "Terraform needs at least one object"));
    }
    for (object, type_name) in Lines::of(definition).types() {
        self::object(object, type_name)?;
    }
    for parameter in &definition.parameters {
        normal(&parameter.id, &parameter.id)?;
        for (key, value) in &parameter.attributes {
            let place = format!("{}.{key}", parameter.id);
            normal(&place, key)?;
            not_a_reference(value, || place.clone())?;
            text(&place, value)?;
        }
        let attributes = parameter.attributes.iter().map(|(key, value)| (key.as_str(), value));
        let ordered = |key: &str| key != "allowedValues";
        set(attributes, ordered, |key| format!("{}.{key}", parameter.id))?;
    }
    for ParameterValue { id, value } in &definition.values {
        let place = format!("value of {id}");
        normal(&place, id)?;
        not_a_reference(value, || place.clone())?;
        text(&place, value)?;
    }
    let values = definition.values.iter().map(|value| (value.id.as_str(), &value.value));
    set(values, |_| true, |id| format!("value of {id}"))
}

fn object(object: &Object, kind: Option<&str>) -> Result<()> {
    normal(&object.id, &object.id)?;
    normal(&object.id, &object.name)?;
    for Field { key, value } in &object.fields {
        let place = format!("{}.{key}", object.id);
        normal(&place, key)?;
        text(&place, value)?;
        if matches!(value, FieldValue::Text(text) | FieldValue::Reference(text) if text.is_empty())
        {
            return Err(refused(&place, "Terraform's provider leaves empty values out"));
        }
    }
    let fields = object.fields.iter().map(|field| (field.key.as_str(), &field.value));
    let catalogue = Catalogue::current();
    let kind = kind.and_then(|name| catalogue.get(name));
    let ordered = |key: &str| {
        let field = kind.and_then(|kind| kind.fields.get(key)).or_else(|| catalogue.any_field(key));
        field.is_none_or(|field| field.ordered)
    };
    set(fields, ordered, |key| format!("{}.{key}", object.id))
}

/// Refuses what a set would reorder or lose.
fn set<'a>(
    entries: impl Iterator<Item = (&'a str, &'a FieldValue)>,
    ordered: impl Fn(&str) -> bool,
    place: impl Fn(&str) -> String,
) -> Result<()> {
    let entries: Vec<_> = entries.collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    for (key, _) in &entries {
        *count.entry(key).or_default() += 1;
    }
    let mut seen = HashSet::new();
    for (key, value) in entries {
        let count = count.get(key).copied().unwrap_or_default();
        if count > 1 && ordered(key) {
            let hint = match key {
                "scriptArgument" => "; --fold-arguments puts them into the command",
                _ => "",
            };
            return Err(refused(
                &place(key),
                &format!("Terraform keeps a set: the order of its {count} values is lost{hint}"),
            ));
        }
        // The provider tells entries apart by key and value written one after the other.
        let written = match value {
            FieldValue::Text(text) | FieldValue::Reference(text) => format!("{key}{text}"),
            FieldValue::Intrinsic(intrinsic) => format!("{key}\0{intrinsic:?}"),
        };
        if !seen.insert(written) {
            let text = "Terraform keeps a set, and takes this value and another for the same";
            return Err(refused(&place(key), text));
        }
    }
    Ok(())
}

fn text(place: &str, value: &FieldValue) -> Result<()> {
    match value {
        FieldValue::Text(text) | FieldValue::Reference(text) => normal(place, text),
        FieldValue::Intrinsic(intrinsic) if intrinsic.as_terraform().is_some() => Ok(()),
        FieldValue::Intrinsic(intrinsic) => Err(computed(intrinsic, place.to_owned())),
    }
}

fn normal(place: &str, text: &str) -> Result<()> {
    if unicode_normalization::is_nfc(text) {
        return Ok(());
    }
    Err(refused(
        place,
        "Terraform turns its text into Unicode's normal form C, which is other text; write it so",
    ))
}

fn refused(place: &str, text: &str) -> Error {
    Error::new(ErrorKind::CannotRepresent, "write").with_message(format!("{place}: {text}"))
}
