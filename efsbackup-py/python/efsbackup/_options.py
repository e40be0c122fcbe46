"""How things are copied, as the native module takes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
