//! The core's `pipeline`, `formats`, `params` and `draw`: definitions and what is done with them.

use crate::errors;
use efsbackup_core::draw::{Options, Picture};
use efsbackup_core::formats::{Document, Reader};
use efsbackup_core::params::{self, mask};
use efsbackup_core::pipeline::{FieldValue, MASK, ParameterValue, Severity};
use pyo3::prelude::*;

/// A definition as it was read, with the rest of its file.
#[pyclass(frozen, module = "efsbackup._efsbackup")]
pub(crate) struct NativeDefinition(Document);

/// Code, whether it is an error, object, field, text.
type Finding = (String, bool, Option<String>, Option<String>, String);
/// Place, old values, new values, whether it is in the old and in the new definition.
type Change = (String, Vec<String>, Vec<String>, bool, bool);

#[pymethods]
impl NativeDefinition {
    /// Reads a definition in any form.
    #[staticmethod]
    fn read(
        py: Python<'_>,
        text: &[u8],
        lenient: bool,
        pipeline: Option<&str>,
    ) -> PyResult<NativeDefinition> {
        let mut reader = Reader::new().lenient(lenient);
        if let Some(name) = pipeline {
            reader = reader.pipeline(name);
        }
        let document = reader.read(text).map_err(|error| errors::raise(py, &error))?;
        Ok(NativeDefinition(document))
    }

    /// The form it was read from.
    #[getter]
    fn form(&self) -> &'static str {
        self.0.format.name()
    }

    /// Writes it in a form.
    fn write(&self, py: Python<'_>, form: &str) -> PyResult<String> {
        let written = form.parse().and_then(|format| self.0.write(format));
        written.map_err(|error| errors::raise(py, &error))
    }

    /// What the file holds that a form leaves behind.
    fn left_behind(&self, py: Python<'_>, form: &str) -> PyResult<Vec<String>> {
        let format = form.parse().map_err(|error| errors::raise(py, &error))?;
        Ok(self.0.left_behind(format))
    }

    /// What is wrong with it.
    fn validate(&self) -> Vec<Finding> {
        let findings = self.0.definition.validate().findings;
        let finding = findings.into_iter().map(|found| {
            let is_error = found.severity == Severity::Error;
            (found.code.to_string(), is_error, found.object, found.field, found.text)
        });
        finding.collect()
    }

    /// It with values put in; what is a secret stays as it is written.
    fn resolve(&self, py: Python<'_>, values: Vec<(String, String)>) -> PyResult<NativeDefinition> {
        let values: Vec<ParameterValue> =
            values.into_iter().map(|(id, value)| ParameterValue::new(id, value)).collect();
        let resolved = params::resolve(&self.0.definition, &values, params::Options::default());
        let resolved = resolved.map_err(|error| errors::raise(py, &error))?;
        let mut document = self.0.clone();
        document.definition = mask(&resolved.definition);
        Ok(NativeDefinition(document))
    }

    /// What is different in `new`; secrets are covered.
    fn diff(&self, new: &NativeDefinition) -> Vec<Change> {
        let changes = self.0.definition.diff(&new.0.definition);
        let change = changes.into_iter().map(|change| {
            let secret = change.is_secret();
            let shown = |value: &FieldValue| match value {
                _ if secret => MASK.to_owned(),
                FieldValue::Text(text) => text.clone(),
                FieldValue::Reference(id) => format!("→ {id}"),
                FieldValue::Intrinsic(function) => format!("({})", function.function),
            };
            let [old, new] =
                [&change.old, &change.new].map(|values| values.iter().map(shown).collect());
            let (before, after) = change.present;
            (change.place(), old, new, before, after)
        });
        change.collect()
    }

    /// A picture of it.
    fn draw(
        &self,
        py: Python<'_>,
        kind: &str,
        theme: &str,
        states: Vec<(String, String)>,
    ) -> PyResult<String> {
        let raise = |error| errors::raise(py, &error);
        let picture: Picture = kind.parse().map_err(raise)?;
        let theme = theme.parse().map_err(raise)?;
        Ok(picture.draw(&self.0.definition, &Options { theme, states }))
    }
}
