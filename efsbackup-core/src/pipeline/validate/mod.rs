//! Finding what is wrong with a definition before anything is deployed or run.
//!
//! The facts about types and fields are the catalogue's. Where AWS's own samples break what
//! its guide says, the finding is a warning.

mod backup;
mod expressions;
mod fields;
mod finding;
mod limits;
mod objects;
mod parameters;
mod references;
mod schedules;
mod shell;

pub use finding::{Code, Finding, Severity, Validation};

use super::inherit::{ancestry, effective_fields};
use super::{Catalogue, DEFAULT_ID, Definition, Effective, FieldType, Object, ObjectType};
use std::collections::{HashMap, HashSet};

impl Definition {
    /// Checks the definition without running it or asking AWS.
    pub fn validate(&self) -> Validation {
        let context = Context::new(self);
        let mut found = Validation::default();
        objects::check_ids(&context, &mut found);
        for view in &context.views {
            objects::check(&context, view, &mut found);
            fields::check(&context, view, &mut found);
            references::check(&context, view, &mut found);
            expressions::check(&context, view, &mut found);
            limits::check_object(view, &mut found);
            schedules::check(&context, view, &mut found);
            backup::check(&context, view, &mut found);
        }
        references::check_cycles(&context, &mut found);
        schedules::check_demand(&context, &mut found);
        parameters::check(&context, &mut found);
        limits::check_whole(self, &mut found);
        found
    }
}

/// What all checks look at.
struct Context<'a> {
    definition: &'a Definition,
    catalogue: &'static Catalogue,
    /// Where in `views` the object with an id is.
    places: HashMap<&'a str, usize>,
    /// The ids of parameters that are declared or given a value.
    declared: HashSet<&'a str>,
    /// The ids that some object names as its parent.
    parents: HashSet<&'a str>,
    views: Vec<View<'a>>,
}

/// An object with what it inherits.
struct View<'a> {
    object: &'a Object,
    fields: Vec<Effective<'a>>,
    /// The keys of those fields.
    keys: HashSet<&'a str>,
    /// Its type's name, its own or inherited.
    type_name: Option<&'a str>,
    /// What the catalogue knows about that type.
    kind: Option<&'static ObjectType>,
}

impl<'a> Context<'a> {
    fn new(definition: &'a Definition) -> Self {
        let catalogue = Catalogue::current();
        let mut places = HashMap::new();
        for (place, object) in definition.objects.iter().enumerate() {
            places.entry(object.id.as_str()).or_insert(place);
        }
        let parents = definition.objects.iter().filter_map(|o| o.first_reference("parent"));
        let parents = parents.collect();
        let view = |object: &'a Object| {
            let line = ancestry(object, |id| definition.objects.get(*places.get(id)?));
            let type_name = match object.id.as_str() {
                DEFAULT_ID => Some(DEFAULT_ID),
                _ => line.iter().filter(|o| o.id != DEFAULT_ID).find_map(|o| o.type_name()),
            };
            let kind = type_name.and_then(|name| catalogue.get(name));
            let fields = effective_fields(&line);
            let keys = fields.iter().map(|effective| effective.field.key.as_str()).collect();
            View { object, fields, keys, type_name, kind }
        };
        let views = definition.objects.iter().map(view).collect();
        let declared = definition.parameters.iter().map(|parameter| parameter.id.as_str());
        let declared = declared.chain(definition.values.iter().map(|value| value.id.as_str()));
        let declared = declared.collect();
        Context { definition, catalogue, places, declared, parents, views }
    }

    /// The object with this id.
    fn view(&self, id: &str) -> Option<&View<'a>> {
        self.views.get(*self.places.get(id)?)
    }

    /// The text, or the value of the parameter that it names in `#{…}` and nothing else.
    /// `None` where that is not known yet.
    fn known<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        if !text.contains("#{") {
            return Some(text);
        }
        let id = text.strip_prefix("#{")?.strip_suffix('}')?.trim();
        let given = self.definition.values_of(id).next();
        let default = || self.definition.parameter(id)?.attribute("default");
        given.or_else(default).filter(|value| !value.contains("#{"))
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
    fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// The first effective text of `key`.
    fn text(&self, key: &str) -> Option<&'a str> {
        let mut fields = self.fields.iter().filter(|effective| effective.field.key == key);
        fields.find_map(|effective| effective.field.value.as_text())
    }

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
