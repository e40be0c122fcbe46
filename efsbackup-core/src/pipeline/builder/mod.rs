//! Objects of the types that backups use, with a method for each field that matters, and objects
//! of every other type, each field checked with the catalogue.
//!
//! ```
//! use efsbackup_core::pipeline::{Defaults, Definition, Schedule, ShellCommandActivity};
//!
//! let definition = Definition::default()
//!     .with(Defaults::new().schedule("Hourly").log_uri("s3://logs/"))
//!     .with(Schedule::new("Hourly").period("1 hours").from_first_activation())
//!     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
//! assert!(definition.validate().findings.is_empty());
//! ```

mod backup;
mod checked;
mod data;

pub use backup::{Defaults, Ec2Resource, Schedule, ShellCommandActivity, SnsAlarm, Terminate};
pub use checked::Checked;
pub use data::{
    CopyActivity, EmrCluster, Exists, S3DataNode, S3KeyExists, S3PrefixNotEmpty,
    ShellCommandPrecondition,
};

use super::{Definition, Field, FieldValue, Object};

/// Declares the builders: for each its type, and for each method its doc, its name, how it
/// sets (`text` and `reference` replace, `texts` and `references` append) and the field.
macro_rules! builders {
    ($($(#[$doc:meta])+ $type:ident {
        $($(#[$method_doc:meta])+ $method:ident: $set:ident $key:literal;)+
    })+) => {
        $(
            $(#[$doc])+
            ///
            /// Values may hold `#{…}`.
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[must_use]
            pub struct $type(Object);

            impl $type {
                $($(#[$method_doc])+ pub fn $method(mut self, value: impl Into<String>) -> Self {
                    setter::$set(&mut self.0, $key, value.into());
                    self
                })+

                /// Appends any other text field.
                pub fn text(self, key: &str, value: impl Into<String>) -> Self {
                    $type(self.0.text(key, value))
                }

                /// Appends any other reference.
                pub fn reference(self, key: &str, target: impl Into<String>) -> Self {
                    $type(self.0.reference(key, target))
                }
            }

            impl From<$type> for Object {
                fn from(builder: $type) -> Object {
                    builder.0
                }
            }
        )+

        /// Type, field and how it is set, of every method.
        #[cfg(test)]
        pub(super) const METHODS: &[(&str, &str, &str)] =
            &[$($((stringify!($type), $key, stringify!($set)),)+)+];
    };
}

/// An object with an id and a type.
macro_rules! typed {
    ($($type:ident)+) => {
        $(impl $type {
            /// One with this id, which is its name too.
            pub fn new(id: impl Into<String>) -> Self {
                $type(Object::new(id).text("type", stringify!($type)))
            }
        })+
    };
}

use {builders, typed};

impl Definition {
    /// Appends an object.
    #[must_use]
    pub fn with(mut self, object: impl Into<Object>) -> Self {
        self.objects.push(object.into());
        self
    }
}

/// How a method sets its field.
mod setter {
    use super::{Field, FieldValue, Object};

    pub(super) fn text(object: &mut Object, key: &str, value: String) {
        object.fields.retain(|field| field.key != key);
        texts(object, key, value);
    }

    pub(super) fn reference(object: &mut Object, key: &str, target: String) {
        object.fields.retain(|field| field.key != key);
        references(object, key, target);
    }

    pub(super) fn texts(object: &mut Object, key: &str, value: String) {
        object.fields.push(Field { key: key.to_owned(), value: FieldValue::Text(value) });
    }

    pub(super) fn references(object: &mut Object, key: &str, target: String) {
        object.fields.push(Field { key: key.to_owned(), value: FieldValue::Reference(target) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Catalogue, DEFAULT_ID, Slot};
    use super::*;

    #[test]
    fn every_method_sets_a_field_as_the_catalogue_has_it() {
        for (kind, key, set) in backup::METHODS.iter().chain(data::METHODS) {
            let kind = if *kind == "Defaults" { DEFAULT_ID } else { kind };
            let field = &Catalogue::current().get(kind).unwrap().fields[*key];
            let reference = matches!(field.slot, Slot::Reference(_));
            let expected = match (reference, field.list) {
                (true, true) => "references",
                (true, false) => "reference",
                (false, true) => "texts",
                (false, false) => "text",
            };
            assert_eq!(*set, expected, "{kind}.{key}");
            assert!(!field.runtime && !field.forbidden, "{kind}.{key}");
        }
    }

    #[test]
    fn single_fields_are_replaced_and_lists_grow() {
        let activity = ShellCommandActivity::new("A")
            .command("x")
            .command("y")
            .argument("1")
            .argument("2")
            .runs_on("B")
            .runs_on("C")
            .text("myOwn", "z");
        let expected = Object::new("A")
            .text("type", "ShellCommandActivity")
            .text("command", "y")
            .text("scriptArgument", "1")
            .text("scriptArgument", "2")
            .reference("runsOn", "C")
            .text("myOwn", "z");
        assert_eq!(Object::from(activity), expected);
    }
}
