//! Which object sets a field for which, for any field of any object of a large definition.
//!
//! A walk over the tree of parents gives each object the time at which the walk comes to it.
//! For every key the times are kept at which another object begins or ends to set it, so that
//! a question is a search in a sorted list, and all of it takes room in proportion to the
//! definition: however long the lines of parents are, and however much is inherited by how many.

use super::{DEFAULT_ID, Definition, Field, Object};
use std::collections::HashMap;

/// Who inherits what from whom.
pub(crate) struct Lines<'a> {
    objects: &'a [Object],
    /// Where the object with an id is; of several the first.
    places: HashMap<&'a str, usize>,
    /// Each object's own fields, sorted by key.
    own: Vec<Vec<&'a Field>>,
    /// When the walk comes to each object.
    times: Vec<usize>,
    setters: HashMap<&'a str, Setters>,
}

/// Who sets a key.
#[derive(Default)]
struct Setters {
    /// The objects between the root and where the walk is, the nearest last.
    now: Vec<usize>,
    /// From when on which object sets it.
    changes: Vec<(usize, Option<usize>)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(definition: &'a Definition) -> Lines<'a> {
        let objects = definition.objects.as_slice();
        let mut places = HashMap::new();
        for (place, object) in objects.iter().enumerate() {
            places.entry(object.id.as_str()).or_insert(place);
        }
        let own = objects.iter().map(|object| {
            let mut fields: Vec<&Field> = object.fields.iter().collect();
            fields.sort_by_key(|field| field.key.as_str());
            fields
        });
        let own = own.collect();
        let times = vec![usize::MAX; objects.len()];
        let mut lines = Lines { objects, places, own, times, setters: HashMap::new() };
        lines.walk();
        lines
    }

    /// Where in the definition the object with this id is; of several the first.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The object at `place`.
    pub(crate) fn object(&self, place: usize) -> Option<&'a Object> {
        self.objects.get(place)
    }

    /// Each object's type, as [`Definition::type_of`] tells it.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&'a Object, Option<&'a str>)> {
        self.objects.iter().enumerate().map(|(place, object)| (object, self.type_of(place)))
    }

    /// The type of the object at `place`.
    pub(crate) fn type_of(&self, place: usize) -> Option<&'a str> {
        if self.objects.get(place)?.id == DEFAULT_ID {
            return Some(DEFAULT_ID);
        }
        self.fields(place, "type").iter().find_map(|field| field.value.as_text())
    }

    fn walk(&mut self) {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.objects.len()];
        let mut roots = Vec::new();
        for (child, object) in self.objects.iter().enumerate() {
            let parent = object.first_reference("parent").unwrap_or(DEFAULT_ID);
            let parent = self.place(parent).filter(|parent| *parent != child);
            match parent.and_then(|parent| children.get_mut(parent)) {
                Some(children) => children.push(child),
                None => roots.push(child),
            }
        }
        // What nobody inherits from need not be kept.
        let keys = |lines: &Self, place: usize| match children.get(place) {
            Some(children) if !children.is_empty() => lines.handed_on(place),
            _ => Vec::new(),
        };
        let mut time = 0;
        // What a circle holds has no root: any of it begins then.
        for root in roots.into_iter().chain(0..self.objects.len()) {
            if self.times.get(root) != Some(&usize::MAX) {
                continue;
            }
            self.enter(root, &keys(self, root), &mut time);
            let mut way = vec![(root, 0)];
            while let Some((object, next)) = way.last_mut() {
                let child = children.get(*object).and_then(|children| children.get(*next));
                *next += 1;
                match child {
                    Some(&child) if self.times.get(child) == Some(&usize::MAX) => {
                        self.enter(child, &keys(self, child), &mut time);
                        way.push((child, 0));
                    }
                    Some(_) => {}
                    None => {
                        self.leave(&keys(self, *object), time);
                        way.pop();
                    }
                }
            }
        }
    }

    /// The keys that others inherit: `parent` is never, and `type` not from Default.
    fn handed_on(&self, place: usize) -> Vec<&'a str> {
        let is_default = self.objects.get(place).is_some_and(|object| object.id == DEFAULT_ID);
        let own = self.own.get(place).map(Vec::as_slice).unwrap_or_default();
        let mut keys: Vec<&str> = own.iter().map(|field| field.key.as_str()).collect();
        keys.dedup();
        keys.retain(|key| !(*key == "parent" || *key == "type" && is_default));
        keys
    }

    fn enter(&mut self, place: usize, keys: &[&'a str], time: &mut usize) {
        if let Some(at) = self.times.get_mut(place) {
            *at = *time;
        }
        for key in keys {
            let setters = self.setters.entry(key).or_default();
            setters.now.push(place);
            setters.changes.push((*time, Some(place)));
        }
        *time += 1;
    }

    fn leave(&mut self, keys: &[&str], time: usize) {
        for key in keys {
            let Some(setters) = self.setters.get_mut(*key) else { continue };
            setters.now.pop();
            setters.changes.push((time, setters.now.last().copied()));
        }
    }

    /// The nearest object that sets `key` for the object at `place`: itself or one that it
    /// inherits from.
    pub(crate) fn setter(&self, place: usize, key: &str) -> Option<usize> {
        if !self.own(place, key).is_empty() {
            return Some(place);
        }
        let changes = &self.setters.get(key)?.changes;
        let time = self.times.get(place)?;
        let after = changes.partition_point(|(from, _)| from <= time);
        changes.get(after.checked_sub(1)?)?.1
    }

    /// The object's own fields of this key, in their order.
    fn own(&self, place: usize, key: &str) -> &[&'a Field] {
        let fields = self.own.get(place).map(Vec::as_slice).unwrap_or_default();
        let start = fields.partition_point(|field| field.key.as_str() < key);
        let rest = fields.get(start..).unwrap_or_default();
        let length = rest.partition_point(|field| field.key == key);
        rest.get(..length).unwrap_or_default()
    }

    /// The fields of this key that count for the object at `place`.
    pub(crate) fn fields(&self, place: usize, key: &str) -> &[&'a Field] {
        self.setter(place, key).map(|setter| self.own(setter, key)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_the_answer_of_effective_fields() {
        let objects = vec![
            Object::new("A").reference("parent", "Base").text("retry", "2"),
            Object::new("Default").text("type", "Default").text("role", "r").text("retry", "1"),
            Object::new("Base").reference("parent", "Root").text("arg", "b1").text("arg", "b2"),
            Object::new("Root").text("type", "T").text("arg", "r").text("x", "1"),
            Object::new("B").reference("parent", "Base").text("arg", "own").text("x", "2"),
            Object::new("C").reference("parent", "B"),
            Object::new("Late").reference("parent", "Root"),
            Object::new("Lost").reference("parent", "Nobody"),
            Object::new("A").text("retry", "9"),
        ];
        let definition = Definition { objects, ..Definition::default() };
        let lines = Lines::of(&definition);
        for (place, object) in definition.objects.iter().enumerate() {
            let effective = definition.effective_fields(object);
            for key in ["parent", "retry", "type", "role", "arg", "x", "none"] {
                let expected: Vec<&Field> =
                    effective.iter().map(|e| e.field).filter(|field| field.key == key).collect();
                assert_eq!(lines.fields(place, key), expected, "{}.{key}", object.id);
            }
            assert_eq!(lines.type_of(place), definition.type_of(object));
        }
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let objects = vec![
            Object::new("L1").reference("parent", "L2"),
            Object::new("L2").reference("parent", "L1").text("x", "y"),
            Object::new("Self").reference("parent", "Self").text("x", "z"),
        ];
        let definition = Definition { objects, ..Definition::default() };
        let lines = Lines::of(&definition);
        assert_eq!(lines.setter(1, "x"), Some(1));
        assert_eq!(lines.setter(2, "x"), Some(2));
        assert_eq!(lines.setter(0, "y"), None);
    }
}
