//! Parameter objects and their values.

use super::super::{FieldValue, Parameter, ParameterType, is_s3_uri};
use super::{Code, Context, Validation};
use std::collections::{HashMap, HashSet};

/// `used` are the parameters that expressions use.
pub(super) fn check(context: &Context<'_>, used: &HashSet<&str>, found: &mut Validation) {
    let definition = context.definition;
    let mut given: HashMap<&str, Vec<&str>> = HashMap::new();
    for value in &definition.values {
        given.entry(&value.id).or_default().extend(value.value.as_text());
    }
    let mut seen = HashSet::new();
    for parameter in &definition.parameters {
        let id = parameter.id.as_str();
        if !seen.insert(id) {
            found.add(Code::DuplicateParameter, id, None, "another parameter has the same id");
        }
        let name = id.strip_prefix('*').unwrap_or(id);
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !plain || !name.starts_with("my") {
            let text = "the id must begin with my and have letters, digits and underscores only";
            found.add(Code::ParameterId, id, None, text);
        }
        let values = given.get(id).map(Vec::as_slice).unwrap_or_default();
        check_values(parameter, values, found);
        if !used.contains(id) {
            found.add(Code::UnusedParameter, id, None, "no object uses it");
        }
    }
    let mut told = HashSet::new();
    for value in definition.values.iter().filter(|_| !definition.parameters.is_empty()) {
        let id = value.id.as_str();
        if !seen.contains(id) && told.insert(id) {
            let text = "a value is given, but no parameter of this id is declared";
            found.add(Code::UndeclaredValue, id, None, text);
        }
    }
}

fn check_values(parameter: &Parameter, values: &[&str], found: &mut Validation) {
    let id = parameter.id.as_str();
    let Some(kind) = parameter.parameter_type() else {
        let known = ParameterType::ALL.map(ParameterType::name).join(", ");
        let name = parameter.attribute("type").unwrap_or_default();
        let text = format!("there is no type {name}, only {known}");
        return found.add(Code::ParameterType, id, Some("type"), text);
    };
    let defaults: Vec<&str> = parameter.all("default").filter_map(FieldValue::as_text).collect();
    let demands = parameter.demands();
    for (values, attribute) in [(defaults.as_slice(), Some("default")), (values, None)] {
        if values.len() > 1 && !parameter.is("isArray") {
            let text = format!("it has {} values; set isArray to \"true\"", values.len());
            found.add(Code::SeveralValues, id, attribute, text);
        }
        for value in values.iter().filter(|value| !value.contains("#{")) {
            if let Some(text) = demands.objection(value) {
                found.add(Code::ParameterValue, id, attribute, text);
            } else if kind == ParameterType::S3ObjectKey && !is_s3_uri(value) {
                let text = "the value is no S3 URI (s3://bucket/key)";
                found.add(Code::NotS3Uri, id, attribute, text);
            }
        }
    }
}
