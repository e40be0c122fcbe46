"""docs/filters.md: what it says that a rule does is what the rule does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import pytest
from typed import GUIDES, commands, type_in

import efsbackup

TREE = [
    "a.o", "a.c", "keep.txt", "scratch.tmp", "cache/big", "cache/x.keep", "home/user/file", "logs/audit.log",
    "logs/web/a.log", "node_modules/m", "proc/1", "src/b.c", "src/b.o", "src/cache/kept", "src/home",
    "src/node_modules/n", "src/proc/2", "src/x/node_modules", "sys/3", "tmp/t", "src/tmp",
]  # fmt: skip


def lay(folder: Path, paths: list[str]) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    table = GUIDES["filters.md"].read_text().split(heading, 1)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


TAKES_PART: dict[str, Callable[[str], bool]] = {
    "all but object files": lambda path: not path.endswith(".o"),
    "all but these two directories at the top": lambda path: not path.startswith(("proc/", "sys/")),
    "no directory of that name anywhere": lambda path: "node_modules/" not in path,
    "C files, and all directories": lambda path: path.endswith(".c"),
    "`home` and everything in it, nothing else": lambda path: path.startswith("home/"),
    "everything but the contents of `cache`; the include comes too late": lambda path: (
        not path.startswith("cache/")
    ),
}


def test_the_examples_take_what_they_say(tmp_path: Path) -> None:
    source = lay(tmp_path / "mnt" / "source", TREE)
    examples = rows("| rules | what takes part |")
    assert [told for _, told in examples] == list(TAKES_PART)
    lines = [
        f"efsbackup mirror {rules.strip('`')} /mnt/source /mnt/copy-{number}\n"
        for number, (rules, _) in enumerate(examples)
    ]
    type_in("".join(lines), tmp_path)
    for number, (rules, told) in enumerate(examples):
        copy = tmp_path / "mnt" / f"copy-{number}"
        assert files(copy) == set(filter(TAKES_PART[told], TREE)), rules
        if told.endswith("all directories"):
            assert {path.name for path in copy.iterdir()} >= {p.name for p in source.iterdir() if p.is_dir()}


def test_the_guide_s_commands_leave_out_what_they_say(tmp_path: Path) -> None:
    lay(tmp_path / "mnt" / "source", TREE)
    stays = ["cache/stays", "stays.tmp", "goes"]
    first, second = commands("filters.md").split("\ncat > rules")
    between = "\nmv /mnt/backup /mnt/first\n"
    lay(tmp_path / "mnt" / "backup", stays)
    type_in(f"{first}{between}cat > rules{second}", tmp_path)
    kept = {path for path in TREE if not path.endswith(".tmp") and not path.startswith("cache/")}
    assert files(tmp_path / "mnt/first") == {*kept, "cache/stays", "stays.tmp"}
    kept = {path for path in TREE if path != "logs/web/a.log" and not path.startswith("tmp/")}
    assert files(tmp_path / "mnt/backup") == kept


def excluded(rule: str, path: str, folder: Path) -> bool:
    """Whether a rule leaves this one path out, which is a directory if it ends with a slash."""
    place = folder / f"{len(list(folder.iterdir()))}"
    source = place / "source"
    (source / path if path.endswith("/") else (source / path).parent).mkdir(parents=True)
    if not path.endswith("/"):
        (source / path).touch()
    efsbackup.mirror(source, place / "copy", filter=[rule])
    return not (place / "copy" / path).exists()


MATCHES = [
    (pattern.strip("`"), path, "not" not in told)
    for example in (row[2] for row in rows("| the pattern | is compared with | example |"))
    for pattern, rest in [example.split(" matches ")]
    for told in rest.split(", ")
    for path in re.findall("`([^`]+)`", told)
]
ENDINGS = [
    ("tmp/", "tmp/", True), ("tmp/", "a/tmp/", True), ("tmp/", "tmp", False),
    ("tmp/***", "tmp/", True), ("tmp/***", "tmp/a/b", True),
    ("tmp/**", "tmp/", False), ("tmp/**", "tmp/a/b", True),
    ("**/a", "a", True), ("x/**/a", "x/a", False), ("x/**/a", "x/y/a", True),
]  # fmt: skip
OF_CLASSES = [
    ("*", "a", True), ("a*b", "a/b", False), ("/a**b", "a/x/b", True), ("a?", "ab", True), ("a?", "aé", False),
    ("a??", "aé", True), ("[xyz]", "y", True), ("[!a-z]", "b", False), ("[^a-z]", "B", True),
    ("[[:digit:]]", "7", True), ("[[:digit:]]", "x", False), (r"a\*?", "a*b", True), (r"a\*?", "axb", False),
    (r"a\b", r"a\b", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES + ENDINGS + OF_CLASSES)
def test_a_pattern_matches_as_the_guide_says(pattern: str, path: str, matches: bool, tmp_path: Path) -> None:
    assert excluded(pattern, path, tmp_path) is matches


def test_one_file_of_a_directory_is_kept(tmp_path: Path) -> None:
    assert "`--include /a/keep --exclude '/a/*'`" in GUIDES["filters.md"].read_text()
    source = lay(tmp_path / "source", ["a/keep", "a/other", "b"])
    efsbackup.mirror(source, tmp_path / "copy", filter=["+ /a/keep", "/a/*"])
    assert files(tmp_path / "copy") == {"a/keep", "b"}
    efsbackup.mirror(source, tmp_path / "none", filter=["+ /a/keep", "/a/"])
    assert files(tmp_path / "none") == {"b"}, "a directory that is left out is not entered"


def test_a_pattern_that_can_never_match_is_an_error(tmp_path: Path) -> None:
    for pattern in ("a[b", "*\\"):
        with pytest.raises(efsbackup.InvalidInputError) as refused:
            efsbackup.mirror(lay(tmp_path / "source", ["a"]), tmp_path / "copy", filter=[pattern])
        assert pattern in str(refused.value)
