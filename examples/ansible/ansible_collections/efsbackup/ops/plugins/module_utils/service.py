# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which service keeps the pipelines, as the efsbackup command is told it."""

from __future__ import annotations

from ansible_collections.efsbackup.ops.plugins.module_utils.library import command

OPTIONS = {
    "state_file": {"type": "path"},
    "endpoint_url": {"type": "str"},
    "keys_file": {"type": "path", "no_log": False},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
}
EXCLUSIVE = [("state_file", "endpoint_url"), ("keys_file", "access_key")]
TOGETHER = [("access_key", "secret_key")]


class Pipelines:
    """The pipelines of the service that the module was told of."""

    def __init__(self, module):
        self.module = module
        given = module.params
        if given["state_file"]:
            self.which = ["--state", given["state_file"]]
        elif given["endpoint_url"]:
            self.which = ["--endpoint", given["endpoint_url"]]
        else:
            self.which = ["--aws"]
        if given["keys_file"]:
            self.which += ["--keys", given["keys_file"]]
        for option in ("region", "profile"):
            if given[option]:
                self.which += [f"--{option}", given[option]]
        # Not as arguments, which other users of the machine can see.
        variables = {
            "AWS_ACCESS_KEY_ID": given["access_key"],
            "AWS_SECRET_ACCESS_KEY": given["secret_key"],
            "AWS_SESSION_TOKEN": given["session_token"],
        }
        self.environment = {name: value for name, value in variables.items() if value}

    def ask(self, verb, *arguments):
        """One verb of ``efsbackup pipeline``."""
        line = ["pipeline", verb, *self.which, *arguments]
        return command(self.module, line, self.environment)

    def named(self, name):
        """The pipelines of this name."""
        return [found for found in self.ask("status") if found["name"] == name]
