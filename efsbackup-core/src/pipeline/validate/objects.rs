//! Ids, names and types.

use super::super::DEFAULT_ID;
use super::finding::cut;
use super::{Code, Context, Validation, View};
use std::collections::HashSet;

pub(super) fn check_ids(context: &Context<'_>, found: &mut Validation) {
    let mut seen = HashSet::new();
    for (index, object) in context.definition.objects.iter().enumerate() {
        if object.id.is_empty() {
            found.add_general(Code::NoId, format!("object number {} has no id", index + 1));
        } else if object.name.is_empty() {
            found.add(Code::NoId, &object.id, None, "its name is empty; leave it out or fill it");
        }
        if !object.id.is_empty() && !seen.insert(object.id.as_str()) {
            found.add(Code::DuplicateId, &object.id, None, "another object has the same id");
        }
    }
}

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let id = view.object.id.as_str();
    match view.type_name {
        None if context.parents.contains(id) => {}
        None => {
            found.add(Code::NoType, id, None, "it has no type, and no object has it for its parent")
        }
        Some(name) if view.kind.is_none() => {
            let types = context.catalogue.types().map(|kind| kind.name.as_str());
            let hint = found.hint(name, types.filter(|name| *name != DEFAULT_ID));
            let text = format!("there is no type {}{hint}", cut(name, 100));
            found.add(Code::UnknownType, id, Some("type"), text);
        }
        Some(_) => {}
    }
}
