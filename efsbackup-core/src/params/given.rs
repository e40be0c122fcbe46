//! Values as a person gives them.

use crate::pipeline::{Definition, ParameterValue};
use crate::{Error, ErrorKind, Result};
use std::ffi::OsString;

/// What the name of an environment variable begins with that gives a parameter its value;
/// the parameter's id follows, without the asterisk of a secret.
pub const VARIABLE_PREFIX: &str = "EFSBACKUP_VALUE_";

/// From where a value was given, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An argument of the command line.
    Argument,
    /// A file of values.
    File,
    /// A variable of the environment.
    Environment,
}

impl Source {
    /// `argument`, `file` or `environment`.
    pub fn name(self) -> &'static str {
        match self {
            Source::Argument => "argument",
            Source::File => "file",
            Source::Environment => "environment",
        }
    }
}

/// Values from several sources. Of a parameter that more than one gives, all values of the
/// strongest count, and no other.
///
/// ```
/// use efsbackup_core::params::{Given, Source, parse_assignment};
/// use efsbackup_core::pipeline::ParameterValue;
///
/// let mut given = Given::default();
/// given.add(Source::File, [ParameterValue::new("myPeriod", "1 days")]);
/// given.add(Source::Argument, [parse_assignment("myPeriod=1 hours")?]);
/// assert_eq!(given.values(), [ParameterValue::new("myPeriod", "1 hours")]);
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<(Source, ParameterValue)>);

impl Given {
    /// Adds values of one source.
    pub fn add(&mut self, source: Source, values: impl IntoIterator<Item = ParameterValue>) {
        self.0.extend(values.into_iter().map(|value| (source, value)));
    }

    /// Adds the values that `variables` give to parameters of `definition`, such as
    /// `EFSBACKUP_VALUE_myBucket`. Those for other parameters are left out: an environment
    /// serves more than one definition.
    ///
    /// # Errors
    /// `InvalidInput` where such a value is not UTF-8.
    pub fn add_environment(
        &mut self,
        definition: &Definition,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<()> {
        for (name, value) in variables {
            let id = name.to_str().and_then(|name| name.strip_prefix(VARIABLE_PREFIX));
            let Some(id) = id.filter(|id| super::parameters::has(definition, id)) else { continue };
            let value = value.into_string().map_err(|_| {
                Error::new(ErrorKind::InvalidInput, "parameter")
                    .with_message(format!("the variable {VARIABLE_PREFIX}{id} is not UTF-8"))
            })?;
            self.add(Source::Environment, [ParameterValue::new(id, value)]);
        }
        Ok(())
    }

    /// From where the values of the parameter `id` come, if they are given.
    pub fn source(&self, id: &str) -> Option<Source> {
        let given = self.0.iter().filter(|(_, value)| plain(&value.id) == plain(id));
        given.map(|(source, _)| *source).min()
    }

    /// The values that count.
    pub fn values(&self) -> Vec<ParameterValue> {
        let counts =
            |(source, value): &&(Source, ParameterValue)| self.source(&value.id) == Some(*source);
        self.0.iter().filter(counts).map(|(_, value)| value.clone()).collect()
    }
}

/// A secret may be given with or without its asterisk.
fn plain(id: &str) -> &str {
    id.strip_prefix('*').unwrap_or(id)
}

/// A value from `NAME=VALUE`, split at the first `=`. To give a list, give the name again.
///
/// # Errors
/// `InvalidInput` where there is no `=` or no name.
pub fn parse_assignment(text: &str) -> Result<ParameterValue> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(ParameterValue::new(name.trim(), value))
        }
        // The text is not repeated: it may be a secret without its name.
        _ => Err(Error::new(ErrorKind::InvalidInput, "parameter")
            .with_message("a value is given as NAME=VALUE")),
    }
}
