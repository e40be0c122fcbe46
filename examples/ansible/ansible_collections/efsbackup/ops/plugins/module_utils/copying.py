# SPDX-License-Identifier: MIT OR Apache-2.0
"""The options of copying, alike in all modules."""

from __future__ import annotations

from ansible_collections.efsbackup.ops.plugins.module_utils.library import given

OPTIONS = {
    "filter": {"type": "list", "elements": "str", "default": []},
    "one_file_system": {"type": "bool", "default": False},
    "checksum": {"type": "bool", "default": False},
    "xattrs": {"type": "bool", "default": True},
    "acls": {"type": "bool", "default": True},
    "hard_links": {"type": "bool", "default": True},
    "owner": {"type": "bool", "default": True},
    "specials": {"type": "bool", "default": True},
    "allow_empty": {"type": "bool", "default": False},
    "strict": {"type": "bool", "default": False},
    "jobs": {"type": "int"},
    "limit_bytes": {"type": "int"},
    "limit_ops": {"type": "int"},
    "fsync": {"type": "str", "choices": ["auto", "none", "files", "end"], "default": "auto"},
}


def options(module):
    """What was given of them, as the library takes it."""
    return given(module, OPTIONS)


def changes(report):
    """How many entries were made, changed, linked or removed, or would be."""
    entries = report.entries
    counts = (entries.created, entries.updated, entries.linked, entries.deleted)
    return sum(count.total for count in counts)
