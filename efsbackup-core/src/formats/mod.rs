//! The same definition in the forms that tools use.
