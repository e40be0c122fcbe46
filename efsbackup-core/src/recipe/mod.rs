//! One backup spec made into a whole pipeline definition.
