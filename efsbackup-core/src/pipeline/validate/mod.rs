//! Finding what is wrong with a definition before anything is deployed or run.
//!
//! The facts about types and fields are the catalogue's. Where AWS's own samples break what
//! its guide says, the finding is a warning.

mod backup;
mod circles;
mod expressions;
mod fields;
mod finding;
mod limits;
mod objects;
mod parameters;
mod references;
mod schedules;
mod shell;

pub(super) use fields::objection;
pub use finding::{Code, Finding, Severity, Validation};

use super::{
    Catalogue, DEFAULT_ID, Definition, Field, FieldType, Lines, Object, ObjectType, Parameter,
};
use std::collections::{HashMap, HashSet};

impl Definition {
    /// Checks the definition without running it or asking AWS.
    pub fn validate(&self) -> Validation {
        let context = Context::new(self);
        let mut found = Validation::default();
        let mut used = HashSet::new();
        objects::check_ids(&context, &mut found);
        for view in &context.views {
            objects::check(&context, view, &mut found);
            fields::check(&context, view, &mut found);
            references::check(&context, view, &mut found);
            expressions::check(&context, view, &mut used, &mut found);
            limits::check_object(view, &mut found);
            schedules::check(&context, view, &mut found);
            backup::check(&context, view, &mut found);
        }
        circles::check(&context, &mut found);
        schedules::check_demand(&context, &mut found);
        parameters::check(&context, &used, &mut found);
        limits::check_whole(self, &mut found);
        found
    }
}

/// How many ids are looked through for the one that was meant.
const SEARCHED: usize = 200;

/// What all checks look at.
struct Context<'a> {
    definition: &'a Definition,
    catalogue: &'static Catalogue,
    lines: Lines<'a>,
    /// The parameters by their ids, of several with one id the first.
    parameters: HashMap<&'a str, &'a Parameter>,
    /// The first value given to each parameter.
    values: HashMap<&'a str, Option<&'a str>>,
    /// The ids that some object names as its parent.
    parents: HashSet<&'a str>,
    views: Vec<View<'a>>,
}

/// An object with what it inherits.
struct View<'a> {
    object: &'a Object,
    place: usize,
    /// Its type's name, its own or inherited.
    type_name: Option<&'a str>,
    /// What the catalogue knows about that type.
    kind: Option<&'static ObjectType>,
}

impl<'a> Context<'a> {
    fn new(definition: &'a Definition) -> Self {
        let catalogue = Catalogue::current();
        let parents = definition.objects.iter().filter_map(|o| o.first_reference("parent"));
        let parents = parents.collect();
        let lines = Lines::of(definition);
        let view = |(place, (object, type_name)): (usize, (&'a Object, Option<&'a str>))| {
            let kind = type_name.and_then(|name| catalogue.get(name));
            View { object, place, type_name, kind }
        };
        let views = lines.types().enumerate().map(view).collect();
        let mut parameters = HashMap::new();
        for parameter in &definition.parameters {
            parameters.entry(parameter.id.as_str()).or_insert(parameter);
        }
        let mut values = HashMap::new();
        for value in &definition.values {
            let first = values.entry(value.id.as_str()).or_insert(None);
            *first = first.or(value.value.as_text());
        }
        Context { definition, catalogue, lines, parameters, values, parents, views }
    }

    /// The object with this id.
    fn view(&self, id: &str) -> Option<&View<'a>> {
        self.views.get(self.lines.place(id)?)
    }

    /// The text, or the value of the parameter that it names in `#{…}` and nothing else.
    /// `None` where that is not known yet.
    fn known<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        if !text.contains("#{") {
            return Some(text);
        }
        let id = text.strip_prefix("#{")?.strip_suffix('}')?.trim();
        let given = self.values.get(id).copied().flatten();
        let default = || self.parameters.get(id)?.attribute("default");
        given.or_else(default).filter(|value| !value.contains("#{"))
    }

    /// The fields of this key that count for the object, its own or inherited.
    fn fields(&self, view: &View<'a>, key: &str) -> &[&'a Field] {
        self.lines.fields(view.place, key)
    }

    fn has(&self, view: &View<'a>, key: &str) -> bool {
        self.lines.setter(view.place, key).is_some()
    }

    /// The first text of `key` that counts for the object.
    fn text(&self, view: &View<'a>, key: &str) -> Option<&'a str> {
        self.fields(view, key).iter().find_map(|field| field.value.as_text())
    }

    /// What is known about a field of an object. Any type's field may stand on Default and
    /// on objects without a type of their own, for others to inherit.
    fn field_type(&self, view: &View<'a>, key: &str) -> Option<&'static FieldType> {
        match view.kind.filter(|_| view.object.id != DEFAULT_ID) {
            Some(kind) => kind.fields.get(key),
            None => self.catalogue.any_field(key),
        }
    }
}

impl<'a> View<'a> {
    /// Whether the catalogue's type is, or belongs to the family, `name`.
    fn is(&self, name: &str) -> bool {
        self.kind.is_some_and(|kind| kind.is(name))
    }
}

/// Whether an author may make up this field: `my` and a capital letter or underscore.
fn is_user_defined(key: &str) -> bool {
    let key = key.strip_prefix('*').unwrap_or(key);
    let rest = key.strip_prefix("my").and_then(|rest| rest.chars().next());
    rest.is_some_and(|c| c.is_ascii_uppercase() || c == '_')
}
