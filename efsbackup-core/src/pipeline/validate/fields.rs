//! Which fields an object has, and whether their values can be right.

use super::super::{FieldType, FieldValue, ObjectType, Slot};
use super::{Code, Context, Validation, View, is_user_defined};
use crate::expression::{Period, Value};
use std::collections::HashMap;

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let object = view.object;
    let mut count: HashMap<&str, usize> = HashMap::new();
    for field in &object.fields {
        let key = field.key.as_str();
        let times = count.entry(key).or_default();
        *times += 1;
        if let FieldValue::Text(text) | FieldValue::Reference(text) = &field.value
            && text.is_empty()
        {
            let text = "the value is empty; leave the field out or fill it";
            found.add(Code::EmptyValue, &object.id, Some(key), text);
            continue;
        }
        if key == "type" || is_user_defined(key) {
            continue;
        }
        let Some(kind) = context.field_type(view, key) else {
            if *times == 1 {
                unknown(context, view, key, found);
            }
            continue;
        };
        if kind.forbidden {
            let text = format!("a {} may not have it", view.type_name.unwrap_or("resource"));
            found.add(Code::ForbiddenField, &object.id, Some(key), text);
        } else if kind.runtime && *times == 1 {
            let text = "the service sets it while the pipeline runs; leave it out";
            found.add(Code::RuntimeField, &object.id, Some(key), text);
        }
        if *times == 2 && !kind.list {
            let text = "it takes one value, but is given more than once";
            found.add(Code::RepeatedField, &object.id, Some(key), text);
        }
        if let Some((code, text)) = objection(kind, &field.value) {
            found.add(code, &object.id, Some(key), text);
        }
    }
    // An object that others inherit from may leave gaps for them to fill.
    if let Some(kind) = view.kind.filter(|_| !context.parents.contains(object.id.as_str())) {
        check_required(context, view, kind, found);
    }
}

fn check_required(
    context: &Context<'_>,
    view: &View<'_>,
    kind: &ObjectType,
    found: &mut Validation,
) {
    let id = &view.object.id;
    for (key, _) in kind.fields.iter().filter(|(_, field)| field.required) {
        if !context.has(view, key) {
            let text = format!("{} requires it; set it here, on a parent or on Default", kind.name);
            found.add(Code::RequiredField, id, Some(key), text);
        }
    }
    for group in &kind.one_of {
        let keys = group.iter().map(String::as_str);
        let set: Vec<&str> = keys.filter(|key| context.has(view, key)).collect();
        let all = || group.join(" or ");
        match set.as_slice() {
            [] => {
                let text = format!("{} requires one of {}", kind.name, all());
                found.add(Code::RequiredGroup, id, group.first().map(String::as_str), text);
            }
            [_] => {}
            [first, ..] if kind.is("Schedule") => {
                let text = format!("only one of {} may be set", all());
                found.add(Code::ScheduleConflict, id, Some(first), text);
            }
            [first, ..] => {
                let text = format!("only one of {} counts; remove the other", all());
                found.add(Code::OneOfGroup, id, Some(first), text);
            }
        }
    }
}

fn unknown(context: &Context<'_>, view: &View<'_>, key: &str, found: &mut Validation) {
    let id = &view.object.id;
    if key.starts_with('@') {
        let text = "names beginning with @ are the service's; leave it out";
        return found.add(Code::RuntimeField, id, Some(key), text);
    }
    let Some(kind) = view.kind else {
        // Of an unknown type nothing is known; Default takes any documented field.
        if view.type_name.is_none() {
            found.add(Code::UnknownField, id, Some(key), "no documented type has such a field");
        }
        return;
    };
    let settable = kind.fields.iter().filter(|(_, field)| !field.runtime && !field.forbidden);
    let mut hint = found.hint(key, settable.map(|(name, _)| name.as_str()));
    if hint.is_empty() && context.catalogue.any_field(key).is_some() {
        hint = "; other types have it".to_owned();
    }
    let text = format!("{} has no such field{hint}", kind.name);
    found.add(Code::UnknownField, id, Some(key), text);
}

/// What is wrong with a value in a field of this kind. Texts with expressions, and
/// CloudFormation's functions, are not known yet.
pub(in crate::pipeline) fn objection(
    kind: &FieldType,
    value: &FieldValue,
) -> Option<(Code, String)> {
    match (&kind.slot, value) {
        (Slot::Reference(targets), FieldValue::Text(text)) => {
            let targets = targets.join(" or ");
            let text = format!("a reference to {targets} is needed, not the text '{text}'");
            Some((Code::NeedsReference, text.replace("to *", "to an object")))
        }
        (Slot::Reference(_), _) | (_, FieldValue::Intrinsic(_)) => None,
        (_, FieldValue::Reference(target)) => {
            Some((Code::NeedsText, format!("text is needed, not a reference to {target}")))
        }
        (_, FieldValue::Text(text)) if text.contains("#{") => None,
        (Slot::Enumeration(words), FieldValue::Text(text)) => {
            let known = words.iter().any(|word| word.eq_ignore_ascii_case(text));
            let text = || format!("'{text}' is none of {}", words.join(", "));
            (!known).then(|| (Code::NotAllowed, text()))
        }
        (slot, FieldValue::Text(text)) => {
            needed(slot, text).map(|needed| (Code::WrongValue, format!("'{text}' is not {needed}")))
        }
    }
}

/// What the slot needs, where `text` is not that.
fn needed(slot: &Slot, text: &str) -> Option<&'static str> {
    let (fits, needed) = match slot {
        Slot::String | Slot::Enumeration(_) | Slot::Reference(_) => return None,
        // A schedule on demand has this in place of a period, as an example of AWS's shows.
        Slot::Period => (
            text.parse::<Period>().is_ok() || text == "ONDEMAND_PERIOD",
            "a period, such as '15 minutes'",
        ),
        Slot::DateTime => (
            text.len() == 19 && Value::time(text).is_ok(),
            "a date-time; write YYYY-MM-DDTHH:MM:SS (UTC)",
        ),
        Slot::Integer => (text.trim().parse::<i64>().is_ok(), "a whole number"),
        Slot::Double => (text.trim().parse::<f64>().is_ok_and(f64::is_finite), "a number"),
        Slot::Boolean => {
            (["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(text)), "true or false")
        }
    };
    (!fits).then_some(needed)
}
