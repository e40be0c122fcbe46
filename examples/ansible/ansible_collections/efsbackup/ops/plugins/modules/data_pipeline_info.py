#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lists pipelines and their runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: data_pipeline_info
short_description: List Data Pipelines and their runs
version_added: 0.1.0
description:
  - Lists the pipelines of AWS Data Pipeline or of the embedded service, all pages of them.
options:
  name:
    description: Only the pipelines of this name.
    type: str
  runs:
    description: List their runs too.
    type: bool
    default: false
extends_documentation_fragment: efsbackup.ops.service
attributes:
  check_mode:
    description: Changes nothing anyway.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: full
"""

EXAMPLES = r"""
- name: See how the last runs went
  efsbackup.ops.data_pipeline_info:
    name: nightly
    runs: true
    region: eu-west-1
  register: nightly

- name: Wait for the first run, and fail where that has
  efsbackup.ops.data_pipeline_info:
    name: hello
    runs: true
    endpoint_url: http://127.0.0.1:4664
    keys_file: /etc/efsbackup/keys
  register: hello
  vars:
    runs: "{{ hello.pipelines | default([]) | map(attribute='runs') | flatten }}"
    ended: "{{ runs | selectattr('actual_end') | list }}"
  until: ended | length > 0
  retries: 60
  failed_when: hello is failed or ended | rejectattr('status', 'eq', 'FINISHED') | length > 0
  when: not ansible_check_mode
"""

RETURN = r"""
pipelines:
  description: The pipelines, each with its C(runs) where they were asked for.
  returned: always
  type: list
  elements: dict
  sample:
    - id: df-ZR2RECCHLT26SFQSH2AR
      name: nightly
      unique_id: nightly
      state: SCHEDULED
      created: "2026-11-22T03:00:00"
      runs:
        - id: "@ShellCommandActivityObj_2026-11-22T03:00:00"
          component: ShellCommandActivityObj
          status: FINISHED
          attempts: "1"
          scheduled_start: "2026-11-22T03:00:00"
          actual_start: "2026-11-22T03:00:01"
          actual_end: "2026-11-22T03:04:10"
          error: null
"""

from ansible_collections.efsbackup.ops.plugins.module_utils import library, service


def main():
    module = library.make_module(
        argument_spec={
            "name": {"type": "str"},
            "runs": {"type": "bool", "default": False},
            **service.OPTIONS,
        },
        mutually_exclusive=service.EXCLUSIVE,
        required_together=service.TOGETHER,
    )
    pipelines, name = service.Pipelines(module), module.params["name"]
    with library.failures(module):
        found = pipelines.ask("status") if name is None else pipelines.named(name)
        if module.params["runs"]:
            for pipeline in found:
                pipeline["runs"] = pipelines.ask("runs", pipeline["id"])
    module.exit_json(changed=False, pipelines=found)


if __name__ == "__main__":
    main()
