//! The object types of the service and their fields, read from `catalogue.json`.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

/// The object types that AWS documents, and what is known about their fields.
///
/// It is data: `catalogue.json` beside this file says how it is written, and is the place
/// to mend a fact.
///
/// ```
/// use efsbackup_core::pipeline::Catalogue;
///
/// let activity = Catalogue::current().get("ShellCommandActivity").ok_or("not known")?;
/// assert!(activity.fields["runsOn"].default.is_none());
/// assert!(activity.is("ShellCommandActivity"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    types: BTreeMap<String, ObjectType>,
    /// For each field the first type that has it.
    with_field: HashMap<String, String>,
}

/// One type of object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectType {
    /// Such as `ShellCommandActivity`.
    pub name: String,
    /// A name that references take it by as well, such as `Activity`.
    pub family: Option<String>,
    /// Of each group at least one field must be set or inherited.
    pub one_of: Vec<Vec<String>>,
    /// Its fields by name.
    pub fields: BTreeMap<String, FieldType>,
}

/// What is known about a field of a type.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldType {
    /// The kind of value it takes.
    pub slot: Slot,
    /// It must be set or inherited.
    pub required: bool,
    /// It may be given more than once.
    pub list: bool,
    /// The order of what is given means something.
    pub ordered: bool,
    /// The service sets it while a pipeline runs.
    pub runtime: bool,
    /// It is documented only to say that it may not be used on this type.
    pub forbidden: bool,
    /// The value that counts where it is not set, as far as AWS says.
    pub default: Option<String>,
}

/// The kind of value a field takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// Any text.
    String,
    /// A period such as `15 minutes`.
    Period,
    /// `YYYY-MM-DDTHH:MM:SS`, in UTC.
    DateTime,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// One of these words, in any case.
    Enumeration(Vec<String>),
    /// A reference to an object of one of these types or families; `*` is any.
    Reference(Vec<String>),
}

impl Catalogue {
    /// The catalogue of this release.
    pub fn current() -> &'static Catalogue {
        static CURRENT: OnceLock<Catalogue> = OnceLock::new();
        // The file is compiled in; a test shows that it reads whole.
        CURRENT.get_or_init(|| parse(include_str!("catalogue.json")).unwrap_or_default())
    }

    /// The type called `name`.
    pub fn get(&self, name: &str) -> Option<&ObjectType> {
        self.types.get(name)
    }

    /// All types, by name.
    pub fn types(&self) -> impl Iterator<Item = &ObjectType> {
        self.types.values()
    }

    /// What some type says about a field called `name`, for objects whose type is not
    /// known, such as Default, whose fields are for others to inherit.
    pub fn any_field(&self, name: &str) -> Option<&FieldType> {
        self.get(self.with_field.get(name)?)?.fields.get(name)
    }
}

impl ObjectType {
    /// Whether references that take `name` (a type, a family or `*`) take this type.
    pub fn is(&self, name: &str) -> bool {
        name == "*" || name == self.name || self.family.as_deref() == Some(name)
    }
}

fn parse(text: &str) -> Option<Catalogue> {
    let file: Value = serde_json::from_str(text).ok()?;
    let shared = file.get("shared")?.as_object()?;
    let types = file.get("types")?.as_object()?.iter();
    let types = types.map(|(name, kind)| Some((name.clone(), object_type(name, kind, shared)?)));
    let types = types.collect::<Option<BTreeMap<String, ObjectType>>>()?;
    let mut with_field = HashMap::new();
    for kind in types.values() {
        for field in kind.fields.keys() {
            with_field.entry(field.clone()).or_insert_with(|| kind.name.clone());
        }
    }
    Some(Catalogue { types, with_field })
}

fn object_type(name: &str, kind: &Value, shared: &Map<String, Value>) -> Option<ObjectType> {
    let mut fields = BTreeMap::new();
    let sets = kind.get("shared").map(strings).unwrap_or(Some(Vec::new()))?;
    let sets = sets.iter().map(|set| shared.get(set));
    for set in sets.chain(kind.get("fields").map(Some)) {
        for (field, words) in set?.as_object()? {
            fields.insert(field.clone(), field_type(words.as_str()?)?);
        }
    }
    let one_of = match kind.get("oneOf") {
        Some(groups) => groups.as_array()?.iter().map(strings).collect::<Option<_>>()?,
        None => Vec::new(),
    };
    let family = kind.get("family").and_then(Value::as_str).map(str::to_owned);
    Some(ObjectType { name: name.to_owned(), family, one_of, fields })
}

fn strings(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn field_type(words: &str) -> Option<FieldType> {
    let (words, default) = match words.split_once(" = ") {
        Some((words, default)) => (words, Some(default.to_owned())),
        None => (words, None),
    };
    let mut words = words.split(' ').peekable();
    let forbidden = words.next_if_eq(&"forbidden").is_some();
    let runtime = words.next_if_eq(&"runtime").is_some();
    let required = words.next_if_eq(&"required").is_some();
    let slot = words.next()?;
    let set = words.next_if_eq(&"set").is_some();
    let list = set || words.next_if_eq(&"list").is_some();
    let names: Vec<String> = words.map(str::to_owned).collect();
    let slot = match (slot, names.is_empty()) {
        ("string", true) => Slot::String,
        ("period", true) => Slot::Period,
        ("datetime", true) => Slot::DateTime,
        ("integer", true) => Slot::Integer,
        ("double", true) => Slot::Double,
        ("boolean", true) => Slot::Boolean,
        ("enum", false) => Slot::Enumeration(names),
        ("ref", false) => Slot::Reference(names),
        _ => return None,
    };
    Some(FieldType { slot, required, list, ordered: !set, runtime, forbidden, default })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_whole_and_its_names_exist() {
        let catalogue = parse(include_str!("catalogue.json")).unwrap();
        assert_eq!(catalogue.types.len(), 42);
        assert_eq!(&catalogue, Catalogue::current());
        for kind in catalogue.types() {
            for (name, field) in &kind.fields {
                if let Slot::Reference(targets) = &field.slot {
                    for target in targets {
                        let known = catalogue.types().any(|kind| kind.is(target));
                        assert!(known, "{}.{name}: {target}", kind.name);
                    }
                }
            }
            for name in kind.one_of.iter().flatten() {
                assert!(kind.fields.contains_key(name), "{}.{name}", kind.name);
            }
        }
    }

    #[test]
    fn a_field_is_read_from_its_words() {
        let catalogue = Catalogue::current();
        let activity = catalogue.get("ShellCommandActivity").unwrap();
        assert!(activity.is("Activity") && activity.is("*") && !activity.is("Action"));
        assert_eq!(activity.one_of.len(), 2);
        let field = |name: &str| activity.fields.get(name).unwrap();
        assert!(field("scriptArgument").list && !field("command").list);
        assert!(field("@status").runtime);
        assert_eq!(field("maximumRetries").default.as_deref(), Some("2"));
        let targets = vec!["Ec2Resource".to_owned(), "EmrCluster".to_owned()];
        assert_eq!(field("runsOn").slot, Slot::Reference(targets));
        let resource = catalogue.get("Ec2Resource").unwrap();
        assert!(resource.fields["runsOn"].forbidden && resource.fields["role"].required);
        assert_eq!(catalogue.any_field("period").unwrap().slot, Slot::Period);
    }
}
