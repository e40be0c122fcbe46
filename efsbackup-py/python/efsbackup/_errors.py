"""What went wrong, as exceptions.

All of them are :class:`EfsBackupError`. Those that mean the same as one of Python's own are
that one too: ``except FileNotFoundError`` catches :class:`NotFoundError`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._enum import StrEnum

if TYPE_CHECKING:
    from ._report import Report


class ErrorKind(StrEnum):
    """What kind of error it is, by its stable name. The list only grows."""

    INVALID_INPUT = "invalid-input"
    UNSUPPORTED = "unsupported"
    NOT_FOUND = "not-found"
    ALREADY_EXISTS = "already-exists"
    PERMISSION_DENIED = "permission-denied"
    NOT_A_DIRECTORY = "not-a-directory"
    IS_A_DIRECTORY = "is-a-directory"
    BUSY = "busy"
    NO_SPACE = "no-space"
    IO = "io"
    CHANGED_DURING_COPY = "changed-during-copy"
    LOOP = "loop"
    UNRESOLVED_PARAMETER = "unresolved-parameter"
    INVALID_DEFINITION = "invalid-definition"
    CANNOT_REPRESENT = "cannot-represent"
    CONFLICT = "conflict"
    AUTH = "auth"
    THROTTLED = "throttled"
    REMOTE = "remote"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    SAFETY_STOP = "safety-stop"
    INTERNAL = "internal"


class EfsBackupError(Exception):
    """Anything that went wrong. ``str()`` of it is one line."""

    kind: ErrorKind
    """What kind of error it is."""
    op: str
    """The operation that failed, such as ``open``."""
    path: str | None
    """The file it happened to; ``os.fsencode`` gives its bytes."""
    errno: int | None
    """The operating system's error number."""
    report: Report | None
    """What the run did, where it went far enough to have a report."""

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = ErrorKind.INTERNAL,
        op: str = "",
        path: str | None = None,
        errno: int | None = None,
        report: Report | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.op = op
        self.path = path
        self.errno = errno
        self.report = report
        _fill_os_error(self, message, path)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        details = {
            "kind": self.kind,
            "op": self.op,
            "path": self.path,
            "errno": self.errno,
            "report": self.report,
        }
        # The rest, such as notes, is state that BaseException restores.
        state = {name: value for name, value in self.__dict__.items() if name not in details}
        return _rebuild, (type(self), self.args[0], details), state or None


class InvalidInputError(EfsBackupError, ValueError):
    """An argument is wrong."""


class UnsupportedError(EfsBackupError):
    """The file system, kernel or build cannot do this."""


class CopyError(EfsBackupError, OSError):
    """The operating system failed a call."""


class NotFoundError(CopyError, FileNotFoundError):
    """Something named does not exist."""


class AccessError(CopyError, PermissionError):
    """The operating system refused access."""


class DefinitionError(EfsBackupError, ValueError):
    """A pipeline definition is wrong, or a format cannot carry what it says."""


class UnresolvedParameterError(DefinitionError, KeyError):
    """A parameter or expression has no value."""


class RemoteError(EfsBackupError):
    """A service failed."""


class AuthError(RemoteError):
    """Credentials are missing or not accepted."""


class ThrottledError(RemoteError):
    """A service asked to slow down."""


class ConflictError(RemoteError):
    """The state of things does not allow it now."""


class TimedOutError(EfsBackupError, TimeoutError):
    """It took too long."""


class CancelledError(EfsBackupError):
    """The caller asked to stop."""


class IncompleteError(EfsBackupError):
    """The run ended, but not everything was done; ``report`` says what was."""


class SafetyStopError(EfsBackupError):
    """A guard refused, before anything was changed."""


class InternalError(EfsBackupError):
    """A fault of this library."""


CLASSES: dict[ErrorKind, type[EfsBackupError]] = {
    ErrorKind.INVALID_INPUT: InvalidInputError,
    ErrorKind.UNSUPPORTED: UnsupportedError,
    ErrorKind.NOT_FOUND: NotFoundError,
    ErrorKind.ALREADY_EXISTS: CopyError,
    ErrorKind.PERMISSION_DENIED: AccessError,
    ErrorKind.NOT_A_DIRECTORY: CopyError,
    ErrorKind.IS_A_DIRECTORY: CopyError,
    ErrorKind.BUSY: CopyError,
    ErrorKind.NO_SPACE: CopyError,
    ErrorKind.IO: CopyError,
    ErrorKind.CHANGED_DURING_COPY: CopyError,
    ErrorKind.LOOP: CopyError,
    ErrorKind.UNRESOLVED_PARAMETER: UnresolvedParameterError,
    ErrorKind.INVALID_DEFINITION: DefinitionError,
    ErrorKind.CANNOT_REPRESENT: DefinitionError,
    ErrorKind.CONFLICT: ConflictError,
    ErrorKind.AUTH: AuthError,
    ErrorKind.THROTTLED: ThrottledError,
    ErrorKind.REMOTE: RemoteError,
    ErrorKind.TIMEOUT: TimedOutError,
    ErrorKind.CANCELLED: CancelledError,
    ErrorKind.INCOMPLETE: IncompleteError,
    ErrorKind.SAFETY_STOP: SafetyStopError,
    ErrorKind.INTERNAL: InternalError,
}
"""The class of each kind."""


def from_core(
    kind: str,
    op: str,
    message: str,
    path: bytes | None,
    errno: int | None,
    causes: Sequence[str],
) -> EfsBackupError:
    """Make the exception for an error of the native module, which calls this."""
    known = ErrorKind(kind)
    error = CLASSES[known](
        message,
        kind=known,
        op=op,
        path=None if path is None else os.fsdecode(path),
        errno=errno,
    )
    add_note = getattr(error, "add_note", None)  # from Python 3.11 on
    if add_note is not None:
        for cause in causes:
            add_note(f"caused by: {cause}")
    return error


def _fill_os_error(error: Exception, message: str, path: str | None) -> None:
    """Set what programs that know only ``OSError`` look at."""
    if isinstance(error, OSError):
        error.strerror = message
        error.filename = path


def _rebuild(cls: type[EfsBackupError], message: str, details: dict[str, Any]) -> EfsBackupError:
    return cls(message, **details)
