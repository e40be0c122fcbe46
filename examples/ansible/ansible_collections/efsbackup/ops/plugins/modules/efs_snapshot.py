#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes, verifies and removes snapshots."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_snapshot
short_description: Take, verify and remove dated snapshots
version_added: 0.1.0
description:
  - With O(state=taken) takes a snapshot of O(source), unless the newest complete one is younger than
    O(max_age). Unchanged files are hard-linked to the last snapshot.
  - With O(state=pruned) removes what none of the O(keep_last) and other keep options keeps; the newest
    complete snapshot always stays.
  - With O(state=verified) reads a snapshot and compares it with its manifest; fails where it differs.
options:
  root:
    description: The folder of all repositories.
    type: path
    required: true
  name:
    description: The repository's name, such as the file system's id. The only one there unless given.
    type: str
  state:
    description: Whether one is to be taken, old ones are to be removed, or one is to be read and compared.
    type: str
    choices: [taken, pruned, verified]
    default: taken
  source:
    description: The directory whose contents are backed up.
    type: path
  max_age:
    description: For how many seconds a snapshot is young enough that none is taken.
    type: int
  snapshot:
    description: Which one to verify; the newest complete one unless given.
    type: str
  sample:
    description: Read the contents of only this share of the files, in percent.
    type: float
  timezone:
    description: Where names take the time of day from, and where hours and days begin.
    type: str
    default: UTC
  expect_id:
    description: Refuse unless O(source) is proved to be on this file system, by its mount or its marker.
    type: str
  expect_destination_id:
    description: Refuse unless O(root) is proved to be on this file system.
    type: str
  require_existing:
    description: Refuse to make a repository where there is none.
    type: bool
    default: false
  max_shrink:
    description:
      - Publish nothing when the source has this much fewer entries than the last snapshot; a share such as
        V(50%).
    type: str
    default: 50%
  keep_last:
    description: How many snapshots to keep.
    type: int
    default: 0
  keep_hourly:
    description: For how many hours to keep the last snapshot of each.
    type: int
    default: 0
  keep_daily:
    description: For how many days to keep the last snapshot of each.
    type: int
    default: 0
  keep_weekly:
    description: For how many weeks to keep the last snapshot of each.
    type: int
    default: 0
  keep_monthly:
    description: For how many months to keep the last snapshot of each.
    type: int
    default: 0
  keep_yearly:
    description: For how many years to keep the last snapshot of each.
    type: int
    default: 0
extends_documentation_fragment: efsbackup.ops.copying
attributes:
  check_mode:
    description:
      - Says what would be changed, and changes nothing. O(state=verified) reads all the same, and notes
        damaged files, so that no later snapshot is linked to them.
    support: full
  diff_mode:
    description: Lists the snapshots, before and after; in check mode a new one is called C(new).
    support: full
"""

EXAMPLES = r"""
- name: Take a snapshot every hour, and keep a week of them
  efsbackup.ops.efs_snapshot:
    source: /mnt/source
    root: /mnt/backups
    name: fs-0123456789abcdef0
    expect_id: fs-0123456789abcdef0
    max_age: 3600
    keep_daily: 7

- name: Prove the newest
  efsbackup.ops.efs_snapshot:
    root: /mnt/backups
    state: verified
"""

RETURN = r"""
snapshot:
  description: The snapshot that was taken, verified or young enough; none in check mode, where one would be taken.
  returned: always
  type: dict
  sample: {"id": "2026-11-22-03-00", "state": "complete", "entries": 5}
removed:
  description: The snapshots that were removed, or would be.
  returned: always
  type: list
  elements: str
  sample: ["2026-10-01-03-00"]
report:
  description: What the run did, as C(efsbackup backup --json) tells it.
  returned: when a snapshot was taken, or would be
  type: dict
  sample: {"outcome": "complete"}
"""

from datetime import datetime, timedelta, timezone

from ansible_collections.efsbackup.ops.plugins.module_utils import copying, library

KEEP = ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")
GUARDS = ("timezone", "expect_id", "expect_destination_id", "require_existing", "max_shrink")


def existing(repository):
    try:
        return repository.snapshots()
    except library.efsbackup.NotFoundError:
        return []


def newest(snapshots):
    complete = [found for found in snapshots if str(found.state) == "complete"]
    return complete[-1] if complete else None


def is_young(module, snapshot):
    age = module.params["max_age"]
    if age is None or snapshot is None:
        return False
    return datetime.now(timezone.utc) - snapshot.time < timedelta(seconds=age)


def take(module, repository):
    last = newest(existing(repository))
    if is_young(module, last):
        return {"changed": False, "snapshot": last, "removed": ()}
    done = repository.backup(
        module.params["source"],
        dry_run=module.check_mode,
        **library.given(module, GUARDS + KEEP),
        **copying.options(module),
    )
    return {
        "changed": True,
        "snapshot": done.snapshot,
        "removed": done.removed,
        "report": library.plain(done.report.to_dict()),
    }


def prune(module, repository):
    done = repository.prune(
        dry_run=module.check_mode, **library.given(module, KEEP + ("timezone",))
    )
    doomed = tuple(decision.id for decision in done.decisions if not decision.keep)
    removed = doomed if module.check_mode else done.removed
    if done.left_over:
        module.warn("not removed: " + ", ".join(done.left_over))
    return {"changed": bool(removed), "snapshot": newest(existing(repository)), "removed": removed}


def verify(module, repository):
    snapshots = repository.snapshots()
    wanted = module.params["snapshot"]
    chosen = [found for found in snapshots if found.id == wanted] if wanted else [newest(snapshots)]
    if not chosen or chosen[0] is None:
        module.fail_json(msg=f"there is no snapshot {wanted}" if wanted else "there is no complete snapshot")
    found = repository.verify(chosen[0], sample=module.params["sample"])
    if not found.good:
        first = [f"{library.shown(one.path)}: {one.what}" for one in found.differences[:20]]
        module.fail_json(
            msg=f"{chosen[0].id} has {found.differences_total} differences", differences=first
        )
    return {"changed": False, "snapshot": chosen[0], "removed": ()}


def listed(snapshots):
    return "".join(f"{snapshot.id}\n" for snapshot in snapshots)


def after(module, result, before):
    """The list of snapshots as it is, or as it would be."""
    if not module.check_mode:
        return None
    left = [snapshot for snapshot in before if snapshot.id not in result["removed"]]
    taken = module.params["state"] == "taken" and result["changed"]
    return listed(left) + ("new\n" if taken else "")


def main():
    module = library.make_module(
        argument_spec={
            "root": {"type": "path", "required": True},
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["taken", "pruned", "verified"], "default": "taken"},
            "source": {"type": "path"},
            "max_age": {"type": "int"},
            "snapshot": {"type": "str"},
            "sample": {"type": "float"},
            "timezone": {"type": "str", "default": "UTC"},
            "expect_id": {"type": "str"},
            "expect_destination_id": {"type": "str"},
            "require_existing": {"type": "bool", "default": False},
            "max_shrink": {"type": "str", "default": "50%"},
            **{keep: {"type": "int", "default": 0} for keep in KEEP},
            **copying.OPTIONS,
        },
        required_if=[("state", "taken", ["source"])],
    )
    work = {"taken": take, "pruned": prune, "verified": verify}[module.params["state"]]
    with library.failures(module):
        repository = library.efsbackup.Repository(module.params["root"], module.params["name"])
        before = existing(repository)
        result = work(module, repository)
        would_be = after(module, result, before)
        now = listed(existing(repository)) if would_be is None else would_be
    snapshot = result["snapshot"]
    result["snapshot"] = None if snapshot is None else library.plain(snapshot.to_dict())
    result["removed"] = list(result["removed"])
    module.exit_json(diff={"before": listed(before), "after": now}, **result)


if __name__ == "__main__":
    main()
