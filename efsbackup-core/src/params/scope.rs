//! Names as one object of a definition sees them.

use super::moment::{Moment, has_instances, is_runtime};
use super::parameters::Parameters;
use crate::expression::{Scope, Template, Value};
use crate::pipeline::{FieldValue, Lines, Object};
use crate::{Error, ErrorKind, Result};
use std::cell::Cell;

/// How many fields may lead on to one another; beyond it they go round in a circle.
const DEEPEST: usize = 20;

/// How many bytes the fields that one text leads to may take in all: a thousand times what
/// AWS allows a field.
pub(super) const MOST_BYTES: usize = 10_000_000;

/// Parameters, and the fields of one object and of those it refers to. What the service
/// sets (`@…`, `node`, an instance's `id`) is known at a moment only. An optional parameter
/// without a value is empty text.
#[derive(Clone, Copy)]
pub(super) struct ObjectScope<'a> {
    pub(super) lines: &'a Lines<'a>,
    /// Where the object is among those of the definition.
    pub(super) place: usize,
    pub(super) parameters: &'a Parameters,
    pub(super) object: &'a Object,
    /// Whether fields are known, or parameters alone.
    pub(super) fields: bool,
    pub(super) reveal: bool,
    pub(super) depth: usize,
    /// The run that is looked at.
    pub(super) moment: Option<&'a Moment>,
    /// How many more bytes the fields that one text leads to may take.
    pub(super) room: &'a Cell<usize>,
    /// The object's status, where it is simulated.
    pub(super) status: &'static str,
}

impl ObjectScope<'_> {
    pub(super) fn field(&self, key: &str) -> Result<Option<Value>> {
        let mut values = Vec::new();
        for field in self.lines.fields(self.place, key) {
            let value = match &field.value {
                FieldValue::Text(text) => self.text(text)?,
                FieldValue::Reference(id) => self.printed(id),
                FieldValue::Intrinsic(_) => None,
            };
            match value {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        Ok(match values.len() {
            0 | 1 => values.pop(),
            _ => Some(Value::List(values)),
        })
    }

    /// A reference in a text: the id of the object of the same run.
    fn printed(&self, id: &str) -> Option<Value> {
        let moment = self.moment?;
        let runs = self.lines.type_of(self.lines.place(id)?).is_some_and(has_instances);
        Some(if runs { moment.instance_id(id).into() } else { id.into() })
    }

    /// The value of another field's text, if all of it is known.
    fn text(&self, text: &str) -> Result<Option<Value>> {
        if self.depth >= DEEPEST {
            return Err(Error::new(ErrorKind::Loop, "resolve").with_message(format!(
                "the fields of {} refer to each other in a circle",
                self.object.id
            )));
        }
        // Fields that name fields that name fields grow with the power of their depth.
        let Some(room) = self.room.get().checked_sub(text.len() + 1) else {
            return Err(Error::new(ErrorKind::InvalidDefinition, "resolve").with_message(format!(
                "the fields that {} leads to take more than {MOST_BYTES} bytes in all",
                self.object.id
            )));
        };
        self.room.set(room);
        match Template::parse(text)?.evaluate(&ObjectScope { depth: self.depth + 1, ..*self }) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::UnresolvedParameter => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn chain(&self, reference: &str, rest: &str) -> Result<Option<Value>> {
        let depth = self.depth + 1;
        match (reference, self.moment) {
            ("node", Some(moment)) => {
                let Some((place, status)) = moment.node_of(self.lines, self.object)? else {
                    return Ok(None);
                };
                let Some(object) = self.lines.object(place) else { return Ok(None) };
                return ObjectScope { object, place, depth, status, ..*self }.own(rest);
            }
            // At run time `parent` is the component of an instance.
            ("parent", Some(_)) => {
                return match rest {
                    "id" | "@id" => Ok(Some(self.object.id.as_str().into())),
                    rest => ObjectScope { depth, moment: None, ..*self }.own(rest),
                };
            }
            ("parent", None) => return Ok(None),
            // Runtime fields of an object further away are out of reach, by the guide.
            _ if is_runtime(rest) => return Ok(None),
            _ => {}
        }
        let fields = self.lines.fields(self.place, reference);
        let id = fields.first().and_then(|field| field.value.as_reference());
        let place = id.and_then(|id| self.lines.place(id));
        let target = place.and_then(|place| Some((place, self.lines.object(place)?)));
        match target {
            Some((place, object)) => {
                ObjectScope { object, place, depth, status: "FINISHED", ..*self }.own(rest)
            }
            None => Ok(None),
        }
    }

    /// A field of this object, or of one that it refers to.
    fn own(&self, name: &str) -> Result<Option<Value>> {
        if let Some((reference, rest)) = name.split_once('.') {
            return self.chain(reference, rest);
        }
        match (name, self.moment) {
            ("name", _) => Ok(Some(Value::from(self.object.name.as_str()))),
            ("id", Some(moment)) => Ok(Some(moment.instance_id(&self.object.id).into())),
            ("node", Some(moment)) => {
                let node = moment.node_of(self.lines, self.object)?;
                let object = node.and_then(|(place, _)| self.lines.object(place));
                Ok(object.map(|object| moment.instance_id(&object.id).into()))
            }
            (name, Some(moment)) if is_runtime(name) => moment.field(self, name),
            (name, None) if name.starts_with('@') => Ok(None),
            (name, _) => self.field(name),
        }
    }

    fn find(&self, name: &str, parameter: Result<Option<Value>>) -> Result<Option<Value>> {
        if name.starts_with('*') && !self.reveal {
            return Ok(None);
        }
        if let Some(value) = self.moment.and_then(|moment| moment.given(name)) {
            return Ok(Some(value));
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
