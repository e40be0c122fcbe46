"""How far a run is whose units are copied elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ._errors import CancelledError, ErrorKind
from ._progress import Progress

if TYPE_CHECKING:
    from .distributed import CopiedUnit


@dataclass(frozen=True)
class UnitsProgress(Progress):
    """As :class:`Progress`, of the units that are copied, and of the last step while it goes on.

    What a unit did counts once all of it is copied: what lost workers did never counts. Entries
    that failed in a unit are tried again by the last step.
    """

    units: int = 0
    """How many units there are."""
    units_copied: int = 0
    """How many of them are copied."""


class Sum:
    """Adds up what the parts of a run did, and tells it."""

    def __init__(self, units: int, tell: Callable[[UnitsProgress], object] | None) -> None:
        self._tell = tell
        self._begun = time.monotonic()
        self._so_far = UnitsProgress("copying", 0, 0, 0, 0, 0, 0, 0.0, units)
        # The sizes of pieces, and what was written of them: the last step counts both once more.
        self._pieces = (0, 0)

    def unit(self, copied: CopiedUnit) -> None:
        """Add a unit that was copied."""
        so_far, report = self._so_far, copied.report
        done, failed = report.entries, report.entries.failed.total
        size, written = copied.piece_bytes
        self._pieces = (self._pieces[0] + size, self._pieces[1] + written)
        self._so_far = replace(
            so_far,
            entries=so_far.entries + done.scanned.total - failed,
            entries_written=so_far.entries_written + done.created.total + done.linked.total,
            errors=so_far.errors + failed,
            bytes=so_far.bytes + report.bytes.scanned + size,
            bytes_written=so_far.bytes_written + report.bytes.copied + written,
            units_copied=so_far.units_copied + 1,
        )
        if self._say(self._so_far) is False:
            raise CancelledError(
                "the run was cancelled: progress returned False",
                kind=ErrorKind.CANCELLED,
                op="run",
            )

    def last_step(self, progress: Progress) -> object:
        """Tell of the last step, on top of all units."""
        # What failed in a unit is tried again now.
        units, (size, written) = self._so_far, self._pieces
        all_of_it = replace(
            units,
            phase=progress.phase,
            entries=units.entries + progress.entries,
            entries_written=units.entries_written + progress.entries_written,
            entries_deleted=progress.entries_deleted,
            errors=progress.errors,
            bytes=units.bytes + max(0, progress.bytes - size),
            bytes_written=units.bytes_written + max(0, progress.bytes_written - written),
        )
        return self._say(all_of_it)

    def _say(self, progress: UnitsProgress) -> object:
        if self._tell is None:
            return None
        return self._tell(replace(progress, seconds=time.monotonic() - self._begun))
