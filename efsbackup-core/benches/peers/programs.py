"""The programs compared: how each does each work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data import names_of

NAME = "bench"
# What a first snapshot is measured beside: the same copy without manifest and digests.
WITHOUT_MANIFEST = "efsbackup mirror"
RSYNC = ["rsync", "-aHAX", "--numeric-ids"]


@dataclass(frozen=True)
class Places:
    """Where a work's trees are."""

    source: Path
    destination: Path
    repository: Path
    """Where snapshots are taken."""
    previous: Path
    """An earlier copy, to take unchanged files from."""
    empty: Path
    scratch: Path

    @classmethod
    def below(cls, root: Path) -> Places:
        """All in one new folder; `empty` and `scratch` are made."""
        names = ("source", "destination", "repository", "previous", "empty", "scratch")
        places = cls(*(root / name for name in names))
        places.empty.mkdir(parents=True)
        places.scratch.mkdir()
        return places


def snapshots(at: Places) -> list[Path]:
    """The snapshots taken so far, the oldest first."""
    folders = (at.repository / NAME).iterdir()
    return sorted(path for path in folders if not path.name.startswith("."))


Command = Callable[[Places], list[list[str]]]


@dataclass(frozen=True)
class Program:
    """One row of the tables."""

    name: str
    executable: str
    commands: dict[str, Command]
    """By work: the command lines that do it, one after the other."""
    times_itself: bool = False
    only_on_disk: bool = False

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("efsbackup")

    def is_installed(self) -> bool:
        return shutil.which(self.executable) is not None


@dataclass(frozen=True)
class Tools:
    """What is built from this repository."""

    efsbackup: str
    floor: str


def rsync(source: Path, destination: Path, *options: str) -> list[str]:
    return [*RSYNC, *options, f"{source}/", f"{destination}/"]


def efsbackup_commands(path: str, *options: str) -> dict[str, Command]:
    def mirror(source: Path, destination: Path, *more: str) -> list[list[str]]:
        quiet = [path, "mirror", "--quiet", "--delete", *options, *more]
        return [[*quiet, str(source), str(destination)]]

    def backup(at: Places) -> list[list[str]]:
        to = [str(at.source), str(at.repository)]
        return [[path, "backup", "--quiet", "--name", NAME, *options, *to]]

    return {
        "copy": lambda at: mirror(at.source, at.destination),
        "link": lambda at: mirror(at.source, at.destination, "--link-dest", str(at.previous)),
        "delete": lambda at: mirror(
            at.empty, at.destination, "--allow-empty", "--max-delete", "100%"
        ),
        "backup": backup,
        "backup again": backup,
        "prune": lambda at: [
            [path, "prune", "--quiet", "--name", NAME, "--keep-last", "1", str(at.repository)]
        ],
    }


def floor_commands(path: str) -> dict[str, Command]:
    def floor(work: str, *sides: str) -> Command:
        return lambda at: [
            [path, work, str(names_of(at.source)), *(str(getattr(at, side)) for side in sides)]
        ]

    link = floor("link", "source", "destination", "previous")
    copy = floor("copy", "source", "destination")
    return {
        "copy": copy,
        "compare": floor("compare", "source", "destination"),
        "link": link,
        "backup": copy,
        "backup again": link,
        "delete": floor("delete", "source", "destination"),
    }


def rsync_commands() -> dict[str, Command]:
    def copy(at: Places) -> list[list[str]]:
        return [rsync(at.source, at.destination, "--delete")]

    def link(at: Places) -> list[list[str]]:
        return [rsync(at.source, at.destination, f"--link-dest={at.previous}")]

    return {
        "copy": copy,
        "backup": copy,
        "link": link,
        "backup again": link,
        "delete": lambda at: [rsync(at.empty, at.destination, "--delete")],
    }


def hard_links_then_rsync(at: Places) -> list[list[str]]:
    return [
        ["cp", "-al", f"{at.previous}/.", str(at.destination)],
        rsync(at.source, at.destination, "--delete"),
    ]


def fpsync(at: Places) -> list[list[str]]:
    options = "-lptgoD -HAX --numeric-ids"
    job = ["fpsync", "-n", "2", "-f", "2000", "-t", str(at.scratch), "-o", options]
    return [[*job, f"{at.source}/", f"{at.destination}/"]]


def rclone(at: Places) -> list[list[str]]:
    job = ["rclone", "sync", "--config", os.devnull, "--quiet", "--links", "--metadata"]
    return [[*job, "--create-empty-src-dirs", str(at.source), str(at.destination)]]


def rsync_without_attributes(at: Places) -> list[list[str]]:
    sides = [f"{at.source}/", f"{at.destination}/"]
    return [["rsync", "-aH", "--numeric-ids", "--delete", *sides]]


def xcp(at: Places) -> list[list[str]]:
    return [["xcp", "-r", "--no-progress", "-T", str(at.source), str(at.destination)]]


def programs(tools: Tools) -> list[Program]:
    """All programs, in the order in which each round runs them."""
    ours = tools.efsbackup
    same = efsbackup_commands(ours, "--fsync", "none")
    plain = efsbackup_commands(ours, "--fsync", "none", "--no-xattrs", "--no-acls")
    return [
        Program("floor", tools.floor, floor_commands(tools.floor), times_itself=True),
        Program("efsbackup", ours, same),
        Program("efsbackup, durable", ours, efsbackup_commands(ours), only_on_disk=True),
        Program("efsbackup --no-xattrs --no-acls", ours, {"copy": plain["copy"]}),
        Program("rsync -aHAX", "rsync", rsync_commands()),
        Program("rsync -aH", "rsync", {"copy": rsync_without_attributes}),
        Program("cp -al, then rsync", "rsync", {"backup again": hard_links_then_rsync}),
        Program(
            "cp -a",
            "cp",
            {"copy": lambda at: [["cp", "-a", f"{at.source}/.", str(at.destination)]]},
        ),
        Program("xcp", "xcp", {"copy": xcp}),
        Program("fpsync", "fpsync", {"copy": fpsync}),
        Program("rclone", "rclone", {"copy": rclone}),
        Program(WITHOUT_MANIFEST, ours, {"backup": same["copy"]}),
        Program(
            "rm -rf",
            "rm",
            {
                "backup": same["backup"],
                "delete": lambda at: [["rm", "-rf", str(at.destination)]],
                "prune": lambda at: [["rm", "-rf", *map(str, snapshots(at)[:-1])]],
            },
        ),
    ]
