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
    "error_kinds",
    "main",
    "mirror",
    "outcomes",
    "show_path",
]

__version__: str

@final
class CancelToken:
    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

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
def show_path(path: bytes) -> str: ...
