"""Times and durations as definitions write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def written(name: str, time: datetime | str | None) -> str | None:
    """``time`` as text in UTC; one without a zone is taken as UTC already."""
    if time is None or isinstance(time, str):
        return time
    if not isinstance(time, datetime):
        raise TypeError(f"{name}: give a datetime, or YYYY-MM-DDTHH:MM:SS")
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def read(text: str) -> datetime:
    """A time as definitions write it."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def duration(value: timedelta | float | str) -> str:
    """A duration with its unit; numbers are seconds."""
    if isinstance(value, str):
        return value
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{round(seconds * 1000)}ms"
