"""Makes the trees to measure with, each the same for the same seed and scale.

Beside each tree goes the list of its names that floor.c reads.
"""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

MODES = (0o644, 0o644, 0o644, 0o640, 0o600, 0o755, 0o444, 0o2755, 0o4755)
OWNERS = (0, 1000, 1001, 65534)
MEDIAN_SIZE, MEAN_SIZE, MAX_SIZE = 1843, 8192, 1 << 20
# Of a lognormal distribution: mean / median = exp(sigma² / 2).
SIGMA = math.sqrt(2 * math.log(MEAN_SIZE / MEDIAN_SIZE))
FILES_A_DIRECTORY = 100
SINCE, UNTIL = 1_000_000_000, 1_700_000_000


class Tree:
    """A tree being made, and the list of what is in it."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.pool = self.random.randbytes(2 * MAX_SIZE)
        self.directories: list[str] = []
        self.entries: list[str] = []
        root.mkdir()

    def directory(self, path: str) -> None:
        os.mkdir(self.root / path)
        self.directories.append(path)

    def file(self, path: str, size: int) -> None:
        at = f"{self.root}/{path}"
        start = self.random.randrange(MAX_SIZE)
        fd = os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, memoryview(self.pool)[start : start + size])
        if os.geteuid() == 0:
            os.chown(fd, self.random.choice(OWNERS), self.random.choice(OWNERS))
        os.chmod(fd, self.random.choice(MODES))
        self.set_time(fd)
        os.close(fd)
        self.entries.append(f"f {path}")

    def empty_file(self, path: str) -> None:
        os.close(os.open(f"{self.root}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        self.entries.append(f"f {path}")

    def symlink(self, path: str, to: str) -> None:
        os.symlink(to, self.root / path)
        self.set_time(self.root / path, follow=False)
        self.entries.append(f"l {path}")

    def hard_link(self, path: str, first: str) -> None:
        os.link(self.root / first, self.root / path)
        self.entries.append(f"h {path}\t{first}")

    def set_time(self, at: int | Path, follow: bool = True) -> None:
        time = self.random.randrange(SINCE, UNTIL) * 10**9 + self.random.randrange(10**9)
        os.utime(at, ns=(time, time), follow_symlinks=follow)

    def close(self) -> int:
        """Dates the directories and writes the list. Returns the number of entries."""
        for path in reversed(self.directories):
            self.set_time(self.root / path)
        names = [f"d {path}" for path in self.directories] + self.entries
        names_of(self.root).write_text("\n".join(names) + "\n")
        return len(names)


def names_of(root: Path) -> Path:
    """Where the list of a tree's names is."""
    return root.with_name(root.name + ".names")


def small_files(root: Path, seed: int, scale: float) -> int:
    """S: 100,000 files on three levels, 1 % symbolic and 0.5 % hard links."""
    tree = Tree(root, seed)
    leaves = max(1, round(100_000 * scale / FILES_A_DIRECTORY))
    wide = math.ceil(leaves ** (1 / 3))
    last = ""
    for leaf in range(leaves):
        top, middle = leaf // wide**2, leaf // wide
        if leaf % wide**2 == 0:
            tree.directory(f"d{top}")
        if leaf % wide == 0:
            tree.directory(f"d{top}/d{middle}")
        path = f"d{top}/d{middle}/d{leaf}"
        tree.directory(path)
        for number in range(FILES_A_DIRECTORY):
            name, kind = f"{path}/file-{number:03}", tree.random.random()
            if kind < 0.01:
                tree.symlink(name, f"file-{(number + 1) % FILES_A_DIRECTORY:03}")
            elif kind < 0.015 and last:
                tree.hard_link(name, last)
                last = ""
            else:
                size = int(tree.random.lognormvariate(math.log(MEDIAN_SIZE), SIGMA))
                tree.file(name, min(size, MAX_SIZE))
                last = name
    return tree.close()


def change(root: Path, seed: int) -> None:
    """Gives every hundredth file of a tree other contents, size and time."""
    source = random.Random(seed)
    for line in names_of(root).read_text().splitlines():
        if line.startswith("f ") and source.random() < 0.01:
            with open(root / line[2:], "ab") as file:
                file.write(source.randbytes(64))


def large_file(root: Path, seed: int, scale: float) -> int:
    """L: one file of 2 GiB of random bytes, and one hole of 4 GiB."""
    tree = Tree(root, seed)
    left = round((2 << 30) * scale)
    with open(root / "random", "wb") as file:
        while left > 0:
            left -= file.write(tree.random.randbytes(min(left, 1 << 24)))
    with open(root / "hole", "wb") as file:
        file.truncate(round((4 << 30) * scale))
    tree.entries += ["f random", "f hole"]
    return tree.close()


def wide_directory(root: Path, seed: int, scale: float) -> int:
    """W: 1,000,000 empty files in one directory."""
    tree = Tree(root, seed)
    for number in range(round(1_000_000 * scale)):
        tree.empty_file(f"file-{number:07}")
    return tree.close()


def many_files(root: Path, seed: int, scale: float) -> int:
    """M: 1,000,000 empty files, 100 a directory, to see how cost and memory grow."""
    tree = Tree(root, seed)
    leaves = max(1, round(1_000_000 * scale / FILES_A_DIRECTORY))
    for leaf in range(leaves):
        if leaf % 100 == 0:
            tree.directory(f"d{leaf // 100}")
        path = f"d{leaf // 100}/d{leaf}"
        tree.directory(path)
        for number in range(FILES_A_DIRECTORY):
            tree.empty_file(f"{path}/file-{number:03}")
    return tree.close()


def nested_directories(root: Path, seed: int, scale: float) -> int:
    """D: 20,000 directories, five in each."""
    tree = Tree(root, seed)
    paths: list[str] = []
    for number in range(round(20_000 * scale)):
        above = f"{paths[(number - 5) // 5]}/" if number >= 5 else ""
        paths.append(f"{above}d{number % 5}")
        tree.directory(paths[-1])
    return tree.close()


MAKERS = {
    "S": small_files,
    "L": large_file,
    "W": wide_directory,
    "D": nested_directories,
    "M": many_files,
}
