"""The native half of the package."""

import os
from collections.abc import Callable, Sequence
from typing import Any, final

from ._errors import EfsBackupError
from ._progress import Progress
from ._service import Standing

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

__all__ = [
    "CancelToken",
    "NativeDefinition",
    "NativePlan",
    "NativeRun",
    "NativeService",
    "WITH_AWS",
    "__version__",
    "adopt",
    "backup",
    "begin",
    "copy_unit",
    "diff",
    "error_kinds",
    "finish",
    "history",
    "main",
    "mark",
    "mirror",
    "mount",
    "outcomes",
    "prune",
    "repository_name",
    "restore",
    "show_path",
    "snapshots",
    "unmount",
    "verify",
]

WITH_AWS: bool
__version__: str

@final
class CancelToken:
    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

@final
class NativeDefinition:
    @staticmethod
    def read(text: bytes, lenient: bool, pipeline: str | None) -> NativeDefinition: ...
    @staticmethod
    def load(path: _Path, lenient: bool, pipeline: str | None) -> NativeDefinition: ...
    @property
    def form(self) -> str: ...
    @property
    def pipeline(self) -> str | None: ...
    def write(self, form: str, fold: bool) -> str: ...
    def left_behind(self, form: str) -> list[str]: ...
    def validate(self) -> list[tuple[str, bool, str | None, str | None, str]]: ...
    def resolve(
        self, values: Sequence[tuple[str, str]], options: dict[str, Any]
    ) -> tuple[NativeDefinition, str]: ...
    def run(
        self,
        values: Sequence[tuple[str, str]],
        options: dict[str, Any],
        cancel: CancelToken | None,
    ) -> str: ...
    def simulate(
        self,
        values: Sequence[tuple[str, str]],
        options: dict[str, Any],
        cancel: CancelToken | None,
    ) -> str: ...
    def diff(
        self, new: NativeDefinition
    ) -> list[tuple[str, list[str], list[str], bool, bool]]: ...
    def draw(self, kind: str, theme: str, states: Sequence[tuple[str, str]]) -> str: ...

@final
class NativeRun:
    def close(self) -> None: ...

@final
class NativePlan:
    def document(self) -> str: ...
    def changes(self) -> list[tuple[str, list[str], list[str], bool, bool]]: ...

@final
class NativeService:
    @staticmethod
    def embedded(state: _Path) -> NativeService: ...
    @staticmethod
    def remote(
        endpoint: str, key: tuple[str, str] | None, file: _Path | None
    ) -> NativeService: ...
    @staticmethod
    def aws(options: dict[str, Any], cancel: CancelToken | None) -> NativeService: ...
    @property
    def kind(self) -> str: ...
    def plan(
        self,
        name: str,
        definition: NativeDefinition,
        values: Sequence[tuple[str, str]],
        options: dict[str, Any],
        cancel: CancelToken | None,
    ) -> NativePlan: ...
    def apply(
        self,
        plan: NativePlan,
        activate: bool,
        patience: float | None,
        cancel: CancelToken | None,
    ) -> str: ...
    def activate(
        self,
        pipeline: str,
        values: Sequence[tuple[str, str]],
        start: str | None,
        cancel: CancelToken | None,
    ) -> str: ...
    def deactivate(self, pipeline: str, finish: bool, cancel: CancelToken | None) -> str: ...
    def delete(self, pipeline: str, cancel: CancelToken | None) -> str: ...
    def tag(
        self,
        pipeline: str,
        pairs: Sequence[tuple[str, str]],
        remove: Sequence[str],
        cancel: CancelToken | None,
    ) -> str: ...
    def wait(
        self,
        pipeline: str,
        until: str,
        patience: float | None,
        progress: Callable[[Standing], object] | None,
        cancel: CancelToken | None,
    ) -> str: ...
    def status(self, pipeline: str | None, cancel: CancelToken | None) -> str: ...
    def runs(self, pipeline: str, last: int | None, cancel: CancelToken | None) -> str: ...
    def command(
        self,
        pipeline: str,
        instances: Sequence[str],
        status: str | None,
        command: str,
        cancel: CancelToken | None,
    ) -> list[str]: ...
    def copy(
        self, pipeline: str, name: str, activate: bool, cancel: CancelToken | None
    ) -> NativePlan: ...
    def definition(
        self, pipeline: str, active: bool, cancel: CancelToken | None
    ) -> NativeDefinition: ...

def adopt(
    root: _Path,
    name: str,
    folders: Sequence[_Path],
    timezone: str,
    dry_run: bool,
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> str: ...
def backup(
    root: _Path,
    name: str,
    source: _Path,
    options: dict[str, Any],
    copying: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def begin(
    root: _Path,
    name: str,
    source: _Path,
    options: dict[str, Any],
    copying: dict[str, Any],
    units: int,
    max_seconds: float | None,
    cost: tuple[float, float] | None,
    cancel: CancelToken | None,
) -> tuple[NativeRun, str]: ...
def copy_unit(
    root: _Path,
    name: str,
    source: _Path,
    options: dict[str, Any],
    copying: dict[str, Any],
    run: str,
    range: str,
    cancel: CancelToken | None,
) -> str: ...
def diff(
    root: _Path,
    name: str,
    snapshot: str,
    other: str | None,
    directory: _Path | None,
    contents: bool,
    cancel: CancelToken | None,
) -> str: ...
def error_kinds() -> list[tuple[str, int]]: ...
def finish(
    begun: NativeRun,
    root: _Path,
    name: str,
    source: _Path,
    options: dict[str, Any],
    copying: dict[str, Any],
    copied: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def history(root: _Path, name: str, path: _Path) -> str: ...
def main(arguments: Sequence[_Path]) -> int: ...
def mark(directory: _Path, id: str) -> None: ...
def mirror(
    source: _Path,
    destination: _Path,
    options: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def mount(
    target: str,
    directory: _Path,
    options: dict[str, Any],
    dry_run: bool,
    cancel: CancelToken | None,
) -> bool: ...
def outcomes() -> list[str]: ...
def prune(
    root: _Path,
    name: str,
    keep: Sequence[int],
    timezone: str,
    dry_run: bool,
    cancel: CancelToken | None,
) -> str: ...
def repository_name(root: _Path, name: str | None) -> str: ...
def restore(
    root: _Path,
    name: str,
    snapshot: str,
    destination: _Path,
    entries: Sequence[_Path],
    in_place: bool,
    undo: bool,
    copying: dict[str, Any],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[str, EfsBackupError | None]: ...
def show_path(path: bytes) -> str: ...
def snapshots(root: _Path, name: str) -> str: ...
def unmount(
    directory: _Path, lazy: bool, timeout: float, cancel: CancelToken | None
) -> None: ...
def verify(
    root: _Path,
    name: str,
    snapshot: str,
    source: _Path | None,
    repair_from: _Path | None,
    sample: float | None,
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> str: ...
