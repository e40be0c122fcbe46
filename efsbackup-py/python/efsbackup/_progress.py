"""How far a call is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar, Union


@dataclass(frozen=True)
class Progress:
    """The state of a call at one moment. All numbers are totals since it began."""

    phase: str
    """What is being done: ``waiting`` (for another run to end), ``copying``, ``deleting`` or
    ``syncing``."""
    entries: int
    """Source entries looked at."""
    entries_written: int
    """Entries created, updated or hard-linked at the destination."""
    entries_deleted: int
    """Entries removed from the destination."""
    errors: int
    """Entries that failed."""
    bytes: int
    """Bytes of source files looked at."""
    bytes_written: int
    """Bytes of content written."""
    seconds: float
    """Time since the call began."""


ProgressArgument = Union[Callable[[Progress], object], bool, None]
"""What ``progress`` may be: a callable, or ``True`` for a bar."""


P = TypeVar("P", bound=Progress)


@contextmanager
def shown(
    progress: Callable[[P], object] | bool | None, title: str
) -> Iterator[Callable[[P], object] | None]:
    """Who is to be called with the progress of a call, while it goes on.

    ``True`` shows a bar on stderr, where that is a terminal: tqdm's or rich's where one of them is
    installed, else a line.
    """
    if progress is not True:
        yield progress or None
    elif not sys.stderr.isatty():
        yield None
    else:
        for bar in (_tqdm, _rich):
            try:
                started = bar(title)
            except ImportError:
                continue
            with started as update:
                yield update
            return
        with _line(title) as update:
            yield update


def _text(progress: Progress) -> str:
    written = progress.bytes_written / (1 << 20)
    text = f"{progress.phase}, {progress.entries_written} written, {written:.1f} MiB"
    if progress.entries_deleted:
        text += f", {progress.entries_deleted} deleted"
    return f"{text}, {progress.errors} errors" if progress.errors else text


def _tqdm(title: str) -> AbstractContextManager[Callable[[Progress], None]]:
    tqdm = importlib.import_module("tqdm").tqdm

    @contextmanager
    def run() -> Iterator[Callable[[Progress], None]]:
        # How many entries there are is known only at the end.
        with tqdm(desc=title, unit=" entries", file=sys.stderr) as bar:

            def update(progress: Progress) -> None:
                bar.set_postfix_str(_text(progress), refresh=False)
                bar.update(progress.entries - bar.n)

            yield update

    return run()


def _rich(title: str) -> AbstractContextManager[Callable[[Progress], None]]:
    rich = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)

    @contextmanager
    def run() -> Iterator[Callable[[Progress], None]]:
        columns = [rich.SpinnerColumn(), "{task.description}", rich.TimeElapsedColumn()]
        with rich.Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=None)

            def update(progress: Progress) -> None:
                line = f"{title}: {progress.entries} entries, {_text(progress)}"
                bar.update(task, description=line)

            yield update

    return run()


@contextmanager
def _line(title: str) -> Iterator[Callable[[Progress], None]]:
    begun = False

    def update(progress: Progress) -> None:
        nonlocal begun
        begun = True
        line = f"{title}: {progress.entries} entries, {_text(progress)}"
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    try:
        yield update
    finally:
        if begun:
            print(file=sys.stderr)
