"""Looking at the snapshots of a repository, and keeping them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from . import _efsbackup
from ._efsbackup import CancelToken
from ._errors import ErrorKind, InvalidInputError
from ._found import Adopted, Change, PruneReport, Verification, Version
from ._paths import StrOrBytesPath, several
from ._progress import ProgressArgument, shown
from ._snapshot import BackupReport, Snapshot


class Upkeep:
    """What a repository can do but take, list and restore snapshots."""

    _root: str
    _name: str

    def verify(
        self,
        snapshot: str | Snapshot | BackupReport,
        *,
        source: StrOrBytesPath | None = None,
        repair_from: StrOrBytesPath | None = None,
        sample: float | None = None,
        progress: ProgressArgument = None,
        cancel: CancelToken | None = None,
    ) -> Verification:
        """Read a snapshot and compare it with its manifest.

        Nothing is raised for what is found: look at ``good``.

        Args:
            snapshot: Which one; ``"latest"`` is the newest complete one.
            source: Compare with this tree instead, but for what the snapshot's run left out.
            repair_from: Make what is not as the manifest says anew, where this tree still
                has it just so.
            sample: Read the contents of only this share of the files, in percent.
            progress: ``True`` for a bar, or called with a :class:`Progress`.
            cancel: Stops it.
        """
        with shown(progress, "verify") as told:
            document = _efsbackup.verify(
                self._root,
                self._name,
                snapshot_id(snapshot),
                source,
                repair_from,
                sample,
                told,
                cancel,
            )
        return Verification.from_dict(json.loads(document))

    def diff(
        self,
        snapshot: str | Snapshot | BackupReport,
        other: str | Snapshot | BackupReport | None = None,
        *,
        directory: StrOrBytesPath | None = None,
        contents: bool = False,
        cancel: CancelToken | None = None,
    ) -> list[Change]:
        """Tell what changed since a snapshot.

        Args:
            snapshot: Since which one.
            other: Until which snapshot.
            directory: In its place, a directory to compare with.
            contents: Read the files of the directory. Without, a file of equal size and time
                counts as equal.
            cancel: Stops it.
        """
        if (other is None) == (directory is None):
            raise InvalidInputError(
                "give another snapshot or a directory", kind=ErrorKind.INVALID_INPUT, op="diff"
            )
        document = _efsbackup.diff(
            self._root,
            self._name,
            snapshot_id(snapshot),
            None if other is None else snapshot_id(other),
            directory,
            contents,
            cancel,
        )
        return [Change.from_dict(change) for change in json.loads(document)]

    def history(self, path: StrOrBytesPath) -> list[Version]:
        """Tell of one path, below the source, in every snapshot, the oldest first."""
        document = _efsbackup.history(self._root, self._name, path)
        return [Version.from_dict(version) for version in json.loads(document)]

    def adopt(
        self,
        folders: Iterable[StrOrBytesPath],
        *,
        timezone: str = "UTC",
        dry_run: bool = False,
        progress: ProgressArgument = None,
        cancel: CancelToken | None = None,
    ) -> list[Adopted]:
        """Make existing folders snapshots, copying nothing: they are read and renamed.

        Args:
            folders: Such as ``daily.0``, ``daily.1``; on the repository's file system.
            timezone: Which one dates in their names are of.
            dry_run: Only check, and tell what would become of each.
            progress: ``True`` for a bar, or called with a :class:`Progress` while one is read.
            cancel: Stops it.

        Raises:
            SafetyStopError: Something about a folder is not clear; nothing was changed.
        """
        with shown(progress, "adopt") as told:
            document = _efsbackup.adopt(
                self._root,
                self._name,
                several("folders", folders),
                timezone,
                dry_run,
                told,
                cancel,
            )
        return [Adopted.from_dict(one) for one in json.loads(document)]

    def prune(
        self,
        *,
        keep_last: int = 0,
        keep_hourly: int = 0,
        keep_daily: int = 0,
        keep_weekly: int = 0,
        keep_monthly: int = 0,
        keep_yearly: int = 0,
        timezone: str = "UTC",
        dry_run: bool = False,
        cancel: CancelToken | None = None,
    ) -> PruneReport:
        """Remove the snapshots that nothing keeps, but never the last complete one.

        Args:
            keep_last: How many snapshots to keep.
            keep_hourly: For how many hours to keep the last snapshot of each.
            keep_daily: For how many days to keep the last snapshot of each.
            keep_weekly: For how many weeks to keep the last snapshot of each.
            keep_monthly: For how many months to keep the last snapshot of each.
            keep_yearly: For how many years to keep the last snapshot of each.
            timezone: Where hours and days begin.
            dry_run: Only decide.
            cancel: Stops between two snapshots.

        Raises:
            InvalidInputError: All numbers are 0.
        """
        keep = [keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly]
        document = _efsbackup.prune(self._root, self._name, keep, timezone, dry_run, cancel)
        return PruneReport.from_dict(json.loads(document))


def snapshot_id(snapshot: str | Snapshot | BackupReport) -> str:
    """The id of what ``snapshots`` or ``backup`` returned, or the one given."""
    if isinstance(snapshot, BackupReport):
        if snapshot.snapshot is None:
            raise InvalidInputError(
                "this backup published no snapshot", kind=ErrorKind.INVALID_INPUT, op="restore"
            )
        return snapshot.snapshot.id
    return snapshot.id if isinstance(snapshot, Snapshot) else snapshot
