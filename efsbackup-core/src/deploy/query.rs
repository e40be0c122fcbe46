//! Looking for components, instances and attempts.

/// Which layer of objects is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sphere {
    /// The objects of the active definition (of the latest, before the first activation).
    Component,
    /// One component in one interval of its schedule.
    Instance,
    /// One try of an instance.
    Attempt,
}

impl Sphere {
    /// The word the API uses: `COMPONENT`, `INSTANCE` or `ATTEMPT`.
    pub fn name(self) -> &'static str {
        match self {
            Sphere::Component => "COMPONENT",
            Sphere::Instance => "INSTANCE",
            Sphere::Attempt => "ATTEMPT",
        }
    }
}

/// Conditions that must all hold, at most ten. An empty query matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The conditions.
    pub selectors: Vec<Selector>,
}

/// A condition on one field. An object without the field never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The field, such as `@status` or `@scheduledStartTime`.
    pub field: String,
    /// What must hold for it.
    pub operator: Operator,
}

/// A comparison; texts compare in code-point order, which is right for the API's
/// date and time form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal text.
    Eq(String),
    /// A reference to this id.
    RefEq(String),
    /// Less or equal.
    Le(String),
    /// Greater or equal.
    Ge(String),
    /// From the first to the second, both included.
    Between(String, String),
}
