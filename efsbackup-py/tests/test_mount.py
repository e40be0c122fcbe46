"""Mounting, as far as it goes without a file server; `make test-nfs` has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import efsbackup
from efsbackup import _mount


def test_options_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(efsbackup.InvalidInputError, match="port"):
        efsbackup.mount("nas:/", tmp_path, tls=True, options=["port=2050"])
    with pytest.raises(efsbackup.InvalidInputError, match="address"):
        efsbackup.mount("nas:/", tmp_path, address="nowhere")
    with pytest.raises(efsbackup.InvalidInputError, match="timeout"):
        efsbackup.mount("nas:/", tmp_path, timeout=-1.0)
    with pytest.raises(TypeError, match="give a list"):
        efsbackup.mount("nas:/", tmp_path, options="ro")


def test_a_target_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(efsbackup.InvalidInputError):
        efsbackup.mount("no target", tmp_path)


def test_what_cannot_be_mounted_never_enters_the_block(tmp_path: Path) -> None:
    entered = False
    with pytest.raises(efsbackup.NotFoundError) as caught:
        with efsbackup.mounted("127.0.0.1:/", tmp_path / "missing", timeout=1.0):
            entered = True
    assert not entered
    assert caught.value.kind is efsbackup.ErrorKind.NOT_FOUND


def test_a_dry_run_mounts_nothing(tmp_path: Path) -> None:
    assert efsbackup.mount("127.0.0.1:/", tmp_path, dry_run=True)
    assert not os.path.ismount(tmp_path)
    with pytest.raises(efsbackup.InvalidInputError):
        efsbackup.mount("127.0.0.1:/", tmp_path, dry_run=True, tls=True, options=["port=2050"])
    with pytest.raises(efsbackup.EfsBackupError, match="is mounted here already"):
        efsbackup.mount("127.0.0.1:/", "/proc", dry_run=True)


def test_a_cancelled_mount_raises(tmp_path: Path) -> None:
    token = efsbackup.CancelToken()
    token.cancel()
    with pytest.raises(efsbackup.EfsBackupError):
        efsbackup.mount("127.0.0.1:/", tmp_path, timeout=1.0, cancel=token)


def test_only_a_mount_point_is_unmounted(tmp_path: Path) -> None:
    with pytest.raises(efsbackup.NotFoundError, match="nothing is mounted"):
        efsbackup.unmount(tmp_path)


@pytest.mark.parametrize("ours", [True, False])
def test_only_what_the_block_mounted_is_unmounted(
    ours: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unmounted: list[dict[str, object]] = []
    monkeypatch.setattr(_mount, "mount", lambda *_, **__: ours)
    monkeypatch.setattr(_mount, "unmount", lambda _, **how: unmounted.append(how))
    with efsbackup.mounted("nas:/", tmp_path) as directory:
        assert directory == tmp_path and not unmounted
    assert unmounted == ([{}] if ours else [])
    unmounted.clear()
    with pytest.raises(KeyError), efsbackup.mounted("nas:/", tmp_path):
        raise KeyError
    assert unmounted == ([{"lazy": True}] if ours else [])


def test_a_marker_names_one_file_system(tmp_path: Path) -> None:
    efsbackup.mark(tmp_path, "fs-0123456789abcdef0")
    efsbackup.mark(os.fsencode(tmp_path), "fs-0123456789abcdef0")
    with pytest.raises(efsbackup.CopyError, match="already names fs-0123456789abcdef0") as caught:
        efsbackup.mark(tmp_path, "fs-fedcba9876543210f")
    assert caught.value.kind is efsbackup.ErrorKind.ALREADY_EXISTS
    with pytest.raises(efsbackup.InvalidInputError):
        efsbackup.mark(tmp_path, "no id")
