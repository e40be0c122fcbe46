//! A definition with everything put in that is known before it runs.

use super::moment::Moment;
use super::parameters::Parameters;
use super::scope::{MOST_BYTES, ObjectScope};
use crate::expression::{Scope, Template, Value};
use crate::pipeline::{Definition, Field, FieldValue, Lines, Object, ParameterValue};
use crate::{Error, ErrorKind, Result};
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How far to resolve.
///
/// ```
/// use efsbackup_core::params::{Options, resolve};
/// use efsbackup_core::pipeline::{Definition, Parameter, ShellCommandActivity};
///
/// let mut definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("tell #{myTopic}"));
/// definition.parameters.push(Parameter::new("myTopic"));
/// let strict = Options::default().require_values(true);
/// assert!(resolve(&definition, &[], strict).unwrap_err().to_string().contains("myTopic"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Options {
    fields: bool,
    inherited: bool,
    reveal_secrets: bool,
    require_values: bool,
}

impl Default for Options {
    /// Parameters and fields, secrets left as they are written, values not required.
    fn default() -> Self {
        Options { fields: true, inherited: false, reveal_secrets: false, require_values: false }
    }
}

impl Options {
    /// Whether names of fields are replaced too (`#{table}`, `#{input.directoryPath}`), or
    /// those of parameters only.
    #[must_use]
    pub fn fields(mut self, fields: bool) -> Self {
        self.fields = fields;
        self
    }

    /// Whether each object is written with what it inherits, as its instances have it.
    #[must_use]
    pub fn inherited(mut self, inherited: bool) -> Self {
        self.inherited = inherited;
        self
    }

    /// Whether secrets are put in. Otherwise `#{*myPassword}` stays.
    #[must_use]
    pub fn reveal_secrets(mut self, reveal: bool) -> Self {
        self.reveal_secrets = reveal;
        self
    }

    /// Whether a parameter that is used, not optional and without a value is an error.
    #[must_use]
    pub fn require_values(mut self, require: bool) -> Self {
        self.require_values = require;
        self
    }
}

/// What [`resolve`] made.
///
/// ```
/// use efsbackup_core::params::{Options, resolve};
/// use efsbackup_core::pipeline::{Definition, ParameterValue, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").command("#{myProgram} --since #{@scheduledStartTime}"));
/// let values = [ParameterValue::new("myProgram", "copy")];
/// let resolved = resolve(&definition, &values, Options::default())?;
/// let run = resolved.definition.object("Run").ok_or("no such object")?;
/// assert_eq!(run.first_text("command"), Some("copy --since #{@scheduledStartTime}"));
/// assert_eq!(resolved.unresolved[0].name, "@scheduledStartTime");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The definition, every expression replaced whose value is known. Parameters that
    /// some expression still uses are declared in it and have their values.
    pub definition: Definition,
    /// The parameters and where their values came from.
    pub parameters: Parameters,
    /// The names whose value is not known before the pipeline runs, or at all.
    pub unresolved: Vec<Unresolved>,
}

/// A name in an expression that has no value yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The object's id.
    pub object: String,
    /// The field's key.
    pub field: String,
    /// The name, as written.
    pub name: String,
}

/// Puts the values of parameters into `definition`, `given` ones before its own.
///
/// A parameter with several values, alone in a field, gives the field as often. An optional
/// parameter without a value, alone in a field, leaves the field out if it is the only one
/// of its key, and is empty text in any other place: arguments keep their numbers.
///
/// ```
/// use efsbackup_core::formats;
/// use efsbackup_core::params::{self, Options};
/// use efsbackup_core::pipeline::ParameterValue;
///
/// let text = br##"{"objects": [{"id": "Run", "type": "ShellCommandActivity",
///   "workerGroup": "here", "command": "#{myCommand}"}],
///   "parameters": [{"id": "myCommand"}]}"##;
/// let definition = formats::read(text)?.definition;
/// let given = [ParameterValue::new("myCommand", "date")];
/// let resolved = params::resolve(&definition, &given, Options::default())?;
/// assert_eq!(resolved.definition.objects[0].first_text("command"), Some("date"));
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
///
/// # Errors
/// As [`Parameters::new`]; `InvalidDefinition`, with `object.field`, for an expression that
/// does not parse or cannot be evaluated; `UnresolvedParameter` for a missing value, where
/// the options require them.
pub fn resolve(
    definition: &Definition,
    given: &[ParameterValue],
    options: Options,
) -> Result<Resolved> {
    resolve_with(definition, given, None, options)
}

/// As [`resolve`], and with what the service sets in the run of `moment`.
///
/// # Errors
/// As [`resolve`]; `NotFound` where the moment's node does not name an object that uses it.
pub fn resolve_at(
    definition: &Definition,
    given: &[ParameterValue],
    moment: &Moment,
    options: Options,
) -> Result<Resolved> {
    resolve_with(definition, given, Some(moment), options)
}

fn resolve_with(
    definition: &Definition,
    given: &[ParameterValue],
    moment: Option<&Moment>,
    options: Options,
) -> Result<Resolved> {
    let parameters = Parameters::new(definition, given)?;
    let mut resolved = Definition::default();
    let mut unresolved = Vec::new();
    let mut used = BTreeSet::new();
    let lines = Lines::of(definition);
    let room = Cell::new(MOST_BYTES);
    for (place, object) in definition.objects.iter().enumerate() {
        let scope = ObjectScope {
            lines: &lines,
            place,
            room: &room,
            parameters: &parameters,
            object,
            fields: options.fields,
            reveal: options.reveal_secrets,
            depth: 0,
            moment,
            status: "FINISHED",
        };
        let mut whole = Object { fields: Vec::new(), ..object.clone() };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for field in &object.fields {
            *counts.entry(field.key.as_str()).or_default() += 1;
        }
        let fields: Vec<&Field> = match options.inherited {
            true => definition.effective_fields(object).iter().map(|e| e.field).collect(),
            false => object.fields.iter().collect(),
        };
        for field in fields {
            let name = |error: Error| located(&error, object, &field.key);
            room.set(MOST_BYTES);
            let values = resolve_field(field, counts.get(field.key.as_str()) == Some(&1), &scope)
                .map_err(name)?;
            for value in values {
                for name in names_left(&value) {
                    if scope.lookup(&name)?.is_none() {
                        let (object, field) = (object.id.clone(), field.key.clone());
                        unresolved.push(Unresolved { object, field, name: name.clone() });
                    }
                    used.insert(name);
                }
                whole.fields.push(Field { key: field.key.clone(), value });
            }
        }
        resolved.objects.push(whole);
    }
    if options.require_values {
        require(definition, &parameters, &unresolved)?;
    }
    keep_used(definition, &parameters, &used, &mut resolved);
    Ok(Resolved { definition: resolved, parameters, unresolved })
}

/// The service takes these as they are written.
fn is_literal(key: &str) -> bool {
    matches!(key, "id" | "name" | "type" | "@sphere")
}

fn resolve_field(field: &Field, only: bool, scope: &ObjectScope<'_>) -> Result<Vec<FieldValue>> {
    let text = match field.value.as_text() {
        Some(text) if text.contains("#{") && !is_literal(&field.key) => text,
        _ => return Ok(vec![field.value.clone()]),
    };
    let template = Template::parse(text)?;
    let alone = template.is_one_name();
    let left_out =
        |name: &str| scope.parameters.is_left_out(name) && scope.object.first_text(name).is_none();
    if alone && only && template.names().into_iter().all(left_out) {
        return Ok(Vec::new());
    }
    let value = template.evaluate_partially(scope)?;
    Ok(match value {
        Value::List(values) => values.iter().map(|value| value.to_string().into()).collect(),
        value => vec![value.to_string().into()],
    })
}

fn names_left(value: &FieldValue) -> Vec<String> {
    let template = value.as_text().and_then(|text| Template::parse(text).ok());
    template
        .map(|template| template.names().into_iter().map(str::to_owned).collect())
        .unwrap_or_default()
}

fn require(
    definition: &Definition,
    parameters: &Parameters,
    unresolved: &[Unresolved],
) -> Result<()> {
    let ids: HashSet<&str> = parameters.ids().collect();
    let is_parameter = |name: &str| ids.contains(name);
    let missing = unresolved
        .iter()
        .find(|left| is_parameter(&left.name) && parameters.get(&left.name).is_none());
    let Some(Unresolved { object, field, name }) = missing else { return Ok(()) };
    let about = definition.parameter(name).and_then(|parameter| parameter.attribute("description"));
    let about = about.map(|text| format!(" ({text})")).unwrap_or_default();
    Err(Error::new(ErrorKind::UnresolvedParameter, "resolve").with_message(format!(
        "the parameter {name}{about} has no value, and {object}.{field} needs it; give {name}=VALUE"
    )))
}

/// Keeps the declarations and values of the parameters that expressions still use.
fn keep_used(
    definition: &Definition,
    parameters: &Parameters,
    used: &BTreeSet<String>,
    resolved: &mut Definition,
) {
    let used = |id: &str| used.contains(id);
    resolved.parameters =
        definition.parameters.iter().filter(|parameter| used(&parameter.id)).cloned().collect();
    for id in parameters.ids().filter(|id| used(id)) {
        let values = parameters.get(id).map(|(values, _)| values).unwrap_or_default();
        resolved.values.extend(values.iter().map(|value| ParameterValue::new(id, value)));
    }
}

fn located(error: &Error, object: &Object, key: &str) -> Error {
    Error::new(error.kind(), "resolve").with_message(format!(
        "{}.{key}: {}",
        object.id,
        error.message()
    ))
}
