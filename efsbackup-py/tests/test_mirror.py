"""Mirroring real trees."""

from __future__ import annotations

import inspect
import os
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import ODD

import efsbackup
from efsbackup import Outcome, _options


def test_everything_is_copied_and_counted(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    report = efsbackup.mirror(source, copy)
    assert report.outcome is Outcome.COMPLETE
    assert report.entries.scanned.total == 7
    assert report.entries.created == efsbackup.Counts(
        file=2, dir=2, symlink=1, hardlink=1, special=1
    )
    assert report.bytes == efsbackup.Bytes(scanned=8, copied=8, linked=0)
    assert report.errors == () and report.options == ()
    assert report.version == efsbackup.__version__
    assert report.started.tzinfo is not None
    assert timedelta(0) <= report.finished - report.started < timedelta(minutes=5)

    assert (copy / "linked").samefile(copy / "sub" / "file")
    assert os.readlink(copy / "pointer") == "no such target"
    assert (copy / "fifo").is_fifo()
    with open(os.path.join(os.fsencode(copy), ODD), "rb") as file:
        assert file.read() == b"odd"


def test_paths_are_given_in_any_form(source: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/copy\xff"
    for destination in (odd, os.fsdecode(odd), Path(os.fsdecode(odd))):
        efsbackup.mirror(os.fsencode(source), destination)
    assert sorted(os.listdir(odd)) == sorted(os.listdir(os.fsencode(source)))


def test_what_is_no_path_is_refused(source: Path) -> None:
    with pytest.raises(TypeError, match="int"):
        efsbackup.mirror(source, 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="null byte"):
        efsbackup.mirror(source, "a\0b")
    with pytest.raises(TypeError, match="link_dest"):
        efsbackup.mirror(source, "copy", link_dest="one")


def test_extraneous_entries_go_only_when_asked(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    efsbackup.mirror(source, copy)
    (copy / "extra").write_text("extra")
    assert efsbackup.mirror(source, copy).entries.deleted.total == 0
    report = efsbackup.mirror(source, copy, delete=True, dry_run=True)
    assert report.entries.deleted.file == 1
    assert (copy / "extra").exists()
    report = efsbackup.mirror(source, copy, delete=True)
    assert report.entries.deleted.file == 1
    assert report.options == ("--delete",)
    assert not (copy / "extra").exists()


def test_equal_files_are_linked(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    efsbackup.mirror(source, first)
    report = efsbackup.mirror(source, second, link_dest=[first])
    assert report.entries.linked.file == 2
    assert report.bytes.copied == 0 and report.bytes.linked == 8
    assert (first / "sub" / "file").samefile(second / "sub" / "file")


def test_the_first_rule_that_matches_decides(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    report = efsbackup.mirror(source, copy, filter=["+ /sub/", b"+ f*", "*"])
    assert sorted(os.listdir(copy)) == ["fifo", "sub"]
    assert os.listdir(copy / "sub") == ["file"]
    assert report.options == ("--include=/sub/", "--include=f*", "--exclude=*")
    (copy / "protected").touch()
    efsbackup.mirror(source, copy, filter=["prot*"], delete=True)
    assert (copy / "protected").exists()


def test_wrong_rules_are_named(source: Path) -> None:
    with pytest.raises(efsbackup.InvalidInputError, match=r'"\[a"'):
        efsbackup.mirror(source, "copy", filter=["[a"])
    with pytest.raises(TypeError, match="filter"):
        efsbackup.mirror(source, "copy", filter="*.o")


def test_a_withheld_deletion_raises_unless_unchecked(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    efsbackup.mirror(source, copy)
    (copy / "extra").write_text("extra")
    with pytest.raises(efsbackup.IncompleteError) as caught:
        efsbackup.mirror(source, copy, delete=True, max_delete=0)
    assert caught.value.kind is efsbackup.ErrorKind.INCOMPLETE
    assert caught.value.report is not None
    assert caught.value.report.outcome is Outcome.WITHHELD
    report = efsbackup.mirror(source, copy, delete=True, max_delete=0, check=False)
    assert report.outcome is Outcome.WITHHELD
    assert (copy / "extra").exists()


def test_an_entry_that_fails_is_told_with_its_bytes(source: Path, tmp_path: Path) -> None:
    # Even root cannot replace a directory that is not empty where nothing may be removed.
    copy = os.fsencode(tmp_path / "copy")
    os.makedirs(os.path.join(copy, ODD, b"in the way"))
    report = efsbackup.mirror(source, copy, check=False)
    assert report.outcome is Outcome.PARTIAL
    assert report.errors_total == 1
    (error,) = report.errors
    assert os.fsencode(error.path) == ODD
    assert "odd\\xff\\n name" in str(error)
    assert (Path(os.fsdecode(copy)) / "sub" / "file").read_text() == "hello"


def test_guards_refuse(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(efsbackup.SafetyStopError):
        efsbackup.mirror(tmp_path / "empty", tmp_path / "copy", delete=True)
    efsbackup.mirror(tmp_path / "empty", tmp_path / "copy", delete=True, allow_empty=True)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"max_delete": "101%"}, "max_delete"),
        ({"max_delete": "many"}, "max_delete"),
        ({"jobs": 0}, "jobs"),
        ({"jobs": "all"}, "jobs"),
        ({"limit_bytes": 0}, "limit_bytes"),
        ({"limit_ops": -1}, "limit_ops"),
        ({"in_place": True, "strict": True}, "in_place"),
        ({"fsync": "often"}, "fsync"),
        ({"stop_after": -1.0}, "stop_after"),
        ({"stop_after": timedelta(seconds=-1)}, "stop_after"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], name: str) -> None:
    with pytest.raises(efsbackup.InvalidInputError, match=name):
        efsbackup.mirror("/nonexistent", "/nonexistent", **options)  # type: ignore[arg-type]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="remove"):
        efsbackup.mirror("a", "b", remove=True)  # type: ignore[call-arg]


def test_every_call_has_the_same_defaults() -> None:
    defaults = {**_options._DEFAULTS, **_options._SNAPSHOT_DEFAULTS}
    compared = 0
    for call in (efsbackup.mirror, efsbackup.Repository.backup, efsbackup.Repository.restore):
        for name, parameter in inspect.signature(call).parameters.items():
            if name in defaults:
                default = parameter.default
                assert (list(default) if default == () else default) == defaults[name], name
                compared += 1
    assert compared > 40


def test_options_reach_the_core(source: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    report = efsbackup.mirror(
        source,
        tmp_path / "copy",
        delete=True,
        checksum=True,
        filter=["- *.tmp"],
        one_file_system=True,
        xattrs=False,
        acls=False,
        hard_links=False,
        owner=False,
        specials=False,
        max_delete="10%",
        allow_empty=True,
        strict=True,
        stop_after=timedelta(days=1, hours=1),
        jobs=2,
        limit_bytes=1 << 30,
        limit_ops=10**9,
        fsync="files",
        retries=0,
        link_dest=[tmp_path / "none"],
        max_links=100,
    )
    assert report.entries.created.special == 0
    assert report.entries.created.hardlink == 0
    assert " ".join(report.options) == (
        "--delete --checksum --one-file-system --no-xattrs --no-acls --no-hard-links --no-owner "
        "--no-specials --allow-empty --strict --max-delete=10% --stop-after=90000s --jobs=2 "
        "--limit-bytes=1073741824 --limit-ops=1000000000 --fsync=files --retries=0 "
        f"--max-links=100 --link-dest={tmp_path / 'none'} --exclude=*.tmp"
    )


def test_in_place_keeps_the_file_and_replaces_its_content(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_text("new content")
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "file"
    copy.write_text("old")
    before = copy.stat().st_ino
    efsbackup.mirror(tmp_path / "source", tmp_path / "copy", in_place=True)
    assert copy.read_text() == "new content"
    assert copy.stat().st_ino == before
