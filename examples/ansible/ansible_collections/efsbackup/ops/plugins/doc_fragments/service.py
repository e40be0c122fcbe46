# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which service keeps the pipelines."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state_file:
    description:
      - The state of the embedded service on this machine.
      - Give this, O(endpoint_url), or neither for AWS Data Pipeline itself.
    type: path
  endpoint_url:
    description: Where C(efsbackup serve) offers its service.
    type: str
  region:
    description: The region of AWS.
    type: str
  profile:
    description: The profile in the AWS CLI's files.
    type: str
  access_key:
    description: The access key, in place of what the environment and the AWS CLI's files have.
    type: str
  secret_key:
    description: Its secret.
    type: str
  session_token:
    description: Its session token, where it is temporary.
    type: str
requirements:
  - the Python package efsbackup on the host that it runs on; for AWS itself built with C(aws)
author:
  - efsbackup contributors (@efsbackup)
"""
