//! Objects of any documented type, each field checked as it is set.

use super::super::validate::objection;
use super::super::{Catalogue, FieldValue, Object, ObjectType, nearest};
use crate::{Error, ErrorKind, Result};

/// An object of a type that the [`Catalogue`] has. A field that the type does not have, and a
/// value that the field does not take, are errors at once.
///
/// ```
/// use efsbackup_core::pipeline::{Checked, Definition};
///
/// # fn main() -> efsbackup_core::Result<()> {
/// let table = Checked::new("RedshiftDataNode", "Table")?
///     .text("tableName", "orders")?
///     .reference("database", "Warehouse")?;
/// let error = Checked::new("RedshiftDataNode", "T")?.text("tablename", "x").unwrap_err();
/// assert!(error.message().contains("did you mean tableName?"));
/// let definition = Definition::default().with(table);
/// # assert_eq!(definition.objects.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Checked {
    object: Object,
    kind: &'static ObjectType,
}

impl Checked {
    /// An object of this type with this id, which is its name too.
    ///
    /// # Errors
    /// `InvalidDefinition` where AWS documents no such type.
    pub fn new(type_name: &str, id: impl Into<String>) -> Result<Checked> {
        let catalogue = Catalogue::current();
        let kind = catalogue.get(type_name).ok_or_else(|| {
            let hint = hint(type_name, catalogue.types().map(|kind| kind.name.as_str()));
            wrong(format!("there is no type {type_name}{hint}"))
        })?;
        Ok(Checked { object: Object::new(id).text("type", type_name), kind })
    }

    /// Sets a text field, or appends to it where it takes several values. It may hold `#{…}`,
    /// and a name that begins with `my` is the author's own.
    ///
    /// # Errors
    /// `InvalidDefinition` where the type has no such field, the service sets it, the value is
    /// not of its kind, or it takes one value and has it.
    pub fn text(self, key: &str, value: impl Into<String>) -> Result<Checked> {
        self.set(key, FieldValue::Text(value.into()))
    }

    /// Sets or appends a reference to the object with the id `target`.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn reference(self, key: &str, target: impl Into<String>) -> Result<Checked> {
        self.set(key, FieldValue::Reference(target.into()))
    }

    fn set(mut self, key: &str, value: FieldValue) -> Result<Checked> {
        let (id, name) = (&self.object.id, &self.kind.name);
        let own = key.trim_start_matches('*').strip_prefix("my");
        if !own.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')) {
            let settable = self.kind.fields.iter().filter(|(_, f)| !f.runtime && !f.forbidden);
            let field = self.kind.fields.get(key).filter(|f| !f.runtime && !f.forbidden);
            let field = field.ok_or_else(|| {
                let hint = hint(key, settable.map(|(key, _)| key.as_str()));
                wrong(format!("{id}.{key}: a {name} takes no such field{hint}"))
            })?;
            if let Some((_, text)) = objection(field, &value) {
                return Err(wrong(format!("{id}.{key}: {text}")));
            }
            if !field.list && self.object.all(key).next().is_some() {
                return Err(wrong(format!("{id}.{key}: it takes one value, and has it")));
            }
        }
        self.object = match value {
            FieldValue::Reference(target) => self.object.reference(key, target),
            FieldValue::Text(text) => self.object.text(key, text),
            FieldValue::Intrinsic(_) => self.object,
        };
        Ok(self)
    }
}

impl From<Checked> for Object {
    fn from(checked: Checked) -> Object {
        checked.object
    }
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::InvalidDefinition, "build definition").with_message(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catalogue_does_not_have_is_refused() {
        let refused = |result: Result<Checked>| result.unwrap_err().message();
        assert!(refused(Checked::new("S3DataNod", "D")).ends_with("did you mean S3DataNode?"));
        let node = || Checked::new("HiveActivity", "H").unwrap();
        assert!(refused(node().text("@status", "x")).contains("takes no such field"));
        assert!(refused(node().text("runsOn", "Box")).contains("a reference to"));
        assert!(refused(node().reference("hiveScript", "Box")).contains("text is needed"));
        assert!(refused(node().text("attemptTimeout", "soon")).contains("is not a period"));
        let once = node().text("hiveScript", "a").unwrap();
        assert!(refused(once.text("hiveScript", "b")).contains("one value, and has it"));
    }

    #[test]
    fn what_it_has_is_set_in_order() {
        let object: Object = Checked::new("HiveActivity", "H")
            .and_then(|h| h.text("scriptVariable", "A=1"))
            .and_then(|h| h.text("scriptVariable", "B=2"))
            .and_then(|h| h.text("attemptTimeout", "#{myTimeout}"))
            .and_then(|h| h.text("*mySecret", "#{*myOther}"))
            .and_then(|h| h.reference("runsOn", "Cluster"))
            .unwrap()
            .into();
        let expected = Object::new("H")
            .text("type", "HiveActivity")
            .text("scriptVariable", "A=1")
            .text("scriptVariable", "B=2")
            .text("attemptTimeout", "#{myTimeout}")
            .text("*mySecret", "#{*myOther}")
            .reference("runsOn", "Cluster");
        assert_eq!(object, expected);
    }
}
