//! What an object has in the end: its own fields and those it inherits.

use super::{Definition, Field, Object};
use std::collections::HashSet;

/// The id of the object that all others inherit from.
pub const DEFAULT_ID: &str = "Default";

/// A field that counts for an object, and the object that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective<'a> {
    /// The field.
    pub field: &'a Field,
    /// The object it is written in.
    pub from: &'a Object,
}

impl Definition {
    /// `object` and those it inherits from, nearest first: its `parent`, that one's
    /// parent and so on, and last the object with the id `Default`.
    ///
    /// AWS's guide says that an object without `parent` inherits from Default and that
    /// another parent takes Default's place; that parent, having none, inherits from
    /// Default itself. Whether this reaches the object is not written; here it does. A line
    /// ends after 100 objects.
    pub fn ancestry<'a>(&'a self, object: &'a Object) -> Vec<&'a Object> {
        ancestry(object, |id| self.object(id))
    }

    /// The fields that count for `object`: for each key the values of the nearest object
    /// that sets it. `parent` is never inherited, and `type` not from Default.
    pub fn effective_fields<'a>(&'a self, object: &'a Object) -> Vec<Effective<'a>> {
        effective_fields(&self.ancestry(object))
    }

    /// The type of `object`, inherited where it has none of its own. The object with the
    /// id `Default` is of type `Default`.
    pub fn type_of<'a>(&'a self, object: &'a Object) -> Option<&'a str> {
        if object.id == DEFAULT_ID {
            return Some(DEFAULT_ID);
        }
        let line = self.ancestry(object);
        line.into_iter().filter(|from| from.id != DEFAULT_ID).find_map(Object::type_name)
    }
}

/// How far inheritance reaches: AWS's own limit of objects. It keeps a chain of thousands,
/// each an ancestor of all before it, from taking quadratic time.
const LONGEST_LINE: usize = 100;

/// The ancestry of `object` where `find` gives the object with an id.
pub(super) fn ancestry<'a>(
    object: &'a Object,
    find: impl Fn(&str) -> Option<&'a Object>,
) -> Vec<&'a Object> {
    let mut line = vec![object];
    let mut last = object;
    loop {
        let next = match last.first_reference("parent") {
            Some(parent) => find(parent),
            None => find(DEFAULT_ID),
        };
        match next {
            Some(next)
                if line.len() < LONGEST_LINE
                    && !line.iter().any(|seen| std::ptr::eq(*seen, next)) =>
            {
                line.push(next);
                last = next;
            }
            // No further, or round in a circle, which validation reports.
            _ => return line,
        }
    }
}

/// The fields that count for the first of `line`, an object's ancestry.
pub(super) fn effective_fields<'a>(line: &[&'a Object]) -> Vec<Effective<'a>> {
    let mut fields: Vec<Effective<'a>> = Vec::new();
    let mut nearer = HashSet::new();
    for (distance, &from) in line.iter().enumerate() {
        let start = fields.len();
        for field in &from.fields {
            let own_only = field.key == "parent" || (field.key == "type" && from.id == DEFAULT_ID);
            if !(nearer.contains(field.key.as_str()) || distance > 0 && own_only) {
                fields.push(Effective { field, from });
            }
        }
        nearer.extend(fields.iter().skip(start).map(|effective| effective.field.key.as_str()));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::FieldValue;

    fn definition() -> Definition {
        let objects = vec![
            Object::new("Default").text("type", "Default").text("role", "r").text("retry", "1"),
            Object::new("Base").text("type", "T").text("arg", "b1").text("arg", "b2"),
            Object::new("A").reference("parent", "Base").text("retry", "2"),
            Object::new("B").text("type", "U").text("arg", "own"),
            Object::new("L1").reference("parent", "L2"),
            Object::new("L2").reference("parent", "L1").text("x", "y"),
        ];
        Definition { objects, ..Definition::default() }
    }

    fn fields(id: &str) -> Vec<(String, String, String)> {
        let definition = definition();
        let object = definition.object(id).unwrap();
        let fields = definition.effective_fields(object);
        let text = |value: &FieldValue| format!("{value:?}");
        fields
            .iter()
            .map(|e| (e.field.key.clone(), text(&e.field.value), e.from.id.clone()))
            .collect()
    }

    #[test]
    fn the_nearest_object_that_sets_a_key_wins_with_all_its_values() {
        let of = |key: &str, value: &str, from: &str| {
            (key.to_owned(), format!("Text({value:?})"), from.to_owned())
        };
        let inherited: Vec<_> = fields("A").into_iter().filter(|f| f.0 != "parent").collect();
        assert_eq!(
            inherited,
            [
                of("retry", "2", "A"),
                of("type", "T", "Base"),
                of("arg", "b1", "Base"),
                of("arg", "b2", "Base"),
                of("role", "r", "Default"),
            ]
        );
        assert!(fields("B").contains(&of("type", "U", "B")));
        assert!(fields("B").contains(&of("retry", "1", "Default")));
    }

    #[test]
    fn a_circle_of_parents_ends() {
        assert_eq!(fields("L1").len(), 2);
        let definition = definition();
        assert_eq!(definition.type_of(definition.object("A").unwrap()), Some("T"));
        assert_eq!(definition.type_of(definition.object("L1").unwrap()), None);
        assert_eq!(definition.type_of(definition.object("Default").unwrap()), Some("Default"));
    }
}
