"""Results as values: each survives pickle, and shows itself as it can be typed."""

from __future__ import annotations

import dataclasses
import pickle
import typing
from pathlib import Path

import pytest

import efsbackup
from efsbackup import CancelToken, Definition, Repository, Service

TEXT = """{"objects": [
  {"id": "Default", "schedule": {"ref": "Hourly"}, "failureAndRerunMode": "CASCADE"},
  {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startDateTime": "2026-03-01T00:00:00"},
  {"id": "Topic", "type": "SnsAlarm", "topicArn": "arn:aws:sns:us-east-1:123456789012:t",
   "role": "r", "subject": "s", "message": "m"},
  {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "command": "exit 1",
   "maximumRetries": "0", "onFail": {"ref": "Topic"}}]}"""

ON_DEMAND = TEXT.replace('"failureAndRerunMode"', '"scheduleType": "ondemand", "failureAndRerunMode"')

ACTIVATED = TEXT.replace(
    '"startDateTime": "2026-03-01T00:00:00"', '"startAt": "FIRST_ACTIVATION_DATE_TIME"'
)


def samples(source: Path, folder: Path) -> list[object]:
    """Results of everything that gives some."""
    definition = Definition.parse(TEXT)
    other = Definition.parse(TEXT.replace("exit 1", "exit #{myStatus}"))
    repository = Repository(folder / "backups", name="values")
    first = repository.backup(source)
    (source / "sub" / "file").write_text("changed")
    second = repository.backup(source)
    assert first.snapshot is not None and second.snapshot is not None
    damaged = Path(repository.snapshot_path(first)) / "sub" / "file"
    damaged.chmod(0o777)
    (folder / "daily.0" / "folder").mkdir(parents=True)
    progress: list[efsbackup.Progress] = []
    (folder / "other" / "linked" / "in the way").mkdir(parents=True)
    with pytest.raises(efsbackup.IncompleteError) as caught:
        efsbackup.mirror(source, folder / "other", progress=progress.append)
    efsbackup.mirror(source, folder / "copy", progress=progress.append)
    service = Service.embedded(folder / "state.db")
    service.apply(service.plan("nightly", Definition.parse(ACTIVATED)), activate=True, patience=5)
    return [
        service.status(),
        service.runs("nightly"),
        service.wait("nightly", "scheduled", patience=10),
        first,
        second,
        progress[-1],
        repository,
        repository.verify(first),
        repository.diff(first, second),
        repository.history("sub/file"),
        repository.restore(second, folder / "restored"),
        repository.prune(keep_last=1, dry_run=True),
        repository.adopt([folder / "daily.0"], dry_run=True),
        definition,
        Definition.parse('{"objects": [{"id": "A"}]}').validate(),
        definition.diff(other),
        other.resolve().unresolved,
        definition.simulate(until="2026-03-01T03:00:00", fail=["Run#1"]),
        efsbackup.run(Definition.parse(ON_DEMAND), log_dir=folder / "logs", once=True),
        caught.value.report,
    ]


def parts(value: object) -> typing.Iterator[object]:
    """A value and all values in it."""
    yield value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from parts(part)


def test_every_public_result_survives_pickle(source: Path, tmp_path: Path) -> None:
    found = samples(source, tmp_path)
    for value in found:
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(value, protocol))
            assert type(again) is type(value) and again == value
    seen = {type(part) for value in found for part in parts(value)}
    public = {name: getattr(efsbackup, name) for name in efsbackup.__all__}
    results = {name for name, value in public.items() if dataclasses.is_dataclass(value)}
    assert {name for name in results if public[name] not in seen} == set()


def test_a_token_stays_in_its_process() -> None:
    with pytest.raises(TypeError, match="CancelToken"):
        pickle.dumps(CancelToken())
