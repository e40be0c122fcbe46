"""How things are copied, as the native module takes it."""

from __future__ import annotations

from datetime import timedelta
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
    return {**_DEFAULTS, **given, "stop_after": stop_after}


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
    snapshot = {name: given.pop(name, value) for name, value in _SNAPSHOT_DEFAULTS.items()}
    unknown = set(given) - (set(_DEFAULTS) - _NOT_FOR_BACKUPS)
    if unknown:
        raise TypeError(f"backup has no option {sorted(unknown)[0]!r}")
    return snapshot, copying(filter=several("filter", filter), **given)
