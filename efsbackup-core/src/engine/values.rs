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

fn refuse_missing(definition: &Definition, parameters: &Parameters) -> Result<()> {
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
            if let Some(name) = template.names().into_iter().find(|name| is_missing(name)) {
                return Err(Error::new(ErrorKind::UnresolvedParameter, "run").with_message(
                    format!(
                        "parameter {name}, used by {}.{}, has no value; give one with \
                         --value {name}=VALUE",
                        object.id, field.key
                    ),
                ));
            }
        }
    }
    Ok(())
}
