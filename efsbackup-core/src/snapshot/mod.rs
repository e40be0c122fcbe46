//! Dated, immutable, hard-linked snapshots.
