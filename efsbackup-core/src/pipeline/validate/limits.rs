//! The service's limits, from the limits page of AWS's guide.

use super::super::{Definition, FieldValue};
use super::{Code, Validation, View};

const OBJECTS: usize = 100;
const FIELDS: usize = 50;
const FIELD_BYTES: usize = 10_240;
const OBJECT_BYTES: usize = 15_360;
const NAME_BYTES: usize = 256;
const PARAMETERS: usize = 50;

pub(super) fn check_object(view: &View<'_>, found: &mut Validation) {
    let object = view.object;
    let id = object.id.as_str();
    let mut total = 0;
    for field in &object.fields {
        let bytes = match &field.value {
            FieldValue::Text(text) | FieldValue::Reference(text) => text.len(),
            FieldValue::Intrinsic(_) => 0,
        };
        total += field.key.len() + bytes;
        if bytes > FIELD_BYTES {
            let text = format!(
                "the value is {bytes} bytes long, {FIELD_BYTES} at most; keep a script in S3 \
                 and name it in scriptUri"
            );
            found.add(Code::FieldTooLong, id, Some(&field.key), text);
        }
        if field.key.len() > NAME_BYTES {
            let text = format!("the name is {} bytes long, {NAME_BYTES} at most", field.key.len());
            found.add(Code::NameTooLong, id, Some(&field.key), text);
        }
    }
    if id.len() > NAME_BYTES {
        let text = format!("the id is {} bytes long, {NAME_BYTES} at most", id.len());
        found.add(Code::NameTooLong, id, None, text);
    }
    if object.fields.len() > FIELDS {
        let text = format!("it has {} fields, {FIELDS} at most", object.fields.len());
        found.add(Code::TooManyFields, id, None, text);
    }
    if total > OBJECT_BYTES {
        let text =
            format!("its fields take {total} bytes with their names, {OBJECT_BYTES} at most");
        found.add(Code::ObjectTooLong, id, None, text);
    }
}

pub(super) fn check_whole(definition: &Definition, found: &mut Validation) {
    let (objects, parameters) = (definition.objects.len(), definition.parameters.len());
    if objects > OBJECTS {
        let text = format!("there are {objects} objects; without a raised limit {OBJECTS} at most");
        found.add_general(Code::TooManyObjects, text);
    }
    if parameters > PARAMETERS {
        let text = format!("there are {parameters} parameters, {PARAMETERS} at most");
        found.add_general(Code::TooManyParameters, text);
    }
}
