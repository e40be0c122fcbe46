# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which service keeps the pipelines."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state_file:
    description:
      - The state of the embedded service on this machine.
      - Give this, O(endpoint_url), or neither for AWS Data Pipeline itself. C(efsbackup run) and
        C(efsbackup serve) make it.
    type: path
  endpoint_url:
    description: Where C(efsbackup serve) offers its service.
    type: str
  keys_file:
    description:
      - The file on the host with the access key for O(endpoint_url), as C(efsbackup serve --keys FILE)
        has it.
    type: path
  region:
    description: The region of AWS, in place of what the environment and the AWS CLI's files have.
    type: str
  profile:
    description: The profile in the AWS CLI's files.
    type: str
  access_key:
    description: The access key, in place of what the environment and the AWS CLI's files have.
    type: str
  secret_key:
    description: The secret of O(access_key).
    type: str
  session_token:
    description: The session token of O(access_key), where it is temporary.
    type: str
requirements:
  - the Python package efsbackup on the host that it runs on; for AWS itself built with C(aws)
author:
  - efsbackup contributors (@efsbackup)
"""
