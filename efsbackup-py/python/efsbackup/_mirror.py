"""Make one tree equal to another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from . import _efsbackup
from ._efsbackup import CancelToken
from ._options import copying
from ._paths import StrOrBytesPath, several
from ._progress import ProgressArgument, shown
from ._report import Report


def mirror(
    source: StrOrBytesPath,
    destination: StrOrBytesPath,
    *,
    delete: bool = False,
    checksum: bool = False,
    size_only: bool = False,
    in_place: bool = False,
    dry_run: bool = False,
    filter: Iterable[str | bytes] = (),
    one_file_system: bool = False,
    xattrs: bool = True,
    acls: bool = True,
    hard_links: bool = True,
    owner: bool = True,
    specials: bool = True,
    max_delete: int | str = "50%",
    allow_empty: bool = False,
    strict: bool = False,
    stop_after: float | timedelta | None = None,
    jobs: int | Literal["auto"] = "auto",
    limit_bytes: int | None = None,
    limit_ops: int | None = None,
    fsync: Literal["auto", "none", "files", "end"] = "auto",
    retries: int = 3,
    link_dest: Iterable[StrOrBytesPath] = (),
    max_links: int | None = None,
    fresh: bool = False,
    stale_from_link_dest: bool = False,
    progress: ProgressArgument = None,
    cancel: CancelToken | None = None,
    check: bool = True,
) -> Report:
    """Make the contents of the directory ``destination`` equal those of ``source``.

    Owners, modes, times to the nanosecond, hard links, holes, extended attributes, ACLs,
    symbolic links, fifos, sockets and devices are preserved. Ctrl-C stops the run.

    A ``source`` that is a file, a symbolic link to no directory, or a special, goes into the
    directory ``destination``, or gets that name.

    Args:
        source: The directory, or the single entry, to read.
        destination: The directory to change; made if it is missing (its parent must exist).
        delete: Remove what the source lacks.
        checksum: Compare contents, not size and time.
        size_only: Take files of equal size as equal in content, whatever their time.
        in_place: Rewrite existing files where they are, only the blocks that differ, instead
            of replacing them; holes over old data become zeros. Not with ``strict``.
        dry_run: Do nothing, only report what would be done.
        filter: Rules that say what takes part; the first that matches decides.
            ``"- PATTERN"`` or ``"PATTERN"`` excludes, ``"+ PATTERN"`` includes. Patterns are
            rsync's. What is excluded stays at the destination.
        one_file_system: Leave out what is on other file systems.
        xattrs: Preserve extended attributes.
        acls: Preserve POSIX ACLs.
        hard_links: Preserve hard links.
        owner: Preserve owner and group, as far as the user may.
        specials: Preserve fifos, sockets and devices.
        max_delete: When more would be removed, nothing is: a number of entries, or a share
            such as ``"50%"`` of the destination's entries once it holds over 100.
        allow_empty: Accept an empty source although ``delete`` is on.
        strict: Where a file keeps changing, keep the destination's previous version.
        stop_after: End the run after this long (seconds): files in hand are finished, nothing
            is removed.
        jobs: How many threads copy; ``"auto"``: found from the measured latency.
        limit_bytes: How many bytes of file content all threads together may copy or compare
            in a second.
        limit_ops: How many operations on the file systems all threads together may do in a
            second; each system call counts.
        fsync: When data is made durable: ``"files"`` before each file is closed, ``"end"``
            once at the end, ``"none"`` never; ``"auto"``: ``"files"`` on network file
            systems, ``"end"`` elsewhere.
        retries: How often a file that changes while it is read is read again.
        link_dest: Trees on the destination's file system whose equal files are hard-linked
            instead of copied; the first match wins.
        max_links: The most names a file may have at the destination (EFS: 177).
        fresh: The destination is new and nobody reads it before the run ends: files are
            written under their own names.
        stale_from_link_dest: Where an entry cannot be read, take it from the first tree of
            ``link_dest`` instead. It is still counted as failed.
        progress: ``True`` for a bar on the terminal (tqdm's or rich's where installed), or
            called with a :class:`Progress` on this thread, a few times a second and
            once at the end. The run is cancelled when it returns ``False`` or raises; what
            it raises comes out of this function.
        cancel: Lets another thread stop the run.
        check: Raise when the run ended but not all was done. Entries that vanished or kept
            changing while the run went on are no reason to raise.

    Returns:
        What the run did.

    Raises:
        IncompleteError: Entries failed, deletion was withheld, or ``stop_after`` ended the
            run. Its ``report`` says what was done. Only with ``check``.
        CancelledError: ``cancel`` or ``progress`` stopped it.
        SafetyStopError: A guard refused, before anything was changed.
        InvalidInputError: An argument is wrong.
        CopyError: The run could not go on.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> (folder / "source").mkdir()
        >>> _ = (folder / "source" / "hello").write_text("hello")
        >>> report = mirror(folder / "source", folder / "destination")
        >>> report.entries.created.file, report.bytes.copied
        (1, 5)
    """
    options = copying(
        delete=delete,
        checksum=checksum,
        size_only=size_only,
        in_place=in_place,
        dry_run=dry_run,
        filter=several("filter", filter),
        one_file_system=one_file_system,
        xattrs=xattrs,
        acls=acls,
        hard_links=hard_links,
        owner=owner,
        specials=specials,
        max_delete=max_delete,
        allow_empty=allow_empty,
        strict=strict,
        stop_after=stop_after,
        jobs=jobs,
        limit_bytes=limit_bytes,
        limit_ops=limit_ops,
        fsync=fsync,
        retries=retries,
        link_dest=several("link_dest", link_dest),
        max_links=max_links,
        fresh=fresh,
        stale_from_link_dest=stale_from_link_dest,
    )
    with shown(progress, "mirror") as told:
        document, failure = _efsbackup.mirror(source, destination, options, told, cancel)
    report = Report.from_dict(json.loads(document))
    if failure is not None and check:
        failure.report = report
        raise failure
    return report
