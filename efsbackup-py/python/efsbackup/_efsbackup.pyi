"""The native half of the package."""

import os
from collections.abc import Callable, Sequence
from typing import Any, final

from ._errors import EfsBackupError
from ._progress import Progress

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

__all__ = [
    "CancelToken",
    "__version__",
    "backup",
    "error_kinds",
    "main",
    "mirror",
    "outcomes",
    "repository_name",
    "restore",
    "show_path",
    "snapshots",
]

__version__: str

@final
class CancelToken:
    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

def backup(
    root: _Path,
    name: str,
    source: _Path,
    options: dict[str, Any],
    copying: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def error_kinds() -> list[tuple[str, int]]: ...
def main(arguments: Sequence[_Path]) -> int: ...
def mirror(
    source: _Path,
    destination: _Path,
    options: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def outcomes() -> list[str]: ...
def repository_name(root: _Path, name: str | None) -> str: ...
def restore(
    root: _Path,
    name: str,
    snapshot: str,
    destination: _Path,
    directories: Sequence[_Path],
    copying: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def show_path(path: bytes) -> str: ...
def snapshots(root: _Path, name: str) -> str: ...
