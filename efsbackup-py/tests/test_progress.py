"""``progress=True``: a bar."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import efsbackup


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Bar:
    """What is used of tqdm's."""

    made: list[Bar] = []

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.n = 0
        self.text = ""
        self.closed = False
        Bar.made.append(self)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.text = text

    def update(self, count: int) -> None:
        assert count >= 0
        self.n += count


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal as stderr, and neither tqdm nor rich. Called by the test itself: pytest sets
    stderr anew when a test begins."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    for name in ("tqdm", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    return screen


def test_without_a_bar_installed_it_is_a_line(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal(monkeypatch)
    efsbackup.mirror(source, tmp_path / "copy", progress=True)
    assert screen.getvalue().startswith("\r\x1b[Kmirror: ")
    assert "mirror: 7 entries" in screen.getvalue() and "7 written" in screen.getvalue()
    assert screen.getvalue().endswith("\n")
    repository = efsbackup.Repository(tmp_path, name="fs-1")
    repository.backup(source, progress=True)
    assert "backup: 7 entries" in screen.getvalue()


def test_with_tqdm_it_is_tqdms(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal(monkeypatch)
    tqdm = ModuleType("tqdm")
    tqdm.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", tqdm)
    efsbackup.mirror(source, tmp_path / "copy", progress=True)
    bar = Bar.made.pop()
    assert (bar.n, bar.closed, bar.options["file"]) == (7, True, screen)
    assert "7 written" in bar.text and screen.getvalue() == ""


def test_with_rich_it_is_richs(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal(monkeypatch)
    # pip brings one.
    for name in ("rich.progress", "rich.console"):
        module = importlib.import_module(f"pip._vendor.{name}")
        monkeypatch.setitem(sys.modules, name, module)
    efsbackup.mirror(source, tmp_path / "copy", progress=True)
    assert "mirror: 7 entries" in screen.getvalue()


def test_where_nobody_looks_there_is_none(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    efsbackup.mirror(source, tmp_path / "copy", progress=True)
    efsbackup.mirror(source, tmp_path / "copy", progress=False)
    assert capsys.readouterr().err == ""
