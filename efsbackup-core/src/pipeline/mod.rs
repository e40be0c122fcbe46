//! What is to run: the model of a pipeline definition.

mod model;

pub use model::{Definition, Field, FieldValue, Object, Parameter, ParameterValue};
