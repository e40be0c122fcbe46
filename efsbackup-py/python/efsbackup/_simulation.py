"""What came of a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import _times
from ._notification import SimulatedMessage


@dataclass(frozen=True)
class SimulatedRun:
    """One instance of an activity, a resource, a data node or a precondition."""

    id: str
    """``@<component>_<scheduled start>``."""
    component: str
    """The object's id."""
    is_activity: bool
    """Whether it is an activity."""
    status: str
    """Its status at the end, such as ``FINISHED``."""
    scheduled_start: datetime
    """When its interval begins."""
    scheduled_end: datetime
    """When its interval ends."""
    start: datetime | None
    """When its first attempt began."""
    end: datetime | None
    """When it ended."""
    attempts: int
    """How many attempts were made."""
    error: str | None
    """Why it failed, or the last of its attempts did."""


@dataclass(frozen=True)
class Simulation:
    """What a definition would do over a span of time."""

    start: datetime
    """When it was activated."""
    until: datetime
    """Up to when it was played."""
    state: str
    """The pipeline's state at the end, such as ``SCHEDULED``."""
    runs: tuple[SimulatedRun, ...]
    """Every instance, the earliest first."""
    messages: tuple[SimulatedMessage, ...]
    """Every message, in the order of sending."""
    resource_hours: dict[str, float]
    """How many hours the machines of each resource ran, by its id."""
    document: dict[str, Any]
    """All of it, with every attempt, as the command's ``--json`` writes it."""

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Simulation:
        """Read a document as the command's ``--json`` writes it."""

        def time(text: str | None) -> datetime | None:
            return None if text is None else _times.read(text)

        return cls(
            start=_times.read(document["from"]),
            until=_times.read(document["until"]),
            state=document["state"],
            runs=tuple(
                SimulatedRun(
                    id=run["id"],
                    component=run["component"],
                    is_activity=run["activity"],
                    status=run["status"],
                    scheduled_start=_times.read(run["scheduledStart"]),
                    scheduled_end=_times.read(run["scheduledEnd"]),
                    start=time(run["start"]),
                    end=time(run["end"]),
                    attempts=run["attempts"],
                    error=run["error"],
                )
                for run in document["instances"]
            ),
            messages=tuple(
                SimulatedMessage(
                    time=_times.read(told["time"]),
                    event=told["event"],
                    node=told["node"],
                    action=told["action"],
                    topic_arn=told["topicArn"],
                    subject=told["subject"],
                    message=told["message"],
                    problem=told["problem"],
                )
                for told in document["messages"]
            ),
            resource_hours={used["component"]: used["hours"] for used in document["resources"]},
            document=document,
        )
