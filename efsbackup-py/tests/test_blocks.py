"""Every block of the guides is run by a test, or says why not.

A block's tag says how: ``sh`` and ``crontab`` are typed, ``python`` and ``c`` are programs that run,
``rust`` documentation tests, ``toml`` and ``yaml`` are read by what takes them, ``text`` is what files
and output look like. What cannot be run has ``<!-- Not run: why. -->`` on the line before it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path
from typing import Callable

import pytest
from typed import GUIDES, ROOT, Block, all_blocks, commands

from efsbackup._efsbackup import main as run

TESTS = {path: path.read_text() for path in [
    *Path(__file__).parent.glob("*.py"), *(ROOT / "tests/nfs/cases").glob("*.sh"),
]}  # fmt: skip
LIBRARY = (ROOT / "efsbackup-core/src/lib.rs").read_text()
C_PROGRAMS = (ROOT / "efsbackup-ffi/tests/c_programs.rs").read_text()


def asked_for(how: str, guide: str) -> bool:
    """Whether a test calls `how` for a guide; cases in shell print its commands by typed.py."""
    calls = [f'{how}("{guide}")'] + ([f'typed.py" {guide}'] if how == "commands" else [])
    return any(call in text for text in TESTS.values() for call in calls)


def compiled(guide: str) -> bool:
    path = GUIDES[guide].relative_to(ROOT)
    return f'#[doc = include_str!("../../{path}")]' in LIBRARY


# Whether a test does for a guide what a tag promises. test_docs.py goes through all guides by itself.
RUN: dict[str, Callable[[str], bool]] = {
    "sh": functools.partial(asked_for, "commands"),
    "crontab": functools.partial(asked_for, "commands"),
    "text": functools.partial(asked_for, "shown"),
    "python": lambda guide: True,
    "toml": lambda guide: True,
    "yaml": lambda guide: True,
    "rust": compiled,
    "rust,no_run": compiled,
    "c": lambda guide: f'"{GUIDES[guide].relative_to(ROOT)}"' in C_PROGRAMS,
}


def fault(block: Block) -> str | None:
    place = f"{block.guide}, line {block.line}:"
    if block.tag not in RUN:
        return f"{place} no test runs blocks of the tag {block.tag!r}"
    if block.why_not is not None:
        return None if len(block.why_not) > 15 else f"{place} it does not say why it is not run"
    return None if RUN[block.tag](block.guide) else f"{place} no test asks for this guide's {block.tag}"


def test_each_block_is_run_or_says_why_not() -> None:
    found = all_blocks()
    fences = sum(len(re.findall("^ *```", path.read_text(), re.MULTILINE)) for path in GUIDES.values())
    assert 2 * len(found) == fences, "a fence is not closed, or not as the others are"
    for path in (ROOT / "examples").rglob("*.md"):
        assert "```" not in path.read_text(), f"{path} is not looked at here"
    print(Counter("not run" if block.why_not else block.tag for block in found))
    assert [fault for fault in map(fault, found) if fault] == []


@pytest.mark.parametrize(
    ("tag", "guide", "why_not", "said"),
    [
        ("", "deploy.md", None, "blocks of the tag ''"),
        ("console", "deploy.md", None, "blocks of the tag 'console'"),
        ("sh", "safety.md", None, "asks for this guide's sh"),
        ("text", "deploy.md", None, "asks for this guide's text"),
        ("rust", "deploy.md", None, "asks for this guide's rust"),
        ("c", "deploy.md", None, "asks for this guide's c"),
        ("sh", "safety.md", "no", "does not say why"),
    ],
)
def test_a_block_that_nothing_runs_is_found(tag: str, guide: str, why_not: str | None, said: str) -> None:
    assert said in str(fault(Block(guide, 1, tag, "new\n", why_not)))


def test_each_library_is_accounted_for() -> None:
    guide = GUIDES["libraries.md"].read_text()
    manifest = (ROOT / "efsbackup-core/Cargo.toml").read_text()
    table = manifest.split("\n[dependencies]\n")[1].split("\n[")[0]
    for library in re.findall(r"^([\w-]+)", table, re.MULTILINE):
        assert re.search(rf"\b{library}\b", guide), f"docs/libraries.md does not say why {library}"


def test_each_example_is_run() -> None:
    """A test, the Makefile or a command of a guide has its name."""
    places = [ROOT / "Makefile", *ROOT.glob("efsbackup-*/tests/*.*"), *ROOT.glob("tests/ansible/*.*")]
    named = "".join([path.read_text() for path in places] + [commands(guide) for guide in GUIDES])
    examples = [path for path in (ROOT / "examples").rglob("*.*") if path.is_file()]
    whole = [path for path in examples if "ansible_collections" not in path.parts]
    modules = [path for path in examples if path.parent.name == "modules" and path.suffix == ".py"]
    assert (len(whole), len(modules)) == (8, 5)
    for path in whole + modules:
        assert path.name in named or f'("{path.stem}"' in named, f"nothing runs {path}"


def test_commands_amid_the_text_have_the_options_that_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    of_a_verb: dict[tuple[str, ...], str] = {}
    for guide, path in GUIDES.items():
        if guide == "format.md":  # the first lines of files begin so, too
            continue
        for line in re.findall(r"`efsbackup ([^`]+)`", path.read_text()):
            words = line.split()
            verb = tuple(words[: 2 if words[0] in ("pipeline", "shard") else 1])
            verb = () if verb[-1].startswith("-") else verb
            if verb not in of_a_verb:
                assert run(["efsbackup", *verb, "--help"]) == 0, f"{guide}: {line}"
                of_a_verb[verb] = capfd.readouterr().out
            known = re.findall(r"--[a-z-]+", of_a_verb[verb])
            assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= set(known), f"{guide}: {line}"
    assert len(of_a_verb) > 15


def test_what_guides_name_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in GUIDES.values():
        text = path.read_text()
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= targets, f"{path.name} names {named - targets}"
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (path.parent / link).exists(), f"{path.name} leads to {link}"
        for name, anchor in re.findall(r"\]\(([\w.-]*)#([^)]+)\)", text):
            headings = re.findall(r"^#+ (.*)$", GUIDES[name or path.name].read_text(), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{path.name} leads to {name}#{anchor}"
