//! Expressions: whether they parse, and whether the names in them can mean something.

use super::super::{FieldValue, Slot};
use super::finding::cut;
use super::{Code, Context, SEARCHED, Validation, View, is_user_defined};
use crate::expression::Template;
use std::collections::HashSet;

/// Adds the parameters that expressions use to `used`.
pub(super) fn check<'a>(
    context: &Context<'a>,
    view: &View<'a>,
    used: &mut HashSet<&'a str>,
    found: &mut Validation,
) {
    let object = view.object;
    for field in &object.fields {
        let FieldValue::Text(text) = &field.value else { continue };
        if !text.contains("#{") {
            continue;
        }
        let key = field.key.as_str();
        let is_reference = context
            .field_type(view, key)
            .is_some_and(|kind| matches!(kind.slot, Slot::Reference(_)));
        let has_own_check = key == "type" || is_reference;
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                if !has_own_check {
                    found.add(Code::BadExpression, &object.id, Some(key), error.message());
                }
                continue;
            }
        };
        let names = template.names();
        for first in names.iter().filter_map(|name| name.split('.').next()) {
            used.extend(context.parameters.get_key_value(first).map(|(id, _)| *id));
        }
        if has_own_check {
            continue;
        }
        for name in template.unknown_functions() {
            let text = format!("there is no function {name}");
            found.add(Code::UnknownFunction, &object.id, Some(key), text);
        }
        for name in names {
            check_name(context, view, key, name, found);
        }
    }
}

fn check_name<'a>(
    context: &Context<'a>,
    view: &View<'a>,
    key: &str,
    name: &str,
    found: &mut Validation,
) {
    let id = view.object.id.as_str();
    let first = name.split('.').next().unwrap_or(name);
    let parameters = &context.parameters;
    if parameters.contains_key(first)
        || context.values.contains_key(first)
        || context.has(view, first)
        || matches!(first, "name" | "id" | "parent" | "type")
    {
        return;
    }
    if is_user_defined(first) && parameters.is_empty() {
        let text = format!("{first} is not declared; its value must come from elsewhere");
        return found.add(Code::MaybeUndeclared, id, Some(key), text);
    }
    let secret = format!("*{first}");
    if parameters.contains_key(secret.as_str()) {
        let text = format!("the parameter is declared as a secret; write #{{{secret}}}");
        return found.add(Code::UnknownName, id, Some(key), text);
    }
    if is_user_defined(first) {
        let ids = context.definition.parameters.iter().map(|parameter| parameter.id.as_str());
        let hint = found.hint(first, ids.take(SEARCHED));
        let text = format!("the parameter {first} is not declared{hint}");
        return found.add(Code::Undeclared, id, Some(key), text);
    }
    // What the service sets, or what others inherit from here may set.
    let set_later = first.starts_with('@')
        || context.field_type(view, first).is_some_and(|kind| kind.runtime)
        || view.kind.is_none()
        || context.parents.contains(id)
        || id == super::DEFAULT_ID;
    if !set_later {
        let text = format!("{} has no field {first}", cut(id, 256));
        found.add(Code::UnknownName, id, Some(key), text);
    }
}
