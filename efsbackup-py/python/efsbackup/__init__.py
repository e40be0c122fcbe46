"""Exact, fast, safe backups of Amazon EFS and other NFS file systems.

>>> import efsbackup
>>> report = efsbackup.mirror("/mnt/source", "/mnt/destination")  # doctest: +SKIP
"""

from ._efsbackup import CancelToken, __version__
from ._errors import (
    AccessError,
    AuthError,
    CancelledError,
    ConflictError,
    CopyError,
    DefinitionError,
    EfsBackupError,
    ErrorKind,
    IncompleteError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    RemoteError,
    SafetyStopError,
    ThrottledError,
    TimedOutError,
    UnresolvedParameterError,
    UnsupportedError,
)
from ._mirror import mirror
from ._progress import Progress
from ._report import Bytes, Counts, Entries, EntryError, Outcome, Report
from ._repository import Repository
from ._snapshot import BackupReport, Snapshot, SnapshotState

__all__ = [
    "AccessError",
    "AuthError",
    "BackupReport",
    "Bytes",
    "CancelToken",
    "CancelledError",
    "ConflictError",
    "CopyError",
    "Counts",
    "DefinitionError",
    "EfsBackupError",
    "Entries",
    "EntryError",
    "ErrorKind",
    "IncompleteError",
    "InternalError",
    "InvalidInputError",
    "NotFoundError",
    "Outcome",
    "Progress",
    "RemoteError",
    "Report",
    "Repository",
    "SafetyStopError",
    "Snapshot",
    "SnapshotState",
    "ThrottledError",
    "TimedOutError",
    "UnresolvedParameterError",
    "UnsupportedError",
    "__version__",
    "mirror",
]
