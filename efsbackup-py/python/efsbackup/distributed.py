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
from ._errors import CancelledError, ErrorKind, InvalidInputError, SafetyStopError
from ._options import backup_arguments
from ._paths import StrOrBytesPath
from ._progress import ProgressArgument, shown
from ._report import Report
from ._repository import Repository
from ._snapshot import BackupReport
from ._units_progress import Sum, UnitsProgress

__all__ = [
    "CopiedUnit",
    "Cost",
    "Plan",
    "Unit",
    "UnitsProgress",
    "backup",
    "copy",
    "plan",
    "run",
]

_TURN = 0.05
"""How often is looked whether the caller's token is cancelled, in seconds."""

AnyExecutor = Union[Executor, Callable[[], Executor]]
"""An executor, or what makes one, to be called again should one break."""

UnitsProgressArgument = Union[Callable[[UnitsProgress], object], bool, None]
"""What ``progress`` may be: a callable, or ``True`` for a bar."""


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

    @property
    def report(self) -> Report:
        """What was done of it, but for pieces of large files: these count at the end."""
        return Report.from_dict(json.loads(self.result)["report"])

    @property
    def piece_bytes(self) -> tuple[int, int]:
        """How large the copied pieces of large files are, and how much of them was written."""
        pieces = [one for one in json.loads(self.result).get("pieces", []) if one["blocks"]]
        size = sum(one["piece"]["to"] - one["piece"]["from"] for one in pieces)
        return size, sum(one["written"] for one in pieces)


class Plan:
    """A run that was begun: its units. It holds the repository until it is finished or closed,
    which the end of a ``with`` block does. Units that are under way then, wherever that is, notice
    and stop within about a second."""

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
        progress: ProgressArgument = None,
        cancel: CancelToken | None = None,
        check: bool = True,
    ) -> BackupReport:
        """Merge what was copied, make what units leave, and publish the snapshot.

        Args:
            copied: What ``copy`` returned for every unit.
            progress: Called with a :class:`Progress` of this last step; or ``True`` for a bar.
            cancel: Stops it.
            check: Raise when no complete snapshot was made.

        Returns:
            What the run did in all, with the new snapshot.

        Raises:
            IncompleteError: A unit is missing: nothing is published. Or as
                :meth:`Repository.backup`.
        """
        job = self._job
        with shown(progress, "backup") as told:
            document, failure = _efsbackup.finish(
                self._native,
                job.root,
                job.name,
                job.source,
                job.options,
                job.copying,
                [unit.result for unit in copied],
                told,
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
    progress: UnitsProgressArgument = None,
    cancel: CancelToken | None = None,
) -> list[CopiedUnit]:
    """Copy units with an executor.

    When this ends early, as by Ctrl-C, it does so at once. Units that are under way no executor can
    stop; they stop by themselves when their :class:`Plan` is closed.

    Args:
        units: What to copy; the largest are handed out first.
        executor: An executor of any kind; or a function that makes one. A process pool breaks
            when one of its processes is killed: only where a function is given is there another.
        attempts: How often a unit is tried in all that fails, or whose worker is lost.
        progress: Called with a :class:`UnitsProgress` for each unit that is copied; returning
            ``False`` cancels. Or ``True`` for a bar.
        cancel: Ends it.

    Raises:
        Exception: What the last try of a unit raised.
        CancelledError: ``cancel`` or ``progress`` said so.
    """
    units = list(units)
    with shown(progress, "units") as told:
        return _run(units, executor, attempts, Sum(len(units), told), cancel)


def _run(
    units: Iterable[Unit],
    executor: AnyExecutor,
    attempts: int,
    progress: Sum,
    cancel: CancelToken | None,
) -> list[CopiedUnit]:
    waiting = sorted(units, key=lambda unit: -unit.seconds)
    turn = None if cancel is None else _TURN
    left = {id(unit): attempts for unit in waiting}
    copied: list[CopiedUnit] = []
    while waiting:
        pool = executor if isinstance(executor, Executor) else executor()
        under_way: dict[Future[CopiedUnit], Unit] = {}
        is_over = False
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
                if cancel is not None and cancel.cancelled:
                    raise CancelledError("the run was cancelled", kind=ErrorKind.CANCELLED, op="run")
                for future in wait(under_way, turn, return_when=FIRST_COMPLETED).done:
                    unit = under_way.pop(future)
                    error = future.exception()
                    if error is None:
                        copied.append(future.result())
                        progress.unit(copied[-1])
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
            is_over = True
        finally:
            for future in under_way:
                future.cancel()
            if pool is not executor:
                # Units under way would be waited for.
                pool.shutdown(wait=is_over, cancel_futures=True)
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
    progress: UnitsProgressArgument = None,
    cancel: CancelToken | None = None,
    check: bool = True,
    **options: Any,
) -> BackupReport:
    """Take a snapshot of ``source`` with an executor: ``plan``, ``run``, ``Plan.finish``.

    The arguments are those of these three; ``options`` are those of :meth:`Repository.backup`.
    ``jobs`` is how many threads each worker copies with. ``progress`` is called with a
    :class:`UnitsProgress` of all of it.

    Ctrl-C, ``cancel`` and a unit that failed for good end it at once. Then nothing is published, and
    units that are under way stop by themselves within about a second, wherever they are.
    """
    with shown(progress, "backup") as told, plan(
        repository,
        source,
        units=units,
        max_seconds=max_seconds,
        cost=cost,
        cancel=cancel,
        **options,
    ) as planned:
        total = Sum(len(planned.units), told)
        copied = _run(planned.units, executor, attempts, total, cancel)
        last_step = None if told is None else total.last_step
        return planned.finish(copied, progress=last_step, cancel=cancel, check=check)
