"""How things are copied, as the native module takes it."""

from __future__ import annotations

from datetime import timedelta
from numbers import Integral, Real
from typing import Any

from ._paths import several

_DEFAULTS: dict[str, Any] = {
    "delete": False,
    "checksum": False,
    "size_only": False,
    "in_place": False,
    "dry_run": False,
    "filter": [],
    "one_file_system": False,
    "xattrs": True,
    "acls": True,
    "hard_links": True,
    "owner": True,
    "specials": True,
    "max_delete": "50%",
    "allow_empty": False,
    "strict": False,
    "stop_after": None,
    "jobs": "auto",
    "limit_bytes": None,
    "limit_ops": None,
    "fsync": "auto",
    "retries": 3,
    "link_dest": [],
    "max_links": None,
    "fresh": False,
    "stale_from_link_dest": False,
}


def copying(*, stop_after: float | timedelta | None = None, **given: Any) -> dict[str, Any]:
    """All options, with the defaults for those that are not given."""
    if isinstance(stop_after, timedelta):
        stop_after = stop_after.total_seconds()
    return _checked(_DEFAULTS, {**given, "stop_after": stop_after})


_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "True or False"),
    int: ((Integral,), "a whole number"),
    str: ((str, Integral), "a text or a whole number"),
}
"""By the type of its default: what an option may be."""
_OTHERS: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("limit_bytes", "limit_ops", "max_links"), _KINDS[int]),
    **dict.fromkeys(
        ("fsync", "timezone", "expect_id", "expect_destination_id", "run_id"), ((str,), "a text")
    ),
    "stop_after": ((Real,), "seconds or a timedelta"),
}


def _checked(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The options with the defaults of those that are not given; one of another type is refused."""
    for name, value in given.items():
        default = defaults[name]
        kind = _OTHERS.get(name) or _KINDS.get(type(default))
        if kind is None or (value is None and default is None):
            continue
        types, told = kind
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError(f"{name} is {told}, not {value!r}")
    return {**defaults, **given}


_SNAPSHOT_DEFAULTS: dict[str, Any] = {
    "timezone": "UTC",
    "expect_id": None,
    "expect_destination_id": None,
    "require_existing": False,
    "max_shrink": "50%",
    "accept_clock": False,
    "run_id": None,
    "keep_last": 0,
    "keep_hourly": 0,
    "keep_daily": 0,
    "keep_weekly": 0,
    "keep_monthly": 0,
    "keep_yearly": 0,
}

_NOT_FOR_BACKUPS = {"delete", "in_place", "max_delete", "link_dest", "fresh", "stale_from_link_dest"}


def backup_arguments(
    *, filter: Any = (), **given: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of ``Repository.backup``, as the native module takes them: those of the
    snapshot, and those of the copying."""
    snapshot = {name: given.pop(name) for name in _SNAPSHOT_DEFAULTS if name in given}
    unknown = set(given) - (set(_DEFAULTS) - _NOT_FOR_BACKUPS)
    if unknown:
        raise TypeError(f"backup has no option {sorted(unknown)[0]!r}")
    snapshot = _checked(_SNAPSHOT_DEFAULTS, snapshot)
    return snapshot, copying(filter=several("filter", filter), **given)
