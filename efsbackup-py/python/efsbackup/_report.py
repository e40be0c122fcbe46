"""What a run did."""

from __future__ import annotations

import base64
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from ._efsbackup import show_path
from ._enum import StrEnum
from ._errors import ErrorKind


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"
    WITHHELD = "withheld"
    UNFINISHED = "unfinished"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Counts:
    """How many entries, by type."""

    file: int = 0
    """Regular files."""
    dir: int = 0
    """Directories."""
    symlink: int = 0
    """Symbolic links."""
    hardlink: int = 0
    """Further names of files already counted."""
    special: int = 0
    """Fifos, sockets and devices."""

    @property
    def total(self) -> int:
        """All types together."""
        return self.file + self.dir + self.symlink + self.hardlink + self.special


@dataclass(frozen=True)
class Entries:
    """What happened to how many entries. The root directory is counted like any other."""

    scanned: Counts
    """Met in the source."""
    created: Counts
    """Made at the destination."""
    updated: Counts
    """Content, type or metadata changed at the destination."""
    linked: Counts
    """Hard-linked from a tree of ``link_dest``."""
    unchanged: Counts
    """Already equal."""
    deleted: Counts
    """Removed from the destination."""
    failed: Counts
    """Neither copied nor removed as they should have been."""
    vanished: Counts
    """Vanished from the source, or kept changing, while the run went on."""


@dataclass(frozen=True)
class Bytes:
    """How many bytes of file content."""

    scanned: int
    """Sizes of the source's files, each counted once."""
    copied: int
    """Written at the destination."""
    linked: int
    """Not written, since the files were hard-linked."""


@dataclass(frozen=True)
class EntryError:
    """What went wrong with one entry."""

    path: str
    """The path below the root; ``os.fsencode`` gives its bytes. Empty for the root itself."""
    op: str
    """The operation that failed, such as ``open``."""
    errno: int | None
    """The operating system's error number."""
    kind: ErrorKind
    """What kind of error it is."""
    message: str
    """In words."""

    def __str__(self) -> str:
        return f"{self.op}: {self.message}: {show_path(os.fsencode(self.path or '.'))}"

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> EntryError:
        """Read what ``to_dict`` wrote."""
        encoded = document.get("path_b64")
        path = document["path"].encode() if encoded is None else base64.b64decode(encoded)
        return cls(
            path=os.fsdecode(path),
            op=document["op"],
            errno=document["errno"],
            kind=ErrorKind(document["kind"]),
            message=document["message"],
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON can carry them; a path that is not UTF-8 also in base64."""
        path = os.fsencode(self.path)
        document: dict[str, Any] = {"path": show_path(path)}
        try:
            path.decode()
        except UnicodeDecodeError:
            document["path_b64"] = base64.b64encode(path).decode()
        document.update(op=self.op, errno=self.errno, kind=str(self.kind), message=self.message)
        return document


@dataclass(frozen=True)
class Report:
    """What a run did."""

    outcome: Outcome
    """How the run ended."""
    entries: Entries
    """What happened to how many entries."""
    bytes: Bytes
    """How many bytes of file content."""
    started: datetime
    """When the run began, in UTC."""
    finished: datetime
    """When it ended, in UTC."""
    seconds: float
    """How long it took, by a clock that never jumps."""
    errors: tuple[EntryError, ...]
    """The first 1,000 errors."""
    errors_total: int
    """How many errors there were in all."""
    options: tuple[str, ...]
    """The options that differ from their defaults, as the command would be told them."""
    version: str
    """The version of the library that ran it."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Report:
        """Read what ``to_dict``, the command's ``--json`` or a report file holds."""
        entries = {name: Counts(**counts) for name, counts in document["entries"].items()}
        return cls(
            outcome=Outcome(document["outcome"]),
            entries=Entries(**entries),
            bytes=Bytes(**document["bytes"]),
            started=read_time(document["started"]),
            finished=read_time(document["finished"]),
            seconds=document["seconds"],
            errors=tuple(EntryError.from_dict(error) for error in document["errors"]),
            errors_total=document["errors_total"],
            options=tuple(document["options"]),
            version=document["version"],
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can carry it: the same fields as in every language."""
        return {
            "outcome": str(self.outcome),
            "entries": asdict(self.entries),
            "bytes": asdict(self.bytes),
            "started": write_time(self.started),
            "finished": write_time(self.finished),
            "seconds": self.seconds,
            "errors": [error.to_dict() for error in self.errors],
            "errors_total": self.errors_total,
            "options": list(self.options),
            "version": self.version,
        }

    def __str__(self) -> str:
        dry_run = "--dry-run" in self.options
        counts = {name: getattr(self.entries, name).total for name in _FATES}
        told = "".join(f", {count} {name}" for name, count in counts.items() if count)
        return (
            f"{'dry run, ' if dry_run else ''}{self.outcome}: {self.entries.scanned.total} entries{told}; "
            f"{self.bytes.copied} of {self.bytes.scanned} bytes copied in {self.seconds:.1f} s"
        )


_FATES = ("created", "updated", "linked", "unchanged", "deleted", "vanished", "failed")


def read_time(text: str) -> datetime:
    """Read RFC 3339 in UTC; digits beyond microseconds are dropped."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    time = datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc)
    return time.replace(microsecond=int(fraction[:6].ljust(6, "0")))


def write_time(time: datetime) -> str:
    """Write RFC 3339 in UTC."""
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
