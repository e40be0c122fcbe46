"""The vectors of tests/vectors, which Rust and C run too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import efsbackup
from efsbackup import Definition, DefinitionChange, EfsBackupError

FOLDER = Path(__file__).parents[2] / "tests" / "vectors"
FORMS = ["cli", "api", "cfn-yaml", "cfn-json", "terraform", "terraform-json"]
Case = dict[str, Any]


def vectors(name: str) -> dict[str, Any]:
    with open(FOLDER / name, encoding="utf-8") as file:
        read: dict[str, Any] = json.load(file)
    return read


def assignments(case: Case) -> list[str]:
    given = case.get("values")
    return given if isinstance(given, list) else []


def cases(name: str) -> list[Any]:
    """Every case but those of what Python has no name for: values that are no assignments."""
    whole = vectors(name)
    found = [
        pytest.param(whole, case, id=case.get("name", case.get("text")))
        for case in whole["cases"]
        if all("=" in value for value in assignments(case))
    ]
    assert len(found) > 3
    return found


def parse(document: Any) -> Definition:
    return Definition.parse(json.dumps(document))


def check_failure(case: Case, error: EfsBackupError) -> None:
    assert str(error.kind) == case.get("fails")
    assert case.get("says", "") in str(error)


@pytest.mark.parametrize(("whole", "case"), cases("validation.json"))
def test_validation(whole: Case, case: Case) -> None:
    objects = [] if case.get("alone") else list(whole["base"])
    document = {"objects": objects + case.get("objects", [])}
    document |= {key: case[key] for key in ("parameters", "values") if key in case}
    findings = parse(document).validate()
    found = [str(finding).partition(": ")[0] for finding in findings]
    assert sorted(found) == sorted(case["findings"])
    assert any(case.get("says", "") in finding.text for finding in findings) or not findings


def test_each_code_says_what_its_file_says() -> None:
    files = sorted((FOLDER / "validation").glob("*.json"))
    assert len(files) > 50
    for file in files:
        findings = Definition.load(file).validate()
        expected = file.with_suffix(".txt").read_text(encoding="utf-8")
        assert "".join(f"{finding}\n" for finding in findings) == expected, file.name


@pytest.mark.parametrize(("whole", "case"), cases("formats.json"))
def test_conversion(whole: Case, case: Case) -> None:
    definition = parse(case["definition"])
    for form in FORMS:
        fold = case.get("fold", False)
        if form in case["forms"]:
            assert definition.to(form, fold_arguments=fold) == "\n".join(case["forms"][form]) + "\n"
        else:
            with pytest.raises(efsbackup.DefinitionError) as caught:
                definition.to(form)
            assert caught.value.kind == "cannot-represent"
            assert case["refused"][form] in str(caught.value)


def values(case: Case) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for value in case["values"]:
        name, _, text = value.partition("=")
        given.setdefault(name, []).append(text)
    return given


@pytest.mark.parametrize(("whole", "case"), cases("resolution.json"))
def test_resolution(whole: Case, case: Case) -> None:
    definition = parse(whole["definitions"][case["definition"]])
    try:
        resolved = definition.resolve(values(case), at=case.get("at"))
    except EfsBackupError as error:
        check_failure(case, error)
        return
    ids = [each["id"] for each in whole["definitions"][case["definition"]]["objects"]]
    changes = definition.diff(resolved)
    changed = {
        change.place: list(change.new) for change in changes if change.place.split(".")[0] in ids
    }
    assert changed == case["resolved"]
    left = [f"{left.object}.{left.field} {left.name}" for left in resolved.unresolved]
    assert left == case["unresolved"]


def nameable(case: Case) -> bool:
    """Whether it names nothing but parameters that are no secrets."""
    return "node." not in case["text"] and "#{*" not in case["text"]


def test_expressions() -> None:
    whole = vectors("expressions.json")
    scope = {name: value for name, value in whole["scope"].items() if name.startswith("my")}
    plain = {
        name: value["time"] if isinstance(value, dict) else value for name, value in scope.items()
    }
    parameters = [
        {"id": name, "isArray": str(isinstance(value, list)).lower()}
        for name, value in plain.items()
    ]
    tried = list(filter(nameable, whole["cases"]))
    assert len(tried) > 90
    for case in tried:
        objects = [{"id": "X", "text": case["text"]}]
        definition = parse({"objects": objects, "parameters": parameters})
        expected = case.get("partly", case.get("is"))
        if expected is None:
            with pytest.raises(EfsBackupError) as caught:
                definition.resolve(plain)
            check_failure(case, caught.value)
        else:
            changes = definition.diff(definition.resolve(plain))
            texts = {change.place: change.new for change in changes}
            assert ",".join(texts.get("X.text", [case["text"]])) == expected, case["text"]


def shown(value: Any) -> str:
    return value if isinstance(value, str) else f"→ {value['ref']}"


@pytest.mark.parametrize(("whole", "case"), cases("diff.json"))
def test_differences(whole: Case, case: Case) -> None:
    expected = [
        DefinitionChange(
            change["id"] + (f".{change['key']}" if "key" in change else ""),
            tuple(shown(value) for value in change["old"]),
            tuple(shown(value) for value in change["new"]),
            (change["change"] != "added", change["change"] != "removed"),
        )
        for change in case["changes"]
    ]
    assert parse(case["old"]).diff(parse(case["new"])) == expected


@pytest.mark.parametrize(("whole", "case"), cases("simulation.json"))
def test_simulation(whole: Case, case: Case) -> None:
    takes = case.get("takes", ["1m"])
    try:
        played = parse(whole["definition"]).simulate(
            until=case.get("until"), takes=takes[0], fail=case.get("fail", [])
        )
    except EfsBackupError as error:
        check_failure(case, error)
        return
    keys = ["component", "scheduledStart", "status", "attempts", "end"]
    assert [[run[key] for key in keys] for run in played.document["instances"]] == case["runs"]
    messages = [
        [told.time.strftime("%Y-%m-%dT%H:%M:%S"), told.event, told.subject]
        for told in played.messages
    ]
    assert messages == case["messages"]


def make(spec: list[Any] | None, root: Path) -> None:
    if spec is None:
        return
    root.mkdir()
    second = 1_700_000_000
    directories = [root]
    for name, kind, *more in spec:
        path = root / name
        if kind == "dir":
            path.mkdir()
            directories.append(path)
        elif kind == "file":
            path.write_text(more[0])
            time = second + (more[1] if len(more) > 1 else 0)
            os.utime(path, (time, time))
        elif kind == "symlink":
            path.symlink_to(more[0])
        elif kind == "hardlink":
            path.hardlink_to(root / more[0])
        else:
            os.mkfifo(path)
    for directory in reversed(directories):
        os.utime(directory, (second, second))


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.mark.parametrize(("whole", "case"), cases("mirror.json"))
def test_mirrors(whole: Case, case: Case, tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    make(case["source"], source)
    make(case["destination"], destination)
    options = {option: True for option in case["options"]}
    try:
        report = efsbackup.mirror(source, destination, **options)  # type: ignore[arg-type]
    except EfsBackupError as error:
        check_failure(case, error)
    else:
        assert report.outcome == case["outcome"]
        document = report.to_dict()
        entries = {
            what: {kind: count for kind, count in counts.items() if count}
            for what, counts in document["entries"].items()
        }
        assert {what: counts for what, counts in entries.items() if counts} == case["entries"]
        figures = report.bytes
        assert [figures.scanned, figures.copied, figures.linked] == case["bytes"]
    left = case.get("left")
    assert names(destination) == (names(source) if left is None else set(left))
