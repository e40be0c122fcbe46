//! The parameters of a definition with their values.

use crate::expression::{Scope, Template, Value};
use crate::pipeline::{Definition, FieldValue, MASK, Parameter, ParameterType, ParameterValue};
use crate::{Error, ErrorKind, Result};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was given from outside the definition.
    Given,
    /// It is among the definition's values.
    Definition,
    /// It is the parameter's default.
    Default,
}

/// The values of a definition's parameters. As a [`Scope`] it knows nothing else.
///
/// ```
/// use efsbackup_core::params::{Origin, Parameters};
/// use efsbackup_core::pipeline::{Definition, Parameter, ParameterValue};
///
/// let mut definition = Definition::default();
/// definition.parameters.push(Parameter::new("myPeriod").with("default", "1 hours"));
/// let parameters = Parameters::new(&definition, &[ParameterValue::new("myPeriod", "1 days")])?;
/// let (values, origin) = parameters.get("myPeriod").ok_or("no such parameter")?;
/// assert_eq!((values, origin), (&["1 days".to_owned()][..], Origin::Given));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    entries: Vec<Entry>,
    /// Where the entry of an id is.
    places: HashMap<String, usize>,
}

#[derive(Clone)]
struct Entry {
    id: String,
    values: Vec<String>,
    origin: Option<Origin>,
    /// Numbers calculate as numbers.
    numeric: bool,
    optional: bool,
}

impl Parameters {
    /// The parameters of `definition` with the values `given`, which take the place of its
    /// own. A secret (`*myPassword`) may be given with or without its asterisk.
    ///
    /// # Errors
    /// `NotFound` where a given value is for no parameter that the definition declares
    /// or uses; `InvalidDefinition` where a value is not of its parameter's type, not
    /// among the allowed ones, or one of several for a parameter that is no array.
    pub fn new(definition: &Definition, given: &[ParameterValue]) -> Result<Parameters> {
        let known = known_ids(definition);
        let places: HashMap<String, usize> =
            known.iter().enumerate().map(|(place, id)| (id.clone(), place)).collect();
        let mut declared: HashMap<&str, &Parameter> = HashMap::new();
        for parameter in &definition.parameters {
            declared.entry(&parameter.id).or_insert(parameter);
        }
        let mut own: HashMap<&str, Vec<&str>> = HashMap::new();
        for value in &definition.values {
            own.entry(&value.id).or_default().extend(value.value.as_text());
        }
        let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
        for value in given {
            let id = known_id(&known, &places, &value.id)?;
            named.entry(id).or_default().push(value.value.as_text().unwrap_or_default());
        }
        let mut entries = Vec::with_capacity(known.len());
        for id in &known {
            let parameter = declared.get(id.as_str()).copied();
            let [given, own] = [&named, &own].map(|values| values.get(id.as_str()));
            let entry = entry(parameter, id, given, own);
            check(parameter, &entry)?;
            entries.push(entry);
        }
        Ok(Parameters { entries, places })
    }

    /// The ids of all parameters that are declared, used or given a value.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.id.as_str())
    }

    /// The values of a parameter, and where they come from. Secrets come as they are.
    pub fn get(&self, id: &str) -> Option<(&[String], Origin)> {
        let entry = self.entry(id)?;
        Some((entry.values.as_slice(), entry.origin?))
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(*self.places.get(id)?)
    }

    /// Whether the parameter may be without a value, and is.
    pub(super) fn is_left_out(&self, id: &str) -> bool {
        self.entry(id).is_some_and(|entry| entry.optional && entry.origin.is_none())
    }
}

impl Parameters {
    fn value(&self, id: &str, one: impl Fn(&Entry, &str) -> Value) -> Option<Value> {
        let entry = self.entry(id).filter(|entry| entry.origin.is_some())?;
        let mut values: Vec<Value> = entry.values.iter().map(|text| one(entry, text)).collect();
        Some(if values.len() == 1 { values.remove(0) } else { Value::List(values) })
    }
}

impl Scope for Parameters {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.value(name, Entry::value))
    }

    fn lookup_as_written(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.value(name, |_, text| Value::from(text)))
    }
}

impl Entry {
    /// A number where the parameter says so; it was checked to be one.
    fn value(&self, text: &str) -> Value {
        let integer = || text.trim().parse().map(Value::Integer).ok();
        let double = || text.trim().parse().map(Value::Double).ok();
        let number = self.numeric.then(|| integer().or_else(double)).flatten();
        number.unwrap_or_else(|| Value::from(text))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Parameter");
        shown.field("id", &self.id).field("origin", &self.origin);
        if self.id.starts_with('*') {
            shown.field("values", &MASK)
        } else {
            shown.field("values", &self.values)
        }
        .finish()
    }
}

/// Declared ids first, in their order, then those that have a value or are used.
fn known_ids(definition: &Definition) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let declared = definition.parameters.iter().map(|parameter| parameter.id.as_str());
    let valued = definition.values.iter().map(|value| value.id.as_str());
    let mut add = |id: &str| {
        if seen.insert(id.to_owned()) {
            ids.push(id.to_owned());
        }
    };
    declared.chain(valued).for_each(&mut add);
    for object in &definition.objects {
        let own: HashSet<&str> = object.fields.iter().map(|field| field.key.as_str()).collect();
        for field in &object.fields {
            let Some(text) = field.value.as_text().filter(|text| text.contains("#{")) else {
                continue;
            };
            // What does not parse is told when the field is resolved.
            let Ok(template) = Template::parse(text) else { continue };
            for name in template.names().into_iter().filter(|name| is_parameter_name(name)) {
                if !own.contains(name) {
                    add(name);
                }
            }
        }
    }
    ids
}

/// Whether `definition` declares or uses a parameter `id`, which may lack its asterisk.
pub(super) fn has(definition: &Definition, id: &str) -> bool {
    let known = known_ids(definition);
    known.iter().any(|known| known == id || known.strip_prefix('*') == Some(id))
}

fn is_parameter_name(name: &str) -> bool {
    let name = name.strip_prefix('*').unwrap_or(name);
    name.starts_with("my") && !name.contains('.')
}

fn known_id<'k>(known: &'k [String], places: &HashMap<String, usize>, id: &str) -> Result<&'k str> {
    let places = [places.get(id), places.get(&format!("*{id}"))];
    let first = places.into_iter().flatten().min();
    if let Some(found) = first.and_then(|place| known.get(*place)) {
        return Ok(found);
    }
    let hint = crate::pipeline::nearest(id, known.iter().map(String::as_str))
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    // The definition decides which names there are, so that this is no wrong usage.
    Err(Error::new(ErrorKind::NotFound, "parameter")
        .with_message(format!("the definition has no parameter {id}{hint}")))
}

fn entry(
    parameter: Option<&Parameter>,
    id: &str,
    given: Option<&Vec<&str>>,
    own: Option<&Vec<&str>>,
) -> Entry {
    let [given, own] =
        [given, own].map(|values| values.into_iter().flatten().map(|text| (*text).to_owned()));
    let defaults = parameter.into_iter().flat_map(|parameter| parameter.all("default"));
    let defaults = defaults.filter_map(FieldValue::as_text).map(str::to_owned);
    let sources: [(Origin, Vec<String>); 3] = [
        (Origin::Given, given.collect()),
        (Origin::Definition, own.collect()),
        (Origin::Default, defaults.collect()),
    ];
    let found = sources.into_iter().find(|(_, values)| !values.is_empty());
    let (origin, values) = found.map(|(o, values)| (Some(o), values)).unwrap_or_default();
    let kind = parameter.and_then(Parameter::parameter_type);
    let numeric = matches!(kind, Some(ParameterType::Integer | ParameterType::Double));
    let optional = parameter.is_some_and(|parameter| parameter.is("optional"));
    Entry { id: id.to_owned(), values, origin, numeric, optional }
}

fn check(parameter: Option<&Parameter>, entry: &Entry) -> Result<()> {
    let Some(parameter) = parameter else { return Ok(()) };
    let wrong = |text: String| {
        let message = format!("parameter {}: {text}", entry.id);
        Err(Error::new(ErrorKind::InvalidDefinition, "parameter").with_message(message))
    };
    if entry.values.len() > 1 && !parameter.is("isArray") {
        return wrong(format!("{} values are given, but it is no array", entry.values.len()));
    }
    let demands = parameter.demands();
    match entry.values.iter().find_map(|value| demands.objection(value)) {
        Some(objection) => wrong(objection),
        None => Ok(()),
    }
}

/// The definition with every secret replaced by [`MASK`], for showing to people: values and
/// defaults of parameters whose id begins with `*`, and texts of fields whose key does,
/// unless they are expressions.
#[must_use]
pub fn mask(definition: &Definition) -> Definition {
    let mut masked = definition.clone();
    let cover = |value: &mut FieldValue| {
        if value.as_text().is_some_and(|text| !text.contains("#{")) {
            *value = FieldValue::from(MASK);
        }
    };
    for value in masked.values.iter_mut().filter(|value| value.id.starts_with('*')) {
        value.value = FieldValue::from(MASK);
    }
    for parameter in masked.parameters.iter_mut().filter(|parameter| parameter.is_secret()) {
        let attributes = parameter.attributes.iter_mut();
        attributes.filter(|(key, _)| key == "default").for_each(|(_, value)| cover(value));
    }
    for object in &mut masked.objects {
        let secret = object.fields.iter_mut().filter(|field| field.key.starts_with('*'));
        secret.for_each(|field| cover(&mut field.value));
    }
    masked
}
