"""Snapshots: taking, listing, restoring."""

from __future__ import annotations

import os
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import ODD

import efsbackup
from efsbackup import Outcome, Repository, Snapshot, SnapshotState

NAME = "fs-0123456789abcdef0"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "backups", name=NAME)


def test_a_snapshot_is_taken_listed_and_restored(
    repository: Repository, source: Path, tmp_path: Path
) -> None:
    done = repository.backup(source)
    assert done.report.outcome is Outcome.COMPLETE
    assert done.snapshot is not None and done.left_over == ()
    assert done.snapshot.state is SnapshotState.COMPLETE
    assert done.snapshot.entries.total == 7
    assert done.snapshot.new_bytes == done.snapshot.bytes == 8
    assert done.snapshot.time is not None and done.snapshot.time.utcoffset() == timedelta(0)
    assert repository.snapshots() == [done.snapshot]
    assert os.path.isdir(repository.snapshot_path(done))

    report = repository.restore("latest", tmp_path / "restored")
    assert report.outcome is Outcome.COMPLETE and report.entries.created.total == 7
    restored = os.fsencode(tmp_path / "restored")
    with open(os.path.join(restored, ODD), "rb") as file:
        assert file.read() == b"odd"
    assert (tmp_path / "restored" / "linked").samefile(tmp_path / "restored" / "sub" / "file")
    assert not (tmp_path / "restored" / "linked").samefile(
        Path(repository.snapshot_path(done)) / "linked"
    )


def test_the_second_snapshot_stores_nothing_again(repository: Repository, source: Path) -> None:
    first, second = repository.backup(source), repository.backup(source)
    assert second.snapshot is not None and first.snapshot is not None
    assert second.snapshot.new_bytes == 0 and second.snapshot.bytes == 8
    assert second.report.bytes.linked == 8
    assert [each.id for each in repository.snapshots()] == [first.snapshot.id, second.snapshot.id]


def test_what_no_option_keeps_is_removed(repository: Repository, source: Path) -> None:
    first, second = repository.backup(source), repository.backup(source, keep_last=2)
    assert second.removed == ()
    third = repository.backup(source, keep_last=2)
    assert first.snapshot and second.snapshot and third.snapshot
    assert third.removed == (first.snapshot.id,)
    assert repository.snapshots() == [second.snapshot, third.snapshot]


def test_one_directory_is_restored(
    repository: Repository, source: Path, tmp_path: Path
) -> None:
    (snapshot,) = [repository.backup(source).snapshot]
    assert snapshot is not None
    for which in (snapshot, snapshot.id):
        target = tmp_path / f"restored-{type(which).__name__}"
        target.mkdir()
        repository.restore(which, target, paths=["sub"])
        assert os.listdir(target) == ["sub"]
    with pytest.raises(TypeError, match="paths"):
        repository.restore(snapshot, tmp_path / "x", paths="sub")
    with pytest.raises(efsbackup.NotFoundError):
        repository.restore(snapshot, tmp_path / "x", paths=["missing"])


def test_guards_refuse(repository: Repository, source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(efsbackup.SafetyStopError):
        repository.backup(source, require_existing=True)
    with pytest.raises(efsbackup.SafetyStopError):
        repository.backup(tmp_path / "empty")
    with pytest.raises(efsbackup.SafetyStopError):
        repository.backup(source, expect_id=NAME)
    with pytest.raises(efsbackup.NotFoundError):
        repository.snapshots()
    done = repository.backup(source)
    with pytest.raises(efsbackup.SafetyStopError):
        repository.restore(done, source)


def test_a_source_that_shrank_publishes_nothing(
    repository: Repository, source: Path, tmp_path: Path
) -> None:
    repository.backup(source)
    (source / "pointer").unlink()
    with pytest.raises(efsbackup.IncompleteError) as caught:
        repository.backup(source, max_shrink="10%")
    assert caught.value.report is not None
    assert caught.value.report.outcome is Outcome.WITHHELD
    done = repository.backup(source, max_shrink="10%", check=False)
    assert done.snapshot is None
    with pytest.raises(efsbackup.InvalidInputError, match="no snapshot"):
        repository.restore(done, tmp_path / "restored")
    assert len(repository.snapshots()) == 1


def test_wrong_arguments_are_named(repository: Repository, source: Path, tmp_path: Path) -> None:
    with pytest.raises(efsbackup.InvalidInputError, match="Mars"):
        repository.backup(source, timezone="Mars/Olympus")
    with pytest.raises(efsbackup.InvalidInputError, match="max_shrink"):
        repository.backup(source, max_shrink="half")
    with pytest.raises(efsbackup.InvalidInputError, match="name"):
        Repository(tmp_path, name="../elsewhere")


def test_backups_of_one_run_share_the_repository(repository: Repository, source: Path) -> None:
    joined: list[efsbackup.BackupReport] = []

    def meanwhile(_: efsbackup.Progress) -> None:
        if not joined:
            joined.append(repository.backup(source, run_id="shards"))

    # Slow enough to be at work still when progress is first told.
    joined.append(repository.backup(source, run_id="shards", limit_ops=30, progress=meanwhile))
    assert len(repository.snapshots()) == 2
    # Only the last one out tidies up.
    assert sorted(len(done.left_over) for done in joined) == [0, 1]
    with pytest.raises(efsbackup.InvalidInputError, match="run's id"):
        repository.backup(source, run_id="no/id")


def test_the_only_repository_is_found(repository: Repository, source: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Repository(repository.root)
    repository.backup(source)
    assert Repository(repository.root) == repository
    Repository(repository.root, name="other").backup(source)
    with pytest.raises(efsbackup.InvalidInputError, match="other"):
        Repository(repository.root)


def test_repositories_and_snapshots_are_values(repository: Repository, source: Path) -> None:
    assert eval(repr(repository), dict(vars(efsbackup))) == repository
    assert pickle.loads(pickle.dumps(repository)) == repository
    done = repository.backup(source)
    assert pickle.loads(pickle.dumps(done)) == done
    assert efsbackup.BackupReport.from_dict(done.to_dict()) == done
    assert done.snapshot is not None
    assert Snapshot.from_dict(done.snapshot.to_dict()) == done.snapshot


def test_progress_and_cancelling_work_as_in_mirror(repository: Repository, many: Path) -> None:
    seen: list[int] = []
    repository.backup(many, progress=lambda progress: seen.append(progress.entries))
    assert seen[-1] == 40 * 251 + 1
    token = efsbackup.CancelToken()
    token.cancel()
    with pytest.raises(efsbackup.CancelledError):
        repository.backup(many, cancel=token)
    assert len(repository.snapshots()) == 1


def test_what_changed_is_told_and_what_rotted_is_found(
    repository: Repository, source: Path, tmp_path: Path
) -> None:
    first = repository.backup(source)
    (source / "new").write_text("new")
    second = repository.backup(source)
    changes = {change.path: change.change for change in repository.diff(first, second)}
    assert changes == {b"": "changed", b"new": "added"}
    (source / "newer").write_text("")
    beside = repository.diff(second, directory=source)
    assert [change.path for change in beside if change.path] == [b"newer"]
    with pytest.raises(efsbackup.InvalidInputError):
        repository.diff(first)
    versions = repository.history("new")
    assert [(version.known, version.there) for version in versions] == [(True, False), (True, True)]
    assert versions[1].size == 3

    good = repository.verify(second)
    assert good.good and good.contents_compared and not good.differences
    rotten = Path(repository.snapshot_path(second)) / "new"
    status = rotten.stat()
    rotten.write_text("nEw")
    os.utime(rotten, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = repository.verify(second)
    assert not found.good
    difference = found.differences[0]
    assert (difference.path, difference.kind, difference.repaired) == (b"new", "corrupted", False)
    repaired = repository.verify(second, repair_from=source)
    assert repaired.good and repaired.repaired == 1 and repaired.differences[0].repaired
    assert repository.verify(second).differences == ()


def test_a_restore_in_place_can_be_undone(
    repository: Repository, source: Path, tmp_path: Path
) -> None:
    (source / "kept.conf").write_text("old")
    done = repository.backup(source)
    (source / "kept.conf").write_text("edited")
    with pytest.raises(efsbackup.SafetyStopError, match="in-place"):
        repository.restore(done, source)
    report = repository.restore(done, source, in_place=True)
    assert (source / "kept.conf").read_text() == "old"
    assert report.undo is not None and report.undo.state is efsbackup.SnapshotState.UNDO
    assert efsbackup.RestoreReport.from_dict(report.to_dict()) == report
    repository.restore(report.undo, source, in_place=True)
    assert (source / "kept.conf").read_text() == "edited"
    repository.restore(done, tmp_path / "some", paths=["*.conf"])
    assert [path.name for path in (tmp_path / "some").iterdir()] == ["kept.conf"]


def test_more_than_half_is_never_lost_unasked(repository: Repository, tmp_path: Path) -> None:
    many, few = tmp_path / "many", tmp_path / "few"
    for folder, count in ((many, 150), (few, 50)):
        folder.mkdir()
        for number in range(count):
            (folder / str(number)).touch()
    repository.backup(many)
    done = repository.backup(few, check=False)
    assert done.report.outcome is Outcome.WITHHELD and done.snapshot is None
    few_only = repository.backup(few, max_shrink="100%").snapshot
    assert few_only is not None
    restored = repository.restore(few_only, many, delete=True, check=False)
    assert restored.outcome is Outcome.WITHHELD and len(list(many.iterdir())) == 150


def test_folders_are_adopted_and_pruned(repository: Repository, tmp_path: Path) -> None:
    for day in (1, 2):
        folder = tmp_path / f"2026-01-0{day}"
        folder.mkdir()
        (folder / "f").write_text(str(day))
    folders = sorted(tmp_path.glob("2026-*"))
    planned = repository.adopt(folders, dry_run=True)
    assert planned[0].snapshot is None and folders[0].exists()
    adopted = repository.adopt(folders)
    assert [one.id for one in adopted] == [one.id for one in planned]
    assert adopted[0].id == "2026-01-01-00-00" and adopted[0].time_from == "name"
    assert all(repository.verify(one.id).good for one in adopted)
    decided = repository.prune(keep_last=1, dry_run=True)
    assert [decision.keep for decision in decided.decisions] == [False, True]
    for rule in ("last", "hourly", "daily", "weekly", "monthly", "yearly"):
        decided = repository.prune(**{f"keep_{rule}": 1}, dry_run=True)  # type: ignore[arg-type]
        assert list(decided.decisions[-1].reasons) == ["last complete", rule]
    assert repository.prune(keep_last=1).removed == (adopted[0].id,)
