"""The tree of exceptions."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import pytest

import efsbackup
from efsbackup import EfsBackupError, ErrorKind, _efsbackup
from efsbackup._errors import CLASSES, from_core


def test_the_kinds_are_those_of_the_core() -> None:
    names = [name for name, _ in _efsbackup.error_kinds()]
    assert [str(kind) for kind in ErrorKind] == names
    assert set(CLASSES) == set(ErrorKind)


def test_every_class_is_one_of_ours_and_public() -> None:
    for cls in CLASSES.values():
        assert issubclass(cls, EfsBackupError)
        assert getattr(efsbackup, cls.__name__) is cls


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ErrorKind.NOT_FOUND, FileNotFoundError),
        (ErrorKind.PERMISSION_DENIED, PermissionError),
        (ErrorKind.NO_SPACE, OSError),
        (ErrorKind.INVALID_INPUT, ValueError),
        (ErrorKind.UNRESOLVED_PARAMETER, KeyError),
        (ErrorKind.TIMEOUT, TimeoutError),
    ],
)
def test_pythons_own_exceptions_catch_them(kind: ErrorKind, builtin: type[Exception]) -> None:
    assert issubclass(CLASSES[kind], builtin)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_errors_survive_pickle_and_copy(kind: ErrorKind) -> None:
    error = from_core(str(kind), "open", "open: no: /a\\xff (errno 5)", b"/a\xff", 5, ["cause"])
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error) is CLASSES[kind]
        assert str(again) == str(error) == "open: no: /a\\xff (errno 5)"
        assert (again.kind, again.op, again.path, again.errno) == (kind, "open", "/a\udcff", 5)
        assert again.report is None
        assert getattr(again, "__notes__", None) == getattr(error, "__notes__", None)
    if sys.version_info >= (3, 11):
        assert error.__notes__ == ["caused by: cause"]


def test_a_missing_source_is_a_file_not_found(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as caught:
        efsbackup.mirror(missing, tmp_path / "copy")
    error = caught.value
    assert isinstance(error, efsbackup.NotFoundError)
    assert error.kind is ErrorKind.NOT_FOUND
    assert error.errno == 2
    assert error.path == error.filename == str(missing)
    assert "\n" not in str(error) and str(missing) in str(error)
    assert not (tmp_path / "copy").exists()


def test_an_errors_report_survives_pickle(tmp_path: Path) -> None:
    for name in ("source", "copy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(efsbackup.IncompleteError) as caught:
        efsbackup.mirror(tmp_path / "source", tmp_path / "copy", delete=True, max_delete=0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.report == caught.value.report
    assert again.report.outcome is efsbackup.Outcome.WITHHELD
