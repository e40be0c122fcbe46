//! References: whether they lead somewhere, to the right kind of object, and not in circles.

use super::super::{FieldValue, Slot};
use super::{Code, Context, SEARCHED, Validation, View};

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let object = view.object;
    for field in &object.fields {
        let FieldValue::Reference(target) = &field.value else { continue };
        if target.is_empty() {
            continue;
        }
        let Some(there) = context.view(target) else {
            let ids = context.definition.objects.iter().take(SEARCHED).map(|o| o.id.as_str());
            let text = format!("there is no object {target}{}", found.hint(target, ids));
            found.add(Code::Dangling, &object.id, Some(&field.key), text);
            continue;
        };
        let Some(kind) = context.field_type(view, &field.key) else { continue };
        let Slot::Reference(targets) = &kind.slot else { continue };
        let Some(target_kind) = there.kind else { continue };
        if !targets.iter().any(|name| target_kind.is(name)) {
            let text =
                format!("{target} is a {}; {} is needed", target_kind.name, targets.join(" or "));
            found.add(Code::WrongTarget, &object.id, Some(&field.key), text);
        }
    }
}
