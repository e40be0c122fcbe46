//! Names as one object of a definition sees them before anything runs.

use super::parameters::Parameters;
use crate::expression::{Scope, Template, Value};
use crate::pipeline::{Definition, FieldValue, Object};
use crate::{Error, ErrorKind, Result};

/// How many fields may lead on to one another; beyond it they go round in a circle.
const DEEPEST: usize = 20;

/// Parameters, and the fields of one object and of those it refers to. What the service
/// sets (`@…`, `node`, an instance's `id`) is not known. An optional parameter without a
/// value is empty text.
pub(super) struct ObjectScope<'a> {
    pub(super) definition: &'a Definition,
    pub(super) parameters: &'a Parameters,
    pub(super) object: &'a Object,
    /// Whether fields are known, or parameters alone.
    pub(super) fields: bool,
    pub(super) reveal: bool,
    pub(super) depth: usize,
}

impl ObjectScope<'_> {
    fn field(&self, key: &str) -> Result<Option<Value>> {
        let fields = self.definition.effective_fields(self.object);
        let mut values = Vec::new();
        for effective in fields.iter().filter(|effective| effective.field.key == key) {
            match &effective.field.value {
                FieldValue::Text(text) => match self.text(text)? {
                    Some(value) => values.push(value),
                    None => return Ok(None),
                },
                // How the service prints a reference is not documented.
                FieldValue::Reference(_) | FieldValue::Intrinsic(_) => return Ok(None),
            }
        }
        Ok(match values.len() {
            0 | 1 => values.pop(),
            _ => Some(Value::List(values)),
        })
    }

    /// The value of another field's text, if all of it is known.
    fn text(&self, text: &str) -> Result<Option<Value>> {
        if self.depth >= DEEPEST {
            return Err(Error::new(ErrorKind::Loop, "resolve").with_message(format!(
                "the fields of {} refer to each other in a circle",
                self.object.id
            )));
        }
        match Template::parse(text)?.evaluate(&ObjectScope { depth: self.depth + 1, ..*self }) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::UnresolvedParameter => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn chain(&self, reference: &str, rest: &str) -> Result<Option<Value>> {
        let fields = self.definition.effective_fields(self.object);
        let own = |key: &str| {
            fields
                .iter()
                .find(|effective| effective.field.key == key)
                .and_then(|effective| effective.field.value.as_reference())
        };
        match own(reference).and_then(|id| self.definition.object(id)) {
            // At run time `parent` is the component of an instance.
            Some(object) if reference != "parent" => {
                let depth = self.depth + 1;
                ObjectScope { object, depth, ..*self }.own(rest)
            }
            _ => Ok(None),
        }
    }

    /// A field of this object, or of one that it refers to.
    fn own(&self, name: &str) -> Result<Option<Value>> {
        match name.split_once('.') {
            Some((reference, rest)) => self.chain(reference, rest),
            None if name == "name" => Ok(Some(Value::from(self.object.name.as_str()))),
            None if name.starts_with('@') => Ok(None),
            None => self.field(name),
        }
    }
}

impl ObjectScope<'_> {
    fn find(&self, name: &str, parameter: Result<Option<Value>>) -> Result<Option<Value>> {
        if name.starts_with('*') && !self.reveal {
            return Ok(None);
        }
        match parameter? {
            Some(value) => Ok(Some(value)),
            None => {
                let own = if self.fields { self.own(name)? } else { None };
                let left_out = own.is_none() && self.parameters.is_left_out(name);
                Ok(if left_out { Some(Value::from("")) } else { own })
            }
        }
    }
}

impl Scope for ObjectScope<'_> {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        self.find(name, self.parameters.lookup(name))
    }

    fn lookup_as_written(&self, name: &str) -> Result<Option<Value>> {
        self.find(name, self.parameters.lookup_as_written(name))
    }
}
