"""What verifying, comparing, adopting and pruning found."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._report import Report, read_time
from ._snapshot import Snapshot


def _path(document: dict[str, Any]) -> bytes:
    encoded = document.get("path_b64")
    return document["path"].encode() if encoded is None else b64decode(encoded)


@dataclass(frozen=True)
class Difference:
    """One entry of a snapshot that is not as it should be."""

    path: bytes
    """Its path in the snapshot; empty for the root and for what is kept of the snapshot."""
    kind: str
    """``corrupted``, ``missing``, ``extra`` or ``metadata-changed``."""
    what: str
    """In words, such as ``content differs``."""
    repaired: bool
    """Whether it was made anew, and now is as it should be."""


@dataclass(frozen=True)
class Verification:
    """What a verification found."""

    good: bool
    """Whether the snapshot is as it should be, be it by repair."""
    contents_compared: bool
    """Whether every entry was compared; without a manifest only their numbers are."""
    files_read: int
    """How many files were read and compared with their digests."""
    files_without_digest: int
    """How many files the manifest has no digest of."""
    differences: tuple[Difference, ...]
    """The first 1,000 differences."""
    differences_total: int
    """How many there are in all."""
    repaired: int
    """How many entries were repaired."""
    unrepaired: str | None
    """Why repairing ended early, if it did."""
    unrecorded: str | None
    """Why what was found could not be noted for later backups, if so."""
    report: Report
    """What was looked at."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Verification:
        """Read a document as the command's ``--json`` writes it for each snapshot."""
        differences = tuple(
            Difference(_path(found), found["kind"], found["what"], found["repaired"])
            for found in document["differences"]
        )
        return cls(
            good=document["good"],
            contents_compared=document["contents_compared"],
            files_read=document["files_read"],
            files_without_digest=document["files_without_digest"],
            differences=differences,
            differences_total=document["differences_total"],
            repaired=document["repaired"],
            unrepaired=document.get("unrepaired"),
            unrecorded=document.get("unrecorded"),
            report=Report.from_dict(document["report"]),
        )


@dataclass(frozen=True)
class Change:
    """One path that differs between a snapshot and another tree."""

    path: bytes
    """The path below both; empty for the root."""
    change: str
    """``added``, ``removed`` or ``changed``."""
    what: tuple[str, ...]
    """What differs where it is on both sides, such as ``content`` and ``mode``."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Change:
        """Read a change as the command's ``--json`` writes it."""
        return cls(_path(document), document["change"], tuple(document["what"]))


@dataclass(frozen=True)
class Version:
    """One path in one snapshot."""

    snapshot: str
    """The snapshot's id."""
    known: bool
    """Whether the snapshot has a manifest: without one nothing is known of the path."""
    there: bool
    """Whether the path was there."""
    what: tuple[str, ...]
    """What differs from the version before."""
    size: int | None
    """A file's size in bytes."""
    digest: str | None
    """The BLAKE3 hash of a file's content, in hexadecimal digits."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Version:
        """Read what the native module wrote."""
        return cls(
            snapshot=document["snapshot"],
            known=document["known"],
            there=document["there"],
            what=tuple(document["what"]),
            size=document.get("size"),
            digest=document.get("digest"),
        )


@dataclass(frozen=True)
class Adopted:
    """A folder that became a snapshot, or would."""

    folder: str
    """Where the folder was."""
    id: str
    """What the snapshot is called."""
    time: datetime
    """The instant it is of, in UTC."""
    time_from: str
    """Where the instant was taken from: ``name`` or ``modified``."""
    snapshot: Snapshot | None
    """The snapshot; ``None`` in a dry run."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Adopted:
        """Read what the command's ``--json`` wrote."""
        snapshot = document["snapshot"]
        return cls(
            folder=document["folder"],
            id=document["id"],
            time=read_time(document["time"]),
            time_from=document["time_from"],
            snapshot=None if snapshot is None else Snapshot.from_dict(snapshot),
        )


@dataclass(frozen=True)
class Decision:
    """What becomes of one snapshot when others are pruned."""

    id: str
    """The snapshot's id."""
    keep: bool
    """Whether it is kept."""
    reasons: tuple[str, ...]
    """Why, in words."""


@dataclass(frozen=True)
class PruneReport:
    """What was removed, and why."""

    decisions: tuple[Decision, ...]
    """What was decided of each snapshot, the oldest first."""
    removed: tuple[str, ...]
    """What was removed."""
    left_over: tuple[str, ...]
    """What could not be removed. The next run tries again."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> PruneReport:
        """Read what the command's ``--json`` wrote."""
        return cls(
            decisions=tuple(
                Decision(one["id"], one["keep"], tuple(one["reasons"]))
                for one in document["decisions"]
            ),
            removed=tuple(document["removed"]),
            left_over=tuple(document["left_over"]),
        )
