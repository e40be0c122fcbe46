"""Snapshots, and what taking one did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ._enum import StrEnum
from ._report import Counts, Report, read_time, write_time


class SnapshotState(StrEnum):
    """What a snapshot is worth."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    ADOPTED = "adopted"
    """It was made by another program and not verified since."""
    UNDO = "undo"
    """It holds only what a restore in place has replaced or removed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a repository."""

    id: str
    """Its name, which is its folder's name."""
    time: datetime | None
    """The instant it is of, in UTC; not known when ``state`` is ``unknown``."""
    published: datetime | None
    """When it was finished, in UTC."""
    state: SnapshotState
    """What it is worth."""
    entries: Counts
    """How many entries it holds."""
    bytes: int
    """The sizes of its files, each counted once."""
    new_bytes: int
    """How many bytes were newly stored for it."""
    file_system: str | None
    """The file system it is proved to be of."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Snapshot:
        """Read what ``to_dict`` or the command's ``--json`` wrote."""
        fields = dict(document)
        for name in ("time", "published"):
            fields[name] = None if fields[name] is None else read_time(fields[name])
        fields["state"] = SnapshotState(fields["state"])
        fields["entries"] = Counts(**fields["entries"])
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The snapshot as JSON can carry it."""
        document = asdict(self)
        for name in ("time", "published"):
            document[name] = None if document[name] is None else write_time(document[name])
        document["state"] = str(self.state)
        return document


@dataclass(frozen=True)
class RestoreReport(Report):
    """What a restore did: a report, and the snapshot that undoes it."""

    undo: Snapshot | None = None
    """Restored in place, it undoes this restore; ``None`` where nothing was to be kept."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> RestoreReport:
        """Read what ``to_dict`` or the command's ``--json`` wrote."""
        fields = vars(Report.from_dict(document))
        undo = document.get("undo")
        return cls(**fields, undo=None if undo is None else Snapshot.from_dict(undo))

    def to_dict(self) -> dict[str, Any]:
        """The fields of the report, then the undo, as JSON can carry them."""
        document = super().to_dict()
        document.pop("undo", None)
        if self.undo is not None:
            document["undo"] = self.undo.to_dict()
        return document


@dataclass(frozen=True)
class BackupReport:
    """What a backup did."""

    report: Report
    """What happened to the entries, and how the run ended."""
    snapshot: Snapshot | None
    """The new snapshot; ``None`` when nothing was published."""
    removed: tuple[str, ...]
    """Older snapshots that were removed, since no ``keep_`` option kept them."""
    left_over: tuple[str, ...]
    """What could not be tidied up after the snapshot was published."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> BackupReport:
        """Read what ``to_dict`` or the command's ``--json`` wrote."""
        snapshot = document["snapshot"]
        return cls(
            report=Report.from_dict(document),
            snapshot=None if snapshot is None else Snapshot.from_dict(snapshot),
            removed=tuple(document["removed"]),
            left_over=tuple(document.get("left_over", ())),
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields of the report, then the others, as JSON can carry them."""
        document = self.report.to_dict()
        document["snapshot"] = None if self.snapshot is None else self.snapshot.to_dict()
        document["removed"] = list(self.removed)
        if self.left_over:
            document["left_over"] = list(self.left_over)
        return document
