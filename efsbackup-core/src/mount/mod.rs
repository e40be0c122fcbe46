//! Which file system a path is on.
