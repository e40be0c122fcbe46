#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes one tree equal to another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_mirror
short_description: Make one tree equal to another
version_added: 0.1.0
description:
  - Makes the contents of O(destination) equal those of O(source), exact as
    C(rsync -aHAX --numeric-ids), on many threads.
  - Both are directories of the host that the module runs on.
options:
  source:
    description: The directory to read.
    type: path
    required: true
  destination:
    description: The directory to change; made if it is missing.
    type: path
    required: true
  delete:
    description: Remove what the source lacks.
    type: bool
    default: false
  size_only:
    description: Take files of equal size as equal in content, whatever their time.
    type: bool
    default: false
  in_place:
    description: Rewrite only the blocks of existing files that differ.
    type: bool
    default: false
  max_delete:
    description:
      - When more would be removed, nothing is. A number of entries, or a share such as C(50%) of the
        destination's entries once it holds over 100.
    type: str
    default: 50%
  link_dest:
    description: Trees on the destination's file system whose equal files are hard-linked.
    type: list
    elements: path
    default: []
extends_documentation_fragment: efsbackup.ops.copying
attributes:
  diff_mode:
    description: Lists each change, as C(rsync --itemize-changes) does; the trees are walked once more for it.
    support: full
"""

EXAMPLES = r"""
- name: Have the same files in the other place
  efsbackup.ops.efs_mirror:
    source: /mnt/source
    destination: /mnt/copy
    delete: true
    filter: ["- *.tmp"]
"""

RETURN = r"""
report:
  description: What the run did, or in check mode would do; as C(efsbackup mirror --json) tells it.
  returned: always
  type: dict
  sample: {"outcome": "complete", "bytes": {"scanned": 5, "copied": 5, "linked": 0}}
"""

import sys

from ansible.module_utils.common.text.converters import to_text
from ansible_collections.efsbackup.ops.plugins.module_utils import copying, library

OPTIONS = {
    "delete": {"type": "bool", "default": False},
    "size_only": {"type": "bool", "default": False},
    "in_place": {"type": "bool", "default": False},
    "max_delete": {"type": "str", "default": "50%"},
    "link_dest": {"type": "list", "elements": "path", "default": []},
    **copying.OPTIONS,
}
SHOWN = 10_000


def run(module, dry_run):
    given = library.given(module, OPTIONS)
    if given["max_delete"].isdigit():
        given["max_delete"] = int(given["max_delete"])
    return library.efsbackup.mirror(
        module.params["source"], module.params["destination"], dry_run=dry_run, **given
    )


def changes_listed(module):
    """The lines of what would be done, as the command lists them."""
    line = [sys.executable, "-m", "efsbackup", "mirror", "--quiet", "--dry-run", "--itemize"]
    for name, spec in OPTIONS.items():
        value, option = module.params[name], name.replace("_", "-")
        if name == "filter":
            for rule in value:
                verb = "include" if rule.startswith("+ ") else "exclude"
                line.append(f"--{verb}={rule.removeprefix('+ ').removeprefix('- ')}")
        elif spec["type"] == "list":
            line += [f"--{option}={item}" for item in value]
        elif spec["type"] != "bool":
            line += [] if value is None else [f"--{option}={value}"]
        elif value != spec["default"]:
            line.append(f"--{option}" if value else f"--no-{option}")
    line += ["--", module.params["source"], module.params["destination"]]
    out = module.run_command(line, encoding=None)[1]
    lines = to_text(out, errors="surrogate_or_replace").splitlines(keepends=True)
    # By path: threads find them in another order each time.
    lines = sorted((line for line in lines if not line[2:11].isspace()), key=lambda line: line[12:])
    left_out = len(lines) - SHOWN
    return "".join(lines[:SHOWN]) + (f"and {left_out} more\n" if left_out > 0 else "")


def main():
    module = library.make_module(
        argument_spec={
            "source": {"type": "path", "required": True},
            "destination": {"type": "path", "required": True},
            **OPTIONS,
        }
    )
    result = {}
    with library.failures(module):
        if module._diff:
            result["diff"] = {"prepared": changes_listed(module)}
        report = run(module, module.check_mode)
    module.exit_json(
        changed=copying.changes(report) > 0, report=library.plain(report.to_dict()), **result
    )


if __name__ == "__main__":
    main()
