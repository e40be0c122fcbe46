# SPDX-License-Identifier: MIT OR Apache-2.0
"""How trees are copied, alike in all modules."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  filter:
    description:
      - Rules that say what takes part; the first that matches decides. C(- PATTERN) or
        C(PATTERN) excludes, C(+ PATTERN) includes. Patterns are rsync's.
      - What is excluded stays at the destination.
    type: list
    elements: str
    default: []
  one_file_system:
    description: Leave out what is on other file systems.
    type: bool
    default: false
  checksum:
    description: Compare contents, not size and time.
    type: bool
    default: false
  xattrs:
    description: Preserve extended attributes.
    type: bool
    default: true
  acls:
    description: Preserve POSIX ACLs.
    type: bool
    default: true
  hard_links:
    description: Preserve hard links.
    type: bool
    default: true
  owner:
    description: Preserve owner and group, as far as the user may.
    type: bool
    default: true
  specials:
    description: Preserve fifos, sockets and devices.
    type: bool
    default: true
  allow_empty:
    description: Accept an empty source, which is refused otherwise, as after a failed mount.
    type: bool
    default: false
  strict:
    description: Where a file keeps changing while it is copied, keep the version before.
    type: bool
    default: false
  jobs:
    description: How many threads copy; found from the measured latency unless given.
    type: int
  limit_bytes:
    description: The most bytes of content that may be copied in a second.
    type: int
  limit_ops:
    description: The most system calls on the file systems in a second.
    type: int
  fsync:
    description: When data is made durable.
    type: str
    choices: [auto, none, files, end]
    default: auto
attributes:
  check_mode:
    description: Says what would be changed, and changes nothing.
    support: full
requirements:
  - the Python package efsbackup on the host that it runs on
author:
  - efsbackup contributors (@efsbackup)
"""
