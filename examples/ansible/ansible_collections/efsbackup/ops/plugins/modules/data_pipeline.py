#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Has a pipeline on AWS Data Pipeline, or on the embedded service, as a definition says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: data_pipeline
short_description: Have a Data Pipeline as a definition says
version_added: 0.1.0
description:
  - Plans what has to change on the service, and applies that. A second run changes nothing.
  - A pipeline is known by its name and O(unique_id), never by credentials or its definition, and is made
    anew, which loses its history, only with O(recreate).
options:
  name:
    description: The pipeline's name.
    type: str
    required: true
  unique_id:
    description: The unique id of its creation; the name unless given.
    type: str
  state:
    description:
      - V(present) has it there with the definition that is given; V(active) also has it active with that.
      - V(inactive) has it deactivated, and fails where there is none. V(absent) removes it with its history.
    type: str
    choices: [present, active, inactive, absent]
    default: present
  definition:
    description: The definition as the AWS CLI has it, with C(objects), C(parameters) and C(values).
    type: dict
  src:
    description: A file on the host with the definition in any form, in place of O(definition).
    type: path
  values:
    description: Values of parameters; a list for a parameter with several.
    type: dict
    default: {}
  description:
    description: What the pipeline is described as.
    type: str
  tags:
    description: Its tags. Others are removed, with C({}) all; left out, they stay as they are.
    type: dict
  start:
    description: The time (UTC) from which its schedule resumes when it is activated.
    type: str
  cancel_running:
    description: Where it must be inactive for a change, cancel what runs instead of waiting.
    type: bool
    default: false
  recreate:
    description: Where nothing else does it, delete the pipeline with its history and make it anew.
    type: bool
    default: false
extends_documentation_fragment: efsbackup.ops.service
attributes:
  check_mode:
    description: Makes the same plan, and does not apply it.
    support: full
  diff_mode:
    description: Shows each part of the definition that differs, and what is done on the service.
    support: full
"""

EXAMPLES = r"""
- name: Back up every night
  efsbackup.ops.data_pipeline:
    name: nightly
    src: /etc/efsbackup/pipeline.json
    values:
      myPeriod: 1 days
    state: active
    region: eu-west-1

- name: Remove it with its history
  efsbackup.ops.data_pipeline:
    name: nightly
    state: absent
    region: eu-west-1

- name: Have one on this machine, by `efsbackup serve --worker-group here`
  efsbackup.ops.data_pipeline:
    name: hello
    definition:
      objects:
        - {id: Default, scheduleType: ondemand, failureAndRerunMode: CASCADE}
        - {id: Say, type: ShellCommandActivity, command: echo hello, workerGroup: here}
    tags:
      team: storage
    state: active
    endpoint_url: http://127.0.0.1:4664
    keys_file: /etc/efsbackup/keys
"""

RETURN = r"""
pipeline_id:
  description: The pipeline's id; none where there is no pipeline, or none yet in check mode.
  returned: always
  type: str
  sample: df-ZR2RECCHLT26SFQSH2AR
steps:
  description: What was done on the service, or would be.
  returned: always
  type: list
  elements: str
  sample: ["put the definition"]
losses:
  description: What is lost by it.
  returned: always
  type: list
  elements: str
  sample: []
"""

import json
import os

from ansible_collections.efsbackup.ops.plugins.module_utils import library, service

STATES = ["present", "active", "inactive", "absent"]


def arguments(module, file):
    given = module.params
    line = ["--name", given["name"]]
    for name in ("unique_id", "description", "start"):
        if given[name] is not None:
            line += [f"--{name.replace('_', '-')}={given[name]}"]
    line += [f"--tag={key}={value}" for key, value in (given["tags"] or {}).items()]
    line += ["--no-tags"] if given["tags"] == {} else []
    for switch in ("cancel_running", "recreate"):
        line += [f"--{switch.replace('_', '-')}"] if given[switch] else []
    if given["state"] == "active":
        line.append("--activate")
    for name, value in given["values"].items():
        line += [f"--value={name}={item}" for item in (value if isinstance(value, list) else [value])]
    return [*line, "--", file]


def definition_file(module):
    if module.params["src"]:
        return module.params["src"]
    path = os.path.join(module.tmpdir, "definition.json")
    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(module.params["definition"], file)
    return path


def differing(changes, side):
    """One side of the changes: what each part is, or None where it is not there."""
    shown = {}
    for change in changes:
        name = " ".join(str(change[key]) for key in ("part", "id", "key") if change.get(key))
        shown[name] = change.get(side) or None
    return shown


def told(finding):
    return "; ".join(finding["lines"])


def have(module, pipelines):
    line = arguments(module, definition_file(module))
    plan = pipelines.ask("plan", *line)
    for warning in plan["warnings"]:
        module.warn(told(warning))
    if plan["refusal"]:
        errors = [told(error) for error in plan["errors"]]
        module.fail_json(
            msg=": ".join([plan["refusal"], *errors[:1]]),
            errors=errors,
            reasons=plan["reasons"],
            losses=plan["losses"],
        )
    if plan["steps"] and not module.check_mode:
        plan = pipelines.ask("apply", *line)
    return {
        "changed": bool(plan["steps"]),
        "pipeline_id": plan["pipeline"],
        "steps": plan["steps"],
        "losses": plan["losses"],
        "diff": {
            "before": {**differing(plan["changes"], "old"), "steps": []},
            "after": {**differing(plan["changes"], "new"), "steps": plan["steps"]},
        },
    }


def end(module, pipelines):
    """Has it inactive or absent."""
    name, unique_id = module.params["name"], module.params["unique_id"]
    namesakes = pipelines.named(name)
    found = [one for one in namesakes if one["unique_id"] == (unique_id or name)]
    for one in namesakes:
        if one not in found:
            module.warn(f"{one['id']} has this name too, and the unique id {one['unique_id']}")
    wanted = module.params["state"]
    if not found:
        if wanted == "inactive":
            module.fail_json(msg=f"there is no pipeline {module.params['name']}")
        return done(None, [], {"state": "absent"}, {"state": "absent"})
    pipeline = found[0]
    before = {"state": pipeline["state"]}
    if wanted == "inactive":
        if pipeline["state"] in ("PENDING", "INACTIVE", "DEACTIVATING", "FINISHED"):
            return done(pipeline["id"], [], before, before)
        if not module.check_mode:
            how = [] if module.params["cancel_running"] else ["--finish"]
            pipelines.ask("deactivate", *how, pipeline["id"])
        return done(pipeline["id"], ["deactivate it"], before, {"state": "INACTIVE"})
    if not module.check_mode:
        pipelines.ask("delete", "--yes", pipeline["id"])
    return done(pipeline["id"], ["delete it"], before, {"state": "absent"})


def done(pipeline, steps, before, after):
    return {
        "changed": bool(steps),
        "pipeline_id": pipeline,
        "steps": steps,
        "losses": [],
        "diff": {"before": before, "after": after},
    }


def main():
    module = library.make_module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "unique_id": {"type": "str"},
            "state": {"type": "str", "choices": STATES, "default": "present"},
            "definition": {"type": "dict"},
            "src": {"type": "path"},
            "values": {"type": "dict", "default": {}},
            "description": {"type": "str"},
            "tags": {"type": "dict"},
            "start": {"type": "str"},
            "cancel_running": {"type": "bool", "default": False},
            "recreate": {"type": "bool", "default": False},
            **service.OPTIONS,
        },
        mutually_exclusive=[("definition", "src"), *service.EXCLUSIVE],
        required_together=service.TOGETHER,
        required_if=[
            ("state", "present", ["definition", "src"], True),
            ("state", "active", ["definition", "src"], True),
        ],
    )
    work = have if module.params["state"] in ("present", "active") else end
    with library.failures(module):
        module.exit_json(**work(module, service.Pipelines(module)))


if __name__ == "__main__":
    main()
