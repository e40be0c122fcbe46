"""Mounting EFS and other NFS file systems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from . import _efsbackup
from ._efsbackup import CancelToken
from ._errors import EfsBackupError
from ._paths import StrOrBytesPath, several

_Path = TypeVar("_Path", bound=StrOrBytesPath)


def mount(
    target: str,
    directory: StrOrBytesPath,
    *,
    region: str | None = None,
    az: str | None = None,
    address: str | None = None,
    access_point: str | None = None,
    tls: bool = False,
    iam: bool = False,
    read_only: bool = False,
    timeout: float = 30.0,
    options: Iterable[str] = (),
    dry_run: bool = False,
    cancel: CancelToken | None = None,
) -> bool:
    """Mount a file system with the options that AWS recommends for EFS.

    The same mount, there already, is left as it is. It takes root.

    Args:
        target: A file system's id (or ``FS-ID:/PATH``), ``HOST:/PATH`` or ``ADDRESS:/PATH``.
        directory: Where.
        region: The region of a file system given by its id; ``AWS_REGION`` unless given.
        az: The availability zone whose mount target to use.
        address: The mount target's address, for where no name resolves.
        access_point: Mount through this access point; needs ``tls``.
        tls: Encrypt in transit; needs amazon-efs-utils.
        iam: Sign in with the machine's IAM identity; needs ``tls``.
        read_only: Allow no writing.
        timeout: Give up after so many seconds, whatever the server does.
        options: More options, each as after ``mount -o``.
        dry_run: Mount nothing, only check the arguments and what is mounted there.
        cancel: Stops it.

    Returns:
        Whether this call mounted it, or with ``dry_run`` would have; ``False`` if it was there
        before.
    """
    given = {
        "region": region,
        "az": az,
        "address": address,
        "access_point": access_point,
        "tls": tls,
        "iam": iam,
        "read_only": read_only,
        "timeout": timeout,
        "options": several("options", options),
    }
    return _efsbackup.mount(target, directory, given, dry_run, cancel)


def unmount(
    directory: StrOrBytesPath,
    *,
    lazy: bool = False,
    timeout: float = 10.0,
    cancel: CancelToken | None = None,
) -> None:
    """Unmount what is mounted on a directory.

    Args:
        directory: Where.
        lazy: When it stays in use, take it out of sight at once.
        timeout: For how many seconds a mount in use, or a silent server, is waited for.
        cancel: Stops it.
    """
    _efsbackup.unmount(directory, lazy, timeout, cancel)


def mark(directory: StrOrBytesPath, id: str) -> None:
    """Write the marker that proves which file system is mounted on a directory.

    A backup with ``expect_id`` or ``expect_destination_id`` asks for it: a mount that failed
    leaves a directory without one. Nothing happens when it is there already.

    Args:
        directory: Where the file system is mounted.
        id: Its id, such as ``fs-0123456789abcdef0``.

    Raises:
        CopyError: The marker there names another file system, or it could not be written.
    """
    _efsbackup.mark(directory, id)


@contextmanager
def mounted(
    target: str,
    directory: _Path,
    *,
    region: str | None = None,
    az: str | None = None,
    address: str | None = None,
    access_point: str | None = None,
    tls: bool = False,
    iam: bool = False,
    read_only: bool = False,
    timeout: float = 30.0,
    options: Iterable[str] = (),
    cancel: CancelToken | None = None,
) -> Iterator[_Path]:
    """Mount a file system for as long as a ``with`` block lasts; see :func:`mount`.

    What was mounted before stays mounted. When the block raises, that is what is raised, and
    a mount still in use is taken out of sight.

    >>> with mounted("fs-0123456789abcdef0", "/mnt", read_only=True) as source:  # doctest: +SKIP
    ...     print(source)

    Args:
        target: As for :func:`mount`, and so are all that follow.
        directory: Where; the block is given it.
        region: The file system's region.
        az: The availability zone.
        address: The mount target's address.
        access_point: The access point.
        tls: Encrypt in transit.
        iam: Sign in with IAM.
        read_only: Allow no writing.
        timeout: Give up after so many seconds.
        options: More options.
        cancel: Stops the mounting.
    """
    ours = mount(
        target,
        directory,
        region=region,
        az=az,
        address=address,
        access_point=access_point,
        tls=tls,
        iam=iam,
        read_only=read_only,
        timeout=timeout,
        options=options,
        cancel=cancel,
    )
    try:
        yield directory
    except BaseException:
        if ours:
            with suppress(EfsBackupError):
                unmount(directory, lazy=True)
        raise
    if ours:
        unmount(directory)
