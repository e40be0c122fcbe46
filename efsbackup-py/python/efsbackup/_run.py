"""A definition run on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import _times
from ._definition import Definition, assignments
from ._efsbackup import CancelToken
from ._notification import RunNotification
from ._paths import StrOrBytesPath
from ._report import read_time


@dataclass(frozen=True)
class RunInstance:
    """One instance of an activity, a resource, a data node or a precondition."""

    id: str
    """``@<component>_<scheduled start>``."""
    component: str
    """The object's id."""
    status: str
    """Its status, such as ``FINISHED``."""
    attempts: int
    """How many attempts were made."""
    scheduled_start: datetime
    """When its interval begins."""
    actual_start: datetime | None
    """When its first attempt began."""
    actual_end: datetime | None
    """When it ended."""
    error: str | None
    """Why it failed, or the last of its attempts did."""


@dataclass(frozen=True)
class RunReport:
    """What came of a run."""

    outcome: str
    """``finished``, ``failed`` or ``cancelled``."""
    pipeline: str
    """The pipeline's id in the state."""
    instances: tuple[RunInstance, ...]
    """Those that ended during this run or are still open."""
    notifications: tuple[RunNotification, ...]
    """Alarms that fired during this run."""
    log_dir: str
    """Where the logs are."""
    notifications_file: str
    """The file of notifications, one JSON document a line."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> RunReport:
        """Read a document as the command's ``--json`` writes it."""

        def time(text: str | None) -> datetime | None:
            return None if text is None else read_time(text)

        return cls(
            outcome=document["outcome"],
            pipeline=document["pipeline"],
            instances=tuple(
                RunInstance(
                    id=run["id"],
                    component=run["component"],
                    status=run["status"],
                    attempts=run["attempts"],
                    scheduled_start=read_time(run["scheduled_start"]),
                    actual_start=time(run["actual_start"]),
                    actual_end=time(run["actual_end"]),
                    error=run["error"],
                )
                for run in document["instances"]
            ),
            notifications=tuple(RunNotification(**told) for told in document["notifications"]),
            log_dir=document["log_dir"],
            notifications_file=document["notifications_file"],
        )


def run(
    definition: Definition,
    values: Mapping[str, str | Sequence[str]] | None = None,
    *,
    log_dir: StrOrBytesPath,
    name: str = "pipeline",
    state: StrOrBytesPath | None = None,
    once: bool = False,
    until: datetime | str | None = None,
    tasks: int = 2,
    environment: Mapping[str, str] | None = None,
    cancel: CancelToken | None = None,
) -> RunReport:
    """Run a definition on this machine: its schedule, its scripts, its alarms.

    It goes on until everything is over, ``until`` has come, ``cancel`` is called or Ctrl-C
    raises ``KeyboardInterrupt``. Scripts that run then are ended; without ``once`` the next run
    with the same ``state`` goes on with them. The interpreter is free for other threads.

    Args:
        definition: What to run.
        values: By the names of parameters; several values make a list.
        log_dir: Where logs and notifications go.
        name: The pipeline's name in the state.
        state: The file that keeps the state, on a local disk; else it goes with the run.
        once: Make one run now, whatever the schedule says, then stop.
        until: Take no task from this time on, finish those in hand, then stop.
        tasks: How many tasks run at the same time.
        environment: More variables for the scripts, whose environment is small otherwise.
        cancel: Lets another thread stop the run.

    Returns:
        What came of it. A script that fails is no exception, but an outcome.

    Raises:
        NotFoundError: A value is given to an unknown parameter.
        UnresolvedParameterError: A parameter has no value.
        DefinitionError: The definition has errors, or can't be run on this machine.

    Example:
        >>> import tempfile
        >>> definition = Definition.parse('''{"objects": [
        ...   {"id": "Default", "scheduleType": "ondemand"},
        ...   {"id": "Hello", "type": "ShellCommandActivity", "workerGroup": "here",
        ...    "command": "echo hello $WHO"}
        ... ]}''')
        >>> report = run(definition, log_dir=tempfile.mkdtemp(), once=True,
        ...              environment={"WHO": "world"})
        >>> report.outcome, [(run.component, run.status) for run in report.instances]
        ('finished', [('Hello', 'FINISHED')])
    """
    options = {
        "name": name,
        "log_dir": log_dir,
        "state": state,
        "once": once,
        "until": _times.written("until", until),
        "tasks": tasks,
        "environment": list((environment or {}).items()),
    }
    document = definition._native.run(assignments(values), options, cancel)
    return RunReport.from_dict(json.loads(document))
