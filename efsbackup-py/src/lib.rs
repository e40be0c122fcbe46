//! The Python module of efsbackup.
