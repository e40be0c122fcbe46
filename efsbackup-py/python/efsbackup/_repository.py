"""Dated, immutable, hard-linked snapshots."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from . import _efsbackup
from ._efsbackup import CancelToken
from ._options import copying
from ._paths import StrOrBytesPath, several
from ._progress import ProgressArgument, shown
from ._snapshot import BackupReport, RestoreReport, Snapshot
from ._upkeep import Upkeep, snapshot_id


class Repository(Upkeep):
    """The snapshots of one source: the folder ``root/name``.

    A snapshot is a plain folder, a complete copy to look at, named by its time. Files that
    are wholly equal in two snapshots are one file with two names.

    Args:
        root: The folder of all repositories.
        name: The repository's name, such as the file system's id. ``None``: the only
            repository under ``root``, which must exist then.

    Raises:
        InvalidInputError: The name is no possible one, or there are several repositories.
        NotFoundError: ``name`` is ``None`` and there is no repository.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> (folder / "source").mkdir()
        >>> _ = (folder / "source" / "hello").write_text("hello")
        >>> repository = Repository(folder / "backups", name="fs-0123456789abcdef0")
        >>> backup = repository.backup(folder / "source")
        >>> [snapshot.new_bytes for snapshot in repository.snapshots()]
        [5]
        >>> report = repository.restore(backup, folder / "restored")
        >>> (folder / "restored" / "hello").read_text()
        'hello'
    """

    def __init__(self, root: StrOrBytesPath, name: str | None = None) -> None:
        self._root = os.fsdecode(root)
        self._name = _efsbackup.repository_name(root, name)

    @property
    def root(self) -> str:
        """The folder of all repositories."""
        return self._root

    @property
    def name(self) -> str:
        """The repository's name."""
        return self._name

    @property
    def path(self) -> str:
        """The folder that holds the snapshots."""
        return os.path.join(self._root, self._name)

    def snapshot_path(self, snapshot: str | Snapshot | BackupReport) -> str:
        """The folder of a snapshot."""
        return os.path.join(self.path, snapshot_id(snapshot))

    def __repr__(self) -> str:
        return f"Repository({self._root!r}, {self._name!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Repository):
            return NotImplemented
        return self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def backup(
        self,
        source: StrOrBytesPath,
        *,
        timezone: str = "UTC",
        expect_id: str | None = None,
        expect_destination_id: str | None = None,
        require_existing: bool = False,
        max_shrink: str = "50%",
        accept_clock: bool = False,
        run_id: str | None = None,
        keep_last: int = 0,
        keep_hourly: int = 0,
        keep_daily: int = 0,
        keep_weekly: int = 0,
        keep_monthly: int = 0,
        keep_yearly: int = 0,
        checksum: bool = False,
        size_only: bool = False,
        dry_run: bool = False,
        filter: Iterable[str | bytes] = (),
        one_file_system: bool = False,
        xattrs: bool = True,
        acls: bool = True,
        hard_links: bool = True,
        owner: bool = True,
        specials: bool = True,
        allow_empty: bool = False,
        strict: bool = False,
        stop_after: float | timedelta | None = None,
        jobs: int | Literal["auto"] = "auto",
        limit_bytes: int | None = None,
        limit_ops: int | None = None,
        fsync: Literal["auto", "none", "files", "end"] = "auto",
        retries: int = 3,
        max_links: int | None = None,
        progress: ProgressArgument = None,
        cancel: CancelToken | None = None,
        check: bool = True,
    ) -> BackupReport:
        """Take a snapshot of ``source``.

        What is wholly equal in the newest complete snapshot is hard-linked, the rest is
        copied. The snapshot gets its name only when everything is durable. The options not
        explained here are those of :func:`mirror`.

        Args:
            source: The directory whose contents are backed up.
            timezone: Where the snapshot's name takes the time of day from, such as
                ``Asia/Tokyo``.
            expect_id: The file system that the source must be proved to be on.
            expect_destination_id: The file system that the repository must be proved to be on.
            require_existing: Refuse to make a repository where there is none: a backup file
                system that failed to mount looks like a first run.
            max_shrink: Publish nothing when the source has this much fewer entries than the
                last complete snapshot.
            accept_clock: Go on although the clock is behind the last snapshot.
            run_id: The run that this backup is a part of: up to 64 letters, digits and any of
                ``._-``. Backups that give the same one share the repository instead of
                refusing each other. ``None``: a run of its own.
            keep_last: How many snapshots to keep. Without any of the ``keep_`` options all
                are kept; with some, what none of them keeps is removed after the new
                snapshot is complete.
            keep_hourly: For how many hours to keep the last snapshot of each.
            keep_daily: For how many days to keep the last snapshot of each.
            keep_weekly: For how many weeks to keep the last snapshot of each.
            keep_monthly: For how many months to keep the last snapshot of each.
            keep_yearly: For how many years to keep the last snapshot of each.
            max_links: The most names a file may have at the destination. ``None``: 177 on
                EFS, else found by trying.
            check: Raise when no complete snapshot was made.

        Returns:
            What the run did, with the new snapshot.

        Raises:
            IncompleteError: Entries failed (the snapshot is partial then), the source had
                shrunk too much, or ``stop_after`` ended the run. Only with ``check``.
            SafetyStopError: A guard refused, before anything was changed.
            CancelledError: ``cancel`` or ``progress`` stopped it.
            ConflictError: The repository was lost to another run.
        """
        options = {
            "timezone": timezone,
            "expect_id": expect_id,
            "expect_destination_id": expect_destination_id,
            "require_existing": require_existing,
            "max_shrink": max_shrink,
            "accept_clock": accept_clock,
            "run_id": run_id,
            "keep_last": keep_last,
            "keep_hourly": keep_hourly,
            "keep_daily": keep_daily,
            "keep_weekly": keep_weekly,
            "keep_monthly": keep_monthly,
            "keep_yearly": keep_yearly,
        }
        how = copying(
            checksum=checksum,
            size_only=size_only,
            dry_run=dry_run,
            filter=several("filter", filter),
            one_file_system=one_file_system,
            xattrs=xattrs,
            acls=acls,
            hard_links=hard_links,
            owner=owner,
            specials=specials,
            allow_empty=allow_empty,
            strict=strict,
            stop_after=stop_after,
            jobs=jobs,
            limit_bytes=limit_bytes,
            limit_ops=limit_ops,
            fsync=fsync,
            retries=retries,
            max_links=max_links,
        )
        with shown(progress, "backup") as told:
            document, failure = _efsbackup.backup(
                self._root, self._name, source, options, how, told, cancel
            )
        done = BackupReport.from_dict(json.loads(document))
        if failure is not None and check:
            failure.report = done.report
            raise failure
        return done

    def snapshots(self) -> list[Snapshot]:
        """Every snapshot, the oldest first.

        Raises:
            NotFoundError: There is no repository.
            SafetyStopError: Its folders belong to someone else or are open to others.
        """
        documents = json.loads(_efsbackup.snapshots(self._root, self._name))
        return [Snapshot.from_dict(document) for document in documents]

    def restore(
        self,
        snapshot: str | Snapshot | BackupReport,
        destination: StrOrBytesPath,
        *,
        paths: Iterable[StrOrBytesPath] = (),
        in_place: bool = False,
        undo: bool = True,
        delete: bool = False,
        checksum: bool = False,
        dry_run: bool = False,
        xattrs: bool = True,
        acls: bool = True,
        hard_links: bool = True,
        owner: bool = True,
        specials: bool = True,
        max_delete: int | str = "50%",
        allow_empty: bool = False,
        stop_after: float | timedelta | None = None,
        jobs: int | Literal["auto"] = "auto",
        limit_bytes: int | None = None,
        limit_ops: int | None = None,
        fsync: Literal["auto", "none", "files", "end"] = "auto",
        progress: ProgressArgument = None,
        cancel: CancelToken | None = None,
        check: bool = True,
    ) -> RestoreReport:
        """Copy a snapshot to ``destination``.

        The restored tree has files of its own: nothing in it is hard-linked with a snapshot.
        The options not explained here are those of :func:`mirror`.

        Args:
            snapshot: Which one: its id, what ``snapshots`` or ``backup`` returned, or ``"latest"``,
                the newest complete one.
            destination: Where to; what is restored must be missing there, unless
                ``in_place`` is on.
            paths: Only these files and directories of the snapshot, each to the same place
                below ``destination``. One with a ``*``, ``?`` or ``[`` that is no entry's
                name is a pattern as in ``filter``.
            in_place: Restore over what is there. All that will be replaced or removed is
                first kept as a snapshot, the undo; restored in place, it undoes this.
            undo: Keep an undo.
            delete: Remove what the snapshot lacks too; says ``in_place``.

        Returns:
            What the run did, with the undo.

        Raises:
            NotFoundError: There is no such snapshot, or nothing in it is called so.
            SafetyStopError: Something is there already, the undo would not fit, or the
                destination lies in the repository.
            IncompleteError: Entries failed, deletion was withheld, or ``stop_after`` ended
                the run. Only with ``check``.
        """
        how = copying(
            delete=delete,
            checksum=checksum,
            dry_run=dry_run,
            xattrs=xattrs,
            acls=acls,
            hard_links=hard_links,
            owner=owner,
            specials=specials,
            max_delete=max_delete,
            allow_empty=allow_empty,
            stop_after=stop_after,
            jobs=jobs,
            limit_bytes=limit_bytes,
            limit_ops=limit_ops,
            fsync=fsync,
        )
        with shown(progress, "restore") as told:
            document, failure = _efsbackup.restore(
                self._root,
                self._name,
                snapshot_id(snapshot),
                destination,
                several("paths", paths),
                in_place,
                undo,
                how,
                told,
                cancel,
            )
        report = RestoreReport.from_dict(json.loads(document))
        if failure is not None and check:
            failure.report = report
            raise failure
        return report
