"""Alarms that fire, in a run or a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RunNotification:
    """An alarm that fired."""

    event: str
    """The field that names the alarm: ``onSuccess``, ``onFail`` or ``onLateAction``."""
    node: str
    """The instance that fired it."""
    action: str
    """The SnsAlarm's id."""
    topic_arn: str
    """Its topic."""
    subject: str
    """Its subject, expressions evaluated."""
    message: str
    """Its message, expressions evaluated."""


@dataclass(frozen=True)
class SimulatedMessage(RunNotification):
    """A message that would go to an SNS topic."""

    time: datetime
    """When."""
    problem: str | None
    """What could not be evaluated, and so stands in the texts as it is written."""
