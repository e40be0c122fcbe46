//! What may be changed in the definition of a pipeline that is active.

use crate::pipeline::{Definition, Field, Object};

/// What AWS's guide says can't be changed while a pipeline is active: removing an object, a
/// schedule's start and period, and references between objects. One line each.
pub fn refused_while_active(active: &Definition, new: &Definition) -> Vec<String> {
    let mut refused = Vec::new();
    for old in &active.objects {
        let Some(now) = new.object(&old.id) else {
            refused.push(format!("the object {} can't be removed", old.id));
            continue;
        };
        for key in ["period", "startDateTime", "startAt"] {
            if fields(old, |field| field.key == key) != fields(now, |field| field.key == key) {
                refused.push(format!("{}.{key} can't be changed", old.id));
            }
        }
        let is_reference = |field: &Field| field.value.as_reference().is_some();
        let (before, after) = (fields(old, is_reference), fields(now, is_reference));
        if before != after {
            let changed = before.iter().chain(&after);
            let key = changed.filter(|field| !(before.contains(field) && after.contains(field)));
            let key = key.map(|field| field.key.as_str()).next().unwrap_or("the references");
            refused.push(format!("{}.{key} is a reference and can't be changed", old.id));
        }
    }
    refused
}

fn fields(object: &Object, wanted: impl Fn(&Field) -> bool) -> Vec<&Field> {
    object.fields.iter().filter(|field| wanted(field)).collect()
}
