"""How far a call is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The state of a call at one moment. All numbers are totals since it began."""

    phase: str
    """What is being done: ``copying``, ``deleting`` or ``syncing``."""
    entries: int
    """Source entries looked at."""
    entries_written: int
    """Entries created, updated or hard-linked at the destination."""
    entries_deleted: int
    """Entries removed from the destination."""
    errors: int
    """Entries that failed."""
    bytes: int
    """Bytes of source files looked at."""
    bytes_written: int
    """Bytes of content written."""
    seconds: float
    """Time since the call began."""
