#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Mounts and unmounts EFS and other NFS file systems."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_mount
short_description: Mount an EFS file system, or any NFS export
version_added: 0.1.0
description:
  - Mounts with the options that AWS recommends for EFS, and gives up after O(timeout) whatever the
    server does.
  - The same mount, there already, is left as it is. Nothing is mounted over anything else.
options:
  path:
    description: The directory to mount it on. It must exist.
    type: path
    required: true
  target:
    description: A file system's id (or C(FS-ID:/PATH)), C(HOST:/PATH) or C(ADDRESS:/PATH).
    type: str
  state:
    description: Whether something is to be mounted there. V(mounted) needs O(target).
    type: str
    choices: [mounted, unmounted]
    default: mounted
  read_only:
    description: Allow no writing.
    type: bool
    default: false
  tls:
    description: Encrypt in transit; needs amazon-efs-utils.
    type: bool
    default: false
  iam:
    description: Sign in with the machine's IAM identity; needs O(tls).
    type: bool
    default: false
  access_point:
    description: Mount through this access point; needs O(tls).
    type: str
  az:
    description: The availability zone whose mount target to use.
    type: str
  region:
    description: The region of a file system given by its id.
    type: str
  address:
    description: The mount target's address, for where no name resolves.
    type: str
  options:
    description: More options, each as after C(mount -o).
    type: list
    elements: str
    default: []
  timeout:
    description: After how many seconds to give up.
    type: float
    default: 30
  lazy:
    description: Where a mount stays in use, take it out of sight; it goes when its last user does.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says whether something would be mounted or unmounted.
    support: full
  diff_mode:
    description: Shows whether something is mounted, before and after.
    support: full
requirements:
  - the Python package efsbackup on the host that it runs on
author:
  - efsbackup contributors (@efsbackup)
"""

EXAMPLES = r"""
- name: Mount what is to be backed up
  efsbackup.ops.efs_mount:
    target: fs-0123456789abcdef0
    region: eu-west-1
    path: /mnt/source
    read_only: true

- name: Unmount it
  efsbackup.ops.efs_mount:
    path: /mnt/source
    state: unmounted
"""

RETURN = r"""
path:
  description: The directory.
  returned: always
  type: str
  sample: /mnt/source
"""

import os
import re

from ansible_collections.efsbackup.ops.plugins.module_utils import library

HOW = ("read_only", "tls", "iam", "access_point", "az", "region", "address", "options", "timeout")


def mount(module):
    return library.efsbackup.mount(
        module.params["target"],
        module.params["path"],
        dry_run=module.check_mode,
        **library.given(module, HOW),
    )


def mount_points():
    """Where something is mounted, asked of the kernel alone: a server may be silent."""
    found = set()
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            found.add(re.sub(r"\\([0-7]{3})", unescaped, line.split()[4]))
    return found


def unescaped(code):
    return chr(int(code[1], 8))


def is_mounted(path):
    parent, name = os.path.split(os.path.abspath(path))
    known = mount_points()
    # The directory itself is looked at only where it is no mount, but may be a link to one.
    return os.path.join(os.path.realpath(parent), name) in known or os.path.realpath(path) in known


def unmount(module):
    path = module.params["path"]
    if not is_mounted(path):
        return False
    if not module.check_mode:
        library.efsbackup.unmount(
            path, lazy=module.params["lazy"], timeout=module.params["timeout"]
        )
    return True


def main():
    module = library.make_module(
        argument_spec={
            "path": {"type": "path", "required": True},
            "target": {"type": "str"},
            "state": {"type": "str", "choices": ["mounted", "unmounted"], "default": "mounted"},
            "read_only": {"type": "bool", "default": False},
            "tls": {"type": "bool", "default": False},
            "iam": {"type": "bool", "default": False},
            "access_point": {"type": "str"},
            "az": {"type": "str"},
            "region": {"type": "str"},
            "address": {"type": "str"},
            "options": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 30},
            "lazy": {"type": "bool", "default": False},
        },
        required_if=[("state", "mounted", ["target"])],
    )
    wanted = module.params["state"]
    with library.failures(module):
        changed = mount(module) if wanted == "mounted" else unmount(module)
    other = {"mounted": "unmounted", "unmounted": "mounted"}[wanted]
    diff = {"before": {"state": other if changed else wanted}, "after": {"state": wanted}}
    module.exit_json(changed=changed, path=module.params["path"], diff=diff)


if __name__ == "__main__":
    main()
