//! Parameter values, and resolving a definition with them.
