//! What is different between two definitions.
//!
//! The order of objects, of parameters and of an object's keys means nothing, and so does
//! that of values where the catalogue says so (`dependsOn`, alarms, security groups). The
//! order of all other values of one key counts: arguments, steps, inputs.

use super::{Catalogue, Definition, Field, FieldValue, Lines, is_secret};
use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashMap;

/// What a [`Change`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// An object.
    Object,
    /// A parameter object.
    Parameter,
    /// What is given to a parameter.
    Value,
}

/// One difference between two definitions.
///
/// ```
/// use efsbackup_core::pipeline::{Definition, Schedule};
///
/// let hourly = Definition::default().with(Schedule::new("When").period("1 hours"));
/// let daily = Definition::default().with(Schedule::new("When").period("1 days"));
/// for change in hourly.diff(&daily) {
///     assert_eq!((change.kind(), &*change.place()), ("changed", "When.period"));
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is in.
    pub part: Part,
    /// The object's or parameter's id.
    pub id: String,
    /// The field or attribute; `None` where the object, parameter or value itself is only in
    /// one of the two. An object's `name` counts as a field.
    pub key: Option<String>,
    /// The values in the old definition; of a whole object none.
    pub old: Vec<FieldValue>,
    /// The values in the new definition; of a whole object none.
    pub new: Vec<FieldValue>,
    /// Whether it is in the old definition, and whether in the new one.
    pub present: (bool, bool),
}

impl Change {
    /// Whether the values are secrets, which are for nobody to see: the id or key begins
    /// with `*`.
    pub fn is_secret(&self) -> bool {
        let of_parameter = self.part != Part::Object && is_secret(&self.id);
        of_parameter || self.key.as_deref().is_some_and(is_secret)
    }

    /// Where it is: `object.field`, `object`, `parameter.attribute` or `parameter`.
    pub fn place(&self) -> String {
        match &self.key {
            Some(key) => format!("{}.{key}", self.id),
            None => self.id.clone(),
        }
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Change");
        shown.field("part", &self.part).field("place", &self.place());
        if !self.is_secret() {
            shown.field("old", &self.old).field("new", &self.new);
        }
        shown.field("present", &self.present).finish()
    }
}

impl Definition {
    /// What must change in this definition to make it mean what `new` does, in the order of
    /// this definition and then of what is only in `new`. Empty where both mean the same.
    ///
    /// ```
    /// use efsbackup_core::pipeline::{Definition, Schedule};
    ///
    /// let hourly = Definition::default().with(Schedule::new("S").period("1 hours"));
    /// let daily = Definition::default().with(Schedule::new("S").period("1 days"));
    /// let changes = hourly.diff(&daily);
    /// assert_eq!(changes.len(), 1);
    /// assert_eq!(changes[0].place(), "S.period");
    /// assert!(hourly.diff(&hourly).is_empty());
    /// ```
    pub fn diff(&self, new: &Definition) -> Vec<Change> {
        let mut changes = Vec::new();
        let groups = Groups { old: objects(self), new: objects(new) };
        // Looked up once something differs, which in most objects nothing does.
        let is_ordered = LazyCell::new(|| ordered_in(new, self));
        groups.compare(Part::Object, &|id, key| is_ordered(id, key), &mut changes);
        let groups = Groups { old: parameters(self), new: parameters(new) };
        // A set of allowed values is one; several defaults are a list.
        let ordered = |_: &str, key: &str| key != "allowedValues";
        groups.compare(Part::Parameter, &ordered, &mut changes);
        values(self, new, &mut changes);
        changes
    }
}

/// The keys and values of everything of one kind, by id and, for ids that are there more
/// than once, by their turn.
struct Groups<'a> {
    old: Vec<(&'a str, Keys<'a>)>,
    new: Vec<(&'a str, Keys<'a>)>,
}

/// Each key with all its values, in the order in which the keys first stand.
#[derive(Default)]
struct Keys<'a> {
    list: Vec<(&'a str, Values<'a>)>,
    /// Where in the list each key is.
    places: HashMap<&'a str, usize>,
}

type Values<'a> = Vec<Cow<'a, FieldValue>>;

impl<'a> Keys<'a> {
    fn of(pairs: impl Iterator<Item = (&'a str, Cow<'a, FieldValue>)>) -> Keys<'a> {
        let mut keys = Keys::default();
        for (key, value) in pairs {
            let place = *keys.places.entry(key).or_insert(keys.list.len());
            match keys.list.get_mut(place) {
                Some((_, values)) => values.push(value),
                None => keys.list.push((key, vec![value])),
            }
        }
        keys
    }

    fn get(&self, key: &str) -> Option<&Values<'a>> {
        self.list.get(*self.places.get(key)?).map(|(_, values)| values)
    }
}

impl Groups<'_> {
    fn compare(
        &self,
        part: Part,
        is_ordered: &dyn Fn(&str, &str) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let old: HashMap<_, _> = numbered(&self.old).collect();
        let new: HashMap<_, _> = numbered(&self.new).collect();
        let whole = |id: &str, present| Change {
            part,
            id: id.to_owned(),
            key: None,
            old: Vec::new(),
            new: Vec::new(),
            present,
        };
        for (place, keys) in numbered(&self.old) {
            match new.get(&place) {
                None => changes.push(whole(place.0, (true, false))),
                Some(new_keys) => {
                    let ordered = |key: &str| is_ordered(place.0, key);
                    changes.extend(compare_keys(part, place.0, keys, new_keys, &ordered));
                }
            }
        }
        for (place, _) in numbered(&self.new).filter(|(place, _)| !old.contains_key(place)) {
            changes.push(whole(place.0, (false, true)));
        }
    }
}

/// Each with its id and how many of the same id came before it.
fn numbered<'a, 'b>(
    group: &'b [(&'a str, Keys<'a>)],
) -> impl Iterator<Item = ((&'a str, usize), &'b Keys<'a>)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    group.iter().map(move |(id, keys)| {
        let turn = seen.entry(id).or_default();
        *turn += 1;
        ((*id, *turn), keys)
    })
}

fn compare_keys(
    part: Part,
    id: &str,
    old: &Keys<'_>,
    new: &Keys<'_>,
    is_ordered: &dyn Fn(&str) -> bool,
) -> Vec<Change> {
    let owned = |values: Option<&Values<'_>>| -> Vec<FieldValue> {
        values.into_iter().flatten().cloned().map(Cow::into_owned).collect()
    };
    let change = |key: &str, old: Option<&Values<'_>>, new: Option<&Values<'_>>| Change {
        part,
        id: id.to_owned(),
        key: Some(key.to_owned()),
        old: owned(old),
        new: owned(new),
        present: (old.is_some(), new.is_some()),
    };
    let mut changes = Vec::new();
    for (key, old_values) in &old.list {
        let new_values = new.get(key);
        if !new_values.is_some_and(|new| is_same(old_values, new, || is_ordered(key))) {
            changes.push(change(key, Some(old_values), new_values));
        }
    }
    for (key, new_values) in new.list.iter().filter(|(key, _)| old.get(key).is_none()) {
        changes.push(change(key, None, Some(new_values)));
    }
    changes
}

fn is_same(old: &Values<'_>, new: &Values<'_>, is_ordered: impl Fn() -> bool) -> bool {
    if old == new || old.len() != new.len() || is_ordered() {
        return old == new;
    }
    // How often more a value stands on the one side than on the other. There is nothing to find
    // functions by, of which there are few.
    let mut counts: HashMap<(bool, &str), isize> = HashMap::new();
    let mut functions: Vec<&FieldValue> = Vec::new();
    for (values, step) in [(old, 1), (new, -1)] {
        for value in values {
            match value.as_ref() {
                FieldValue::Text(text) => *counts.entry((false, text)).or_default() += step,
                FieldValue::Reference(id) => *counts.entry((true, id)).or_default() += step,
                function if step > 0 => functions.push(function),
                function => match functions.iter().position(|other| *other == function) {
                    Some(place) => drop(functions.swap_remove(place)),
                    None => return false,
                },
            }
        }
    }
    functions.is_empty() && counts.values().all(|count| *count == 0)
}

fn objects(definition: &Definition) -> Vec<(&str, Keys<'_>)> {
    let objects = definition.objects.iter().map(|object| {
        let name = (object.name != object.id).then(|| FieldValue::from(object.name.as_str()));
        let name = name.into_iter().map(|name| ("name", Cow::Owned(name)));
        let fields = object.fields.iter();
        let fields = fields.map(|Field { key, value }| (key.as_str(), Cow::Borrowed(value)));
        (object.id.as_str(), Keys::of(name.chain(fields)))
    });
    objects.collect()
}

fn parameters(definition: &Definition) -> Vec<(&str, Keys<'_>)> {
    let parameters = definition.parameters.iter().map(|parameter| {
        let attributes = parameter.attributes.iter();
        let attributes = attributes.map(|(key, value)| (key.as_str(), Cow::Borrowed(value)));
        (parameter.id.as_str(), Keys::of(attributes))
    });
    parameters.collect()
}

fn values(old: &Definition, new: &Definition, changes: &mut Vec<Change>) {
    let [old, new] = [old, new].map(|definition| {
        let values = definition.values.iter();
        Keys::of(values.map(|value| (value.id.as_str(), Cow::Borrowed(&value.value))))
    });
    for change in compare_keys(Part::Value, "", &old, &new, &|_| true) {
        changes.push(Change { id: change.key.unwrap_or_default(), key: None, ..change });
    }
}

/// Whether the order of a field's values counts, by the types of either definition.
fn ordered_in<'a>(new: &'a Definition, old: &'a Definition) -> impl Fn(&str, &str) -> bool {
    let mut types: HashMap<&str, &str> = HashMap::new();
    for definition in [old, new] {
        let typed = Lines::of(definition);
        types.extend(typed.types().filter_map(|(object, name)| Some((object.id.as_str(), name?))));
    }
    let catalogue = Catalogue::current();
    move |id, key| {
        let kind = types.get(id).and_then(|name| catalogue.get(name));
        let field = kind.and_then(|kind| kind.fields.get(key)).or_else(|| catalogue.any_field(key));
        field.is_none_or(|field| field.ordered)
    }
}
