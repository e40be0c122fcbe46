//! The values a run is given, and those it lacks.

use super::needs_field;
use crate::error::{Error, ErrorKind, Result};
use crate::expression::Template;
use crate::params::{Origin, Parameters};
use crate::pipeline::{Definition, ParameterValue};

/// The given values under their full ids, once every parameter that counts on this machine
/// has a value.
///
/// # Errors
/// As [`Parameters::new`]; `UnresolvedParameter` where a value is missing.
pub fn values_for(
    definition: &Definition,
    given: &[ParameterValue],
) -> Result<Vec<ParameterValue>> {
    let parameters = Parameters::new(definition, given)?;
    refuse_missing(definition, &parameters)?;
    let mut values = Vec::new();
    for id in parameters.ids() {
        if let Some((texts, Origin::Given)) = parameters.get(id) {
            values.extend(texts.iter().map(|text| ParameterValue::new(id, text)));
        }
    }
    Ok(values)
}

/// The ids of the parameters without a value that a run on this machine needs. Others are
/// needed by AWS alone, as for an image, or by nothing.
///
/// # Errors
/// As [`Parameters::new`], and where an expression is not of the language.
pub fn missing_values(definition: &Definition) -> Result<Vec<String>> {
    let parameters = Parameters::new(definition, &[])?;
    let mut names: Vec<String> = Vec::new();
    each_missing(definition, &parameters, &mut |name, _, _| {
        if names.iter().all(|known| known != name) {
            names.push(name.to_owned());
        }
        Ok(())
    })?;
    Ok(names)
}

fn refuse_missing(definition: &Definition, parameters: &Parameters) -> Result<()> {
    each_missing(definition, parameters, &mut |name, object, key| {
        Err(Error::new(ErrorKind::UnresolvedParameter, "run").with_message(format!(
            "parameter {name}, used by {object}.{key}, has no value; give one with \
             --value {name}=VALUE"
        )))
    })
}

/// Tells each use of a parameter without a value: its id, the object's, and the field's key.
fn each_missing(
    definition: &Definition,
    parameters: &Parameters,
    tell: &mut dyn FnMut(&str, &str, &str) -> Result<()>,
) -> Result<()> {
    let is_missing = |name: &str| {
        parameters.ids().any(|id| id == name)
            && parameters.get(name).is_none()
            && !definition.parameter(name).is_some_and(|parameter| parameter.is("optional"))
    };
    for object in &definition.objects {
        let kind = definition.type_of(object).unwrap_or_default();
        for field in object.fields.iter().filter(|field| needs_field(kind, &field.key)) {
            let Some(text) = field.value.as_text().filter(|text| text.contains("#{")) else {
                continue;
            };
            let template = Template::parse(text)?;
            for name in template.names().into_iter().filter(|name| is_missing(name)) {
                tell(name, &object.id, &field.key)?;
            }
        }
    }
    Ok(())
}
