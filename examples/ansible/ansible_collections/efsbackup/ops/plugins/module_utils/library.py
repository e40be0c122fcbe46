# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the modules share: the efsbackup package, and its errors as Ansible tells them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.text.converters import to_text

try:
    import efsbackup

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()


class Module(AnsibleModule):
    """An AnsibleModule that looks at no path it answers with: a silent server would hold it for ever."""

    def add_path_info(self, kwargs):
        return kwargs


def make_module(**arguments):
    """A module with check mode, whose Python has efsbackup."""
    module = Module(supports_check_mode=True, **arguments)
    if IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("efsbackup"), exception=IMPORT_ERROR)
    return module


def given(module, names):
    """The parameters of these names that were given."""
    return {name: module.params[name] for name in names if module.params[name] is not None}


@contextlib.contextmanager
def failures(module):
    """Ends the module where the library raises, with what the exception knows."""
    try:
        yield
    except efsbackup.EfsBackupError as error:
        module.fail_json(
            msg=shown(str(error)),
            kind=str(error.kind),
            op=error.op,
            path=None if error.path is None else shown(error.path),
            errno=error.errno,
            report=None if error.report is None else plain(error.report.to_dict()),
        )


def shown(path):
    """A path, or a text with one, as Ansible can carry it."""
    return to_text(os.fsencode(path), errors="surrogate_or_replace")


def plain(document):
    """The document with each text as Ansible can carry it."""
    return json.loads(json.dumps(document, default=str))


def command(module, arguments, environment=None):
    """Runs the efsbackup command, and gives what it tells with --json."""
    line = [sys.executable, "-m", "efsbackup", "--json", "--quiet", *arguments]
    status, out, err = module.run_command(line, environ_update=environment or {})
    try:
        document = json.loads(out)
    except ValueError:
        module.fail_json(msg=err.strip() or "efsbackup told nothing", rc=status)
    error = document.get("error") if isinstance(document, dict) else None
    if error is not None:
        known = {name: error.get(name) for name in ("kind", "op", "path", "errno")}
        module.fail_json(msg=error.get("line", err.strip()), rc=status, **known)
    return document
