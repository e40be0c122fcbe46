"""Runs commands and measures them."""

from __future__ import annotations

import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """A command ended with an error, or left a wrong copy."""


@dataclass(frozen=True)
class Sample:
    """One run."""

    seconds: float
    peak_kib: int


def run(runner: str, lines: list[list[str]], scratch: Path, times_itself: bool = False) -> Sample:
    """Runs the command lines one after the other. `runner` is run.c."""
    seconds, peak = 0.0, 0
    for line in lines:
        noted = scratch / "measured"
        ran = subprocess.run([runner, str(noted), *line], capture_output=True, check=False)
        if ran.returncode != 0:
            said = ran.stderr.decode(errors="replace").strip().splitlines()
            raise Failed(f"{' '.join(line)}: status {ran.returncode}: {' '.join(said[-1:])}")
        took, used = noted.read_text().split()
        seconds += float(ran.stdout) if times_itself else float(took)
        peak = max(peak, int(used))
    return Sample(seconds, peak)


@dataclass
class Series:
    """The runs of one program."""

    samples: list[Sample] = field(default_factory=list)
    differences: int = 0

    @property
    def seconds(self) -> list[float]:
        return [sample.seconds for sample in self.samples]

    def ratio_to(self, other: Series) -> float:
        """The median of the ratios of the two in the same round: what else the machine does
        changes between rounds more than within one."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))
