"""Prints what was measured, as Markdown."""

from __future__ import annotations

import statistics

from measure import Series

HEAD = ("program", "seconds", "from – to", "× rsync", "× floor", "peak MiB", "entries that differ")


def row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def times(measured: dict[str, Series]) -> str:
    """A table of one work: a row a program, fastest first."""
    rsync, floor = measured.get("rsync -aHAX"), measured.get("floor")
    lines = [row(HEAD), row(("---", *["---:"] * (len(HEAD) - 1)))]
    for name, series in sorted(
        measured.items(), key=lambda item: statistics.median(item[1].seconds)
    ):
        seconds = series.seconds
        cells = (
            name,
            f"{statistics.median(seconds):.2f}",
            f"{min(seconds):.2f} – {max(seconds):.2f}",
            f"{series.ratio_to(rsync):.2f}" if rsync else "",
            f"{series.ratio_to(floor):.2f}" if floor else "",
            f"{max(sample.peak_kib for sample in series.samples) / 1024:.0f}",
            str(series.differences),
        )
        lines.append(row(cells))
    return "\n".join(lines)


def counts(measured: dict[tuple[str, str], tuple[float, float | None]]) -> str:
    """A table of counts an entry, a row a work and program."""
    lines = [row(("work", "program", "system calls", "instructions")), "|---|---|---:|---:|"]
    for (work, program), (calls, instructions) in measured.items():
        shown = "" if instructions is None else f"{instructions:,.0f}"
        lines.append(row((work, program, f"{calls:.2f}", shown)))
    return "\n".join(lines)
