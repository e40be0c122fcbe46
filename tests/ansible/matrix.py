"""What each module that works on files does, step by step; on NFS: matrix.py PLACE FOLDER TARGET OTHER."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from harness import Matrix, Result, run

ODD = b"odd\xff\n name"
OLD = 1_000_000_000


def tree(root: Path) -> Result:
    """Each entry below a folder: its metadata, and the content of files and links."""
    found: Result = {}
    top = os.fsencode(root)
    for folder, _, files in os.walk(top):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            it = os.lstat(path)
            content = b""
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = Path(os.fsdecode(path)).read_bytes()
            # A lock comes and goes in the folder of a repository's own files.
            when = 0 if b"/.efsbackup" in path and os.path.isdir(path) else it.st_mtime_ns
            found[path] = (it.st_mode, it.st_uid, it.st_gid, it.st_nlink, when, content)
    return found


def write(path: Path, text: str, when: int = OLD) -> None:
    path.write_text(text)
    os.utime(path, (when, when))


def make(source: Path) -> None:
    (source / "sub").mkdir(parents=True)
    write(source / "sub" / "a", "first")
    os.link(source / "sub" / "a", source / "linked")
    os.symlink("nowhere", source / "pointer")
    write(source / "left.tmp", "")
    write(Path(os.fsdecode(os.path.join(os.fsencode(source), ODD))), "odd")


def mirrors(folder: Path, *, all_steps: bool = True) -> None:
    source, copy = folder / "source", folder / "copy"
    make(source)
    places = {"source": str(source), "destination": str(copy)}
    matrix = Matrix("efs_mirror", lambda: tree(copy), diff=all_steps, **places)
    made = matrix.repeated("make", filter=["- *.tmp"])
    assert made["report"]["entries"]["created"]["file"] == 2
    if all_steps:
        assert "odd\\#377\\#012 name" in made["diff"]["prepared"], made["diff"]
    write(source / "sub" / "a", "changed", OLD + 1)
    matrix.repeated("another content", filter=["- *.tmp"])
    (source / "linked").unlink()
    removed = matrix.repeated("remove", filter=["- *.tmp"], delete=True)
    assert removed["report"]["entries"]["deleted"]["file"] == 1
    if not all_steps:
        return
    matrix.repeated("a rule less")
    os.chmod(source / "sub", 0o700)
    matrix.repeated("another mode")
    write(source / "sub" / "a", "CHANGED", OLD + 1)
    matrix.step("a content that neither size nor time shows", changed=False)
    matrix.repeated("and with checksum", checksum=True)

    (source / "left.tmp").unlink()
    withheld = run("efs_mirror", {**matrix.common, "delete": True, "max_delete": "0"})
    assert withheld["failed"] and (copy / "left.tmp").exists(), withheld
    for entry in sorted(source.rglob("*"), reverse=True):
        entry.rmdir() if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    refused = matrix.refused("an empty source", delete=True)
    assert refused["kind"] == "safety-stop", refused
    matrix.repeated("an empty source that is meant", delete=True, allow_empty=True)
    assert matrix.refused("no source", source=str(folder / "none"))["kind"] == "not-found"


def snapshots(folder: Path, *, all_steps: bool = True) -> None:
    source, root = folder / "data", folder / "backups"
    make(source)

    def state() -> Result:
        # A list of damaged files is no change: it is noted in check mode too.
        return {path: what for path, what in tree(root).items() if not path.endswith(b".bad")}

    matrix = Matrix("efs_snapshot", state, root=str(root), name="data")
    take: dict[str, Any] = {"source": str(source), "same_diff": False}
    first = matrix.step("take", max_age=3600, **take)["snapshot"]["id"]
    matrix.step("one that is young enough", max_age=3600, changed=False, **take)
    write(source / "sub" / "a", "changed", OLD + 1)
    taken = matrix.step("another", **take)
    second = taken["snapshot"]["id"]
    assert taken["report"]["entries"]["linked"]["file"] == 2
    assert matrix.repeated("remove", state="pruned", keep_last=1)["removed"] == [first]
    if not all_steps:
        return
    assert matrix.step("prove", state="verified", changed=False)["snapshot"]["id"] == second
    matrix.step("prove one", state="verified", snapshot=second, changed=False)
    third = matrix.step("take and remove", keep_last=1, **take)
    assert third["removed"] == [second]
    matrix.refused("a source that is not proved", source=str(source), expect_id="fs-0123456789abcdef0")
    matrix.refused("no repository", source=str(source), name="none", require_existing=True)
    matrix.refused("no such snapshot", state="verified", snapshot="2001-01-01-00-00")
    write(root / "data" / third["snapshot"]["id"] / "sub" / "a", "damaged")
    damaged = matrix.refused("damage", state="verified")
    assert damaged["differences"] == ["linked: content differs", "sub/a: content differs"]


def mounted(path: Path) -> Result:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line: True for line in lines if line.split()[1] == str(path)}


def mounts(path: Path, target: str, other: str) -> None:
    matrix = Matrix("efs_mount", lambda: mounted(path), path=str(path))
    matrix.repeated("mount", target=target, read_only=True)
    assert " ro," in next(iter(mounted(path)))
    matrix.refused("other options", target=target)
    matrix.refused("another server", target=other)
    matrix.repeated("unmount", state="unmounted")
    matrix.repeated("mount with other options", target=target)
    with open(path / "held", "w"):
        gone = run("efs_mount", {"path": str(path), "state": "unmounted", "timeout": 1})
        assert gone.get("failed") and "in use" in gone["msg"], gone
        matrix.repeated("unmount what is in use", state="unmounted", lazy=True, timeout=1)
    matrix.refused("options that exclude each other", target=target, iam=True)


def main() -> None:
    place, folder, target, other = sys.argv[1:]
    mounts(Path(place), target, other)
    mirrors(Path(folder), all_steps=False)
    snapshots(Path(folder), all_steps=False)


if __name__ == "__main__":
    main()
