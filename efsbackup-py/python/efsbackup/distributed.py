"""One snapshot made by several processes, on one machine or on many.

A source is cut into units of equal cost. Anything that is an executor as of PEP 3148 hands
them out: ``concurrent.futures``, ``dask.distributed`` (``client.get_executor()``), and whatever
else has ``submit``. When all are copied, one snapshot is published, equal to the one that
``Repository.backup`` makes; until then nothing is.

All machines must have the source and the repository mounted at the same paths.

Example:
    >>> import pathlib, tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from efsbackup import Repository, distributed
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "source").mkdir()
    >>> for name in "abcdef":
    ...     _ = (folder / "source" / name).write_text(name)
    >>> repository = Repository(folder / "backups", name="fs-0123456789abcdef0")
    >>> with ThreadPoolExecutor(2) as executor:
    ...     done = distributed.backup(repository, folder / "source", executor, units=3)
    >>> done.snapshot.entries.file
    6
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Any, Union

from . import _efsbackup
from ._efsbackup import CancelToken
from ._errors import CancelledError, InvalidInputError, SafetyStopError
from ._options import backup_arguments
from ._paths import StrOrBytesPath
from ._progress import Progress
from ._repository import Repository
from ._snapshot import BackupReport

__all__ = ["CopiedUnit", "Cost", "Plan", "Unit", "backup", "copy", "plan", "run"]

AnyExecutor = Union[Executor, Callable[[], Executor]]
"""An executor, or what makes one, to be called again should one break."""


@dataclass(frozen=True)
class Cost:
    """What copying costs. Only the relation of the two matters for the balance of units."""

    entry_seconds: float
    """Seconds for one entry, whatever it holds."""
    bytes_per_second: float
    """Bytes of content copied in a second."""


@dataclass(frozen=True)
class _Job:
    """What all units of a run are told."""

    root: str
    name: str
    source: bytes
    options: dict[str, Any]
    copying: dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """One piece of the work. It can be pickled, and copied anywhere, in any order, even twice."""

    entries: int
    """How many entries it held when it was planned."""
    bytes: int
    """The sizes of its files."""
    seconds: float
    """How long copying it takes one thread, by the plan's cost."""
    range: dict[str, Any] = field(repr=False)
    """The part of the source that it is: ``from`` a path up to, but without, ``to`` another."""
    run: dict[str, Any] = field(repr=False)
    """The run that it belongs to."""
    job: _Job = field(repr=False)


@dataclass(frozen=True)
class CopiedUnit:
    """A unit that was copied. It can be pickled."""

    range: dict[str, Any]
    """The part of the source that it is."""
    result: str = field(repr=False)
    """All that publishing needs of it, as JSON."""


class Plan:
    """A run that was begun: its units. It holds the repository until it is finished or closed,
    which the end of a ``with`` block does."""

    units: tuple[Unit, ...]
    """What is to be copied."""
    cost: Cost
    """What copying costs, as given or as measured."""

    def __init__(self, job: _Job, native: _efsbackup.NativeRun, document: dict[str, Any]) -> None:
        self._job = job
        self._native = native
        self.cost = Cost(**document["cost"])
        self.units = tuple(
            Unit(**unit, run=document["run"], job=job) for unit in document["units"]
        )

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the repository back. What was copied serves the next run."""
        try:
            self._native.close()
        except InvalidInputError:
            pass  # It is over already.

    def finish(
        self,
        copied: Iterable[CopiedUnit],
        *,
        progress: Callable[[Progress], object] | None = None,
        cancel: CancelToken | None = None,
        check: bool = True,
    ) -> BackupReport:
        """Merge what was copied, make what units leave, and publish the snapshot.

        Args:
            copied: What ``copy`` returned for every unit.
            progress: Called with a :class:`Progress` of this last step.
            cancel: Stops it.
            check: Raise when no complete snapshot was made.

        Returns:
            What the run did in all, with the new snapshot.

        Raises:
            IncompleteError: A unit is missing: nothing is published. Or as
                :meth:`Repository.backup`.
        """
        job = self._job
        document, failure = _efsbackup.finish(
            self._native,
            job.root,
            job.name,
            job.source,
            job.options,
            job.copying,
            [unit.result for unit in copied],
            progress,
            cancel,
        )
        done = BackupReport.from_dict(json.loads(document))
        if failure is not None and check:
            failure.report = done.report
            raise failure
        return done


def plan(
    repository: Repository,
    source: StrOrBytesPath,
    *,
    units: int = 16,
    max_seconds: float | None = None,
    cost: Cost | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> Plan:
    """Begin a run: take the repository, look at ``source``, and cut it into units.

    Args:
        repository: Where the snapshot is to be.
        source: The directory whose contents are backed up.
        units: How many there are to be: some more than workers, so that those that are faster
            do more.
        max_seconds: The most that a unit may cost, in seconds of one thread; there are more
            units where that asks for it. Only a single file of less than 32 MiB may cost more.
        cost: What copying costs; measured by copying a few files, unless given.
        cancel: Stops it.
        options: Those of :meth:`Repository.backup`, but ``dry_run``.

    Raises:
        SafetyStopError: A guard refused, or another run holds the repository.
        TypeError: There is no such option.
    """
    snapshot, how = backup_arguments(**options)
    job = _Job(
        os.path.abspath(repository.root),
        repository.name,
        os.path.abspath(os.fsencode(source)),
        snapshot,
        how,
    )
    native, document = _efsbackup.begin(
        job.root,
        job.name,
        job.source,
        job.options,
        job.copying,
        units,
        max_seconds,
        None if cost is None else (cost.entry_seconds, cost.bytes_per_second),
        cancel,
    )
    return Plan(job, native, json.loads(document))


def copy(unit: Unit, *, cancel: CancelToken | None = None) -> CopiedUnit:
    """Copy one unit, in whatever process this is called.

    Raises:
        SafetyStopError: The run is over, or another repository is mounted here.
        IncompleteError: The copying ended early.
    """
    job = unit.job
    result = _efsbackup.copy_unit(
        job.root,
        job.name,
        job.source,
        job.options,
        job.copying,
        json.dumps(unit.run),
        json.dumps(unit.range),
        cancel,
    )
    return CopiedUnit(range=unit.range, result=result)


def run(
    units: Iterable[Unit],
    executor: AnyExecutor,
    *,
    attempts: int = 4,
    progress: Callable[[int, int], object] | None = None,
) -> list[CopiedUnit]:
    """Copy units with an executor.

    Args:
        units: What to copy; the largest are handed out first.
        executor: An executor of any kind; or a function that makes one. A process pool breaks
            when one of its processes is killed: only where a function is given is there another.
        attempts: How often a unit is tried in all that fails, or whose worker is lost.
        progress: Called with how many units are copied, and how many there are.

    Raises:
        Exception: What the last try of a unit raised.
    """
    waiting = sorted(units, key=lambda unit: -unit.seconds)
    total = len(waiting)
    left = {id(unit): attempts for unit in waiting}
    copied: list[CopiedUnit] = []
    while waiting:
        pool = executor if isinstance(executor, Executor) else executor()
        under_way: dict[Future[CopiedUnit], Unit] = {}
        try:
            is_broken = False
            while (waiting and not is_broken) or under_way:
                while waiting and not is_broken:
                    try:
                        under_way[pool.submit(copy, waiting[0])] = waiting[0]
                    except BrokenExecutor:
                        is_broken = True
                        break
                    waiting.pop(0)
                if not under_way:
                    break
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    unit = under_way.pop(future)
                    error = future.exception()
                    if error is None:
                        copied.append(future.result())
                        if progress is not None:
                            progress(len(copied), total)
                        continue
                    is_broken = is_broken or isinstance(error, BrokenExecutor)
                    left[id(unit)] -= 1
                    if left[id(unit)] <= 0 or not _may_pass(error):
                        raise error
                    waiting.append(unit)
            if is_broken and pool is executor:
                raise BrokenExecutor(
                    "a worker was lost, and the executor with it; to go on in another one give "
                    "a function that makes executors"
                )
        finally:
            for future in under_way:
                future.cancel()
            if pool is not executor:
                pool.shutdown(wait=True, cancel_futures=True)
    return copied


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help."""
    final = (SafetyStopError, CancelledError, InvalidInputError, TypeError)
    return isinstance(error, Exception) and not isinstance(error, final)


def backup(
    repository: Repository,
    source: StrOrBytesPath,
    executor: AnyExecutor,
    *,
    units: int = 16,
    max_seconds: float | None = None,
    cost: Cost | None = None,
    attempts: int = 4,
    progress: Callable[[int, int], object] | None = None,
    cancel: CancelToken | None = None,
    check: bool = True,
    **options: Any,
) -> BackupReport:
    """Take a snapshot of ``source`` with an executor: ``plan``, ``run``, ``Plan.finish``.

    The arguments are those of these three; ``options`` are those of :meth:`Repository.backup`.
    ``jobs`` is how many threads each worker copies with.
    """
    with plan(
        repository,
        source,
        units=units,
        max_seconds=max_seconds,
        cost=cost,
        cancel=cancel,
        **options,
    ) as planned:
        copied = run(planned.units, executor, attempts=attempts, progress=progress)
        return planned.finish(copied, cancel=cancel, check=check)
