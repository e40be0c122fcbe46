"""Reports and progress as values."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import pytest

import efsbackup
from efsbackup import Outcome, Progress, Report, _efsbackup

COUNTS = {"file": 1, "dir": 2, "symlink": 3, "hardlink": 4, "special": 5}
ENTRIES = "scanned created updated linked unchanged deleted failed vanished".split()
DOCUMENT: dict[str, Any] = {
    "outcome": "partial",
    "entries": {name: COUNTS for name in ENTRIES},
    "bytes": {"scanned": 30, "copied": 20, "linked": 10},
    "started": "2001-09-09T01:46:40Z",
    "finished": "2001-09-09T01:46:41.500000Z",
    "seconds": 1.5,
    "errors": [
        {
            "path": "plain",
            "op": "open",
            "errno": 13,
            "kind": "permission-denied",
            "message": "permission denied",
        },
        {
            "path": "odd\\xff\\n",
            "path_b64": "b2Rk/wo=",
            "op": "copy",
            "errno": None,
            "kind": "changed-during-copy",
            "message": "it kept changing",
        },
    ],
    "errors_total": 2,
    "options": ["--delete"],
    "version": "0.1.0",
}


def test_a_report_is_read_and_written_alike() -> None:
    report = Report.from_dict(DOCUMENT)
    assert report.to_dict() == DOCUMENT
    assert list(report.to_dict()) == list(DOCUMENT)
    json.dumps(report.to_dict())
    assert report.entries.created.total == 15
    assert report.errors[1].path == "odd\udcff\n"
    assert report.started.isoformat() == "2001-09-09T01:46:40+00:00"


def test_a_report_prints_as_one_line() -> None:
    fates = ", ".join(f"15 {name}" for name in [*ENTRIES[1:6], "vanished", "failed"])
    end = "20 of 30 bytes copied in 1.5 s"
    assert str(Report.from_dict(DOCUMENT)) == f"partial: 15 entries, {fates}; {end}"
    planned = str(Report.from_dict({**DOCUMENT, "outcome": "complete", "options": ["--dry-run"]}))
    assert planned.startswith("dry run, complete: 15 entries, ")


def test_nanoseconds_are_cut_to_microseconds() -> None:
    report = Report.from_dict({**DOCUMENT, "started": "2001-09-09T01:46:40.000000005Z"})
    assert report.started.microsecond == 0
    report = Report.from_dict({**DOCUMENT, "started": "2001-09-09T01:46:40.25Z"})
    assert report.started.microsecond == 250_000


def test_a_report_is_a_frozen_value() -> None:
    report, same = Report.from_dict(DOCUMENT), Report.from_dict(DOCUMENT)
    assert report == same and hash(report) == hash(same)
    assert pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.errors_total = 0  # type: ignore[misc]


def test_values_show_as_what_makes_them() -> None:
    progress = Progress("copying", 1, 2, 3, 4, 5, 6, 7.5)
    assert eval(repr(progress), dict(vars(efsbackup))) == progress
    counts = efsbackup.Counts(**COUNTS)
    assert eval(repr(counts), dict(vars(efsbackup))) == counts


def test_the_outcomes_are_those_of_the_core() -> None:
    assert [str(outcome) for outcome in Outcome] == _efsbackup.outcomes()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"delete": "yes"}, "delete is True or False, not 'yes'"),
        ({"stop_after": "25m"}, "stop_after is seconds or a timedelta, not '25m'"),
        ({"retries": True}, "retries is a whole number, not True"),
        ({"jobs": 1.5}, "jobs is a text or a whole number, not 1.5"),
        ({"limit_bytes": "50M"}, "limit_bytes is a whole number, not '50M'"),
        ({"fsync": 3}, "fsync is a text, not 3"),
    ],
)
def test_an_option_of_a_wrong_type_is_told_with_its_name(option: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError) as caught:
        efsbackup.mirror("/nowhere", "/nowhere/else", **option)
    assert str(caught.value) == told
    if not {"delete"} & set(option):
        with pytest.raises(TypeError) as caught:
            efsbackup.Repository("/nowhere", name="app").backup("/nowhere", **option)
        assert str(caught.value) == told
