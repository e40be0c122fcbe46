"""Exact, fast, safe backups of Amazon EFS and other NFS file systems.

>>> import efsbackup
>>> report = efsbackup.mirror("/mnt/source", "/mnt/destination")  # doctest: +SKIP
"""

from ._definition import Definition, DefinitionChange, Finding, Unresolved
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
from ._found import (
    Adopted,
    Change,
    Decision,
    Difference,
    PruneReport,
    Verification,
    Version,
)
from ._mirror import mirror
from ._mount import mark, mount, mounted, unmount
from ._notification import RunNotification, SimulatedMessage
from ._progress import Progress
from ._report import Bytes, Counts, Entries, EntryError, Outcome, Report
from ._repository import Repository
from ._run import RunInstance, RunReport, run
from ._service import PipelineRun, PipelineStatus, Plan, Service, Standing
from ._simulation import SimulatedRun, Simulation
from ._snapshot import BackupReport, RestoreReport, Snapshot, SnapshotState

__all__ = [
    "AccessError",
    "Adopted",
    "AuthError",
    "BackupReport",
    "Bytes",
    "CancelToken",
    "CancelledError",
    "Change",
    "ConflictError",
    "CopyError",
    "Counts",
    "Decision",
    "Definition",
    "DefinitionChange",
    "DefinitionError",
    "Difference",
    "EfsBackupError",
    "Entries",
    "EntryError",
    "ErrorKind",
    "Finding",
    "IncompleteError",
    "InternalError",
    "InvalidInputError",
    "NotFoundError",
    "Outcome",
    "PipelineRun",
    "PipelineStatus",
    "Plan",
    "Progress",
    "PruneReport",
    "RemoteError",
    "Report",
    "Repository",
    "RestoreReport",
    "RunInstance",
    "RunNotification",
    "RunReport",
    "SafetyStopError",
    "Service",
    "SimulatedMessage",
    "SimulatedRun",
    "Simulation",
    "Snapshot",
    "SnapshotState",
    "Standing",
    "ThrottledError",
    "TimedOutError",
    "Unresolved",
    "UnresolvedParameterError",
    "UnsupportedError",
    "Verification",
    "Version",
    "__version__",
    "mark",
    "mirror",
    "mount",
    "mounted",
    "run",
    "unmount",
]
