//! The C interface of efsbackup.
