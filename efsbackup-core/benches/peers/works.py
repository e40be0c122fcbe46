"""The works measured: what each begins with, and which programs can do it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs import NAME, WITHOUT_MANIFEST, Places, Program, rsync, snapshots

OURS = ("floor", "efsbackup", "efsbackup, durable")
COPY = (*OURS, "rsync -aHAX", "cp -a")
SNAPSHOT = (*OURS, WITHOUT_MANIFEST, "rsync -aHAX")
COMPARE = ("floor", "efsbackup", "rsync -aHAX")
WITHOUT_ATTRIBUTES = ("efsbackup --no-xattrs --no-acls", "rsync -aH")
MANY_PEERS = ("xcp", "fpsync", "rclone")


@dataclass(frozen=True)
class Work:
    """One kind of run on one kind of tree."""

    title: str
    data: str
    command: str
    prepare: Callable[[Places, Program], None]
    """Makes the destination as it is before each run."""
    who: tuple[str, ...]
    floor: str | None = None
    """What the floor does, where its name differs from `command`."""
    changed: bool = False
    """Whether the source is the tree with 1 % of its files changed."""

    def command_of(self, program: Program) -> str:
        return self.floor if self.floor and program.name == "floor" else self.command


def remove(path: Path) -> None:
    subprocess.run(["rm", "-rf", str(path)], check=True)


def file_system(path: Path) -> str:
    line = ["stat", "-f", "-c", "%T", str(path)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def put_away(path: Path) -> None:
    """Removes a copy; on a disk only together with its data set. For minutes ext4 looks at each
    inode that was deleted before it takes another (recently_deleted in fs/ext4/ialloc.c), and
    whoever comes next would pay for that."""
    if file_system(path.parent) == "tmpfs":
        remove(path)
    elif path.exists():
        path.rename(tempfile.mkdtemp(prefix="old.", dir=path.parent))


def empty(at: Places, _: Program) -> None:
    """No destination to speak of, and no snapshot."""
    put_away(at.repository)
    put_away(at.destination)
    at.destination.mkdir()


def copied(at: Places, _: Program) -> None:
    """The destination holds the source, as it was before it changed."""
    at.destination.mkdir(exist_ok=True)
    subprocess.run(rsync(at.previous, at.destination, "--delete"), check=True)


def one_snapshot(at: Places, program: Program) -> None:
    """A snapshot was taken, where the program takes any. More of them change nothing."""
    put_away(at.destination)
    at.destination.mkdir()
    if program.is_ours and not at.repository.exists():
        for line in program.commands["backup"](at):
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


def many_snapshots(at: Places, program: Program) -> None:
    """Eleven snapshots of a tree that did not change, taken by efsbackup for all programs."""
    put_away(at.repository)
    for _ in range(11):
        for line in program.commands["backup"](at):
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


WORKS = [
    Work("first copy", "S", "copy", empty, (*COPY, *MANY_PEERS, *WITHOUT_ATTRIBUTES)),
    Work("first snapshot", "S", "backup", empty, SNAPSHOT),
    Work(
        "nothing changed",
        "S",
        "copy",
        copied,
        (*OURS, "rsync -aHAX", "fpsync", "rclone", *WITHOUT_ATTRIBUTES),
        floor="compare",
    ),
    Work(
        "1 % changed",
        "S",
        "copy",
        copied,
        ("efsbackup", "efsbackup, durable", "rsync -aHAX", "fpsync", "rclone"),
        changed=True,
    ),
    Work("nothing changed, `--link-dest`", "S", "link", empty, (*OURS, "rsync -aHAX")),
    Work(
        "nothing changed, next snapshot",
        "S",
        "backup again",
        one_snapshot,
        (*OURS, "rsync -aHAX", "cp -al, then rsync"),
    ),
    Work("delete all", "S", "delete", copied, (*OURS, "rsync -aHAX", "rm -rf")),
    Work("remove 10 of 11 snapshots", "S", "prune", many_snapshots, ("efsbackup", "rm -rf")),
    Work("first copy", "L", "copy", empty, (*COPY[1:], "xcp", "rclone")),
    Work("first snapshot", "L", "backup", empty, SNAPSHOT[1:]),
    Work("first copy", "W", "copy", empty, COPY),
    Work("nothing changed", "W", "copy", copied, COMPARE, floor="compare"),
    Work("first copy", "D", "copy", empty, COPY),
    Work("nothing changed", "D", "copy", copied, COMPARE, floor="compare"),
    Work("first copy", "M", "copy", empty, OURS),
    Work("nothing changed", "M", "copy", copied, OURS, floor="compare"),
    Work("first snapshot", "M", "backup", empty, OURS),
    Work("nothing changed, next snapshot", "M", "backup again", one_snapshot, OURS),
]


def result(at: Places, work: Work, program: Program) -> Path:
    """Where the run left its copy."""
    snapshot = program.is_ours and program.name != WITHOUT_MANIFEST
    if work.command == "prune" or (snapshot and work.command.startswith("backup")):
        return snapshots(at)[-1]
    return at.destination


def differences(at: Places, work: Work, program: Program) -> int:
    """How many entries of the copy are not as in the source, as rsync sees it."""
    source = at.empty if work.command == "delete" else at.source
    copy = result(at, work, program)
    copy.mkdir(exist_ok=True)
    line = rsync(source, copy, "--delete", "--dry-run", "--itemize-changes")
    found = subprocess.run(line, check=True, capture_output=True).stdout
    # The root's own time is not worth a line: `rm -rf` has no root to keep.
    return sum(not line.endswith(b" ./") for line in found.splitlines())
