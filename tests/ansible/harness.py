"""Runs modules of the collection as Ansible does, without its second of overhead for each.

A module's file is run as a program, with its arguments as JSON, in this process.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import tempfile
from pathlib import Path
from types import CodeType
from typing import Any, Callable

from ansible.module_utils.testing import patch_module_args

COLLECTIONS = Path(__file__).resolve().parents[2] / "examples" / "ansible"
MODULES = COLLECTIONS / "ansible_collections" / "efsbackup" / "ops" / "plugins" / "modules"
sys.path.insert(0, str(COLLECTIONS))

Result = dict[Any, Any]


@functools.cache
def code(module: str) -> CodeType:
    path = MODULES / f"{module}.py"
    return compile(path.read_text(), str(path), "exec")


def run(module: str, arguments: Result, *, check: bool = False, diff: bool = True) -> Result:
    """What a module answers."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said):
        settings = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_tmpdir": folder}
        with patch_module_args({**arguments, **settings}), contextlib.suppress(SystemExit):
            exec(code(module), {"__name__": "__main__"})
    result: Result = json.loads(said.getvalue())
    del result["invocation"]
    return result


class Matrix:
    """Steps of one module: each foretold in check mode, done, and done again, which changes nothing."""

    def __init__(self, module: str, state: Callable[[], Result], *, diff: bool = True, **common: Any) -> None:
        self.module = module
        self.diff = diff
        self.state = state
        self.common = common

    def step(self, what: str, *, changed: bool = True, same_diff: bool = True, **arguments: Any) -> Result:
        """Does one step, and gives what the module answered."""
        print(f"{self.module}: {what}", flush=True)
        before = self.state()
        foretold = self.answer(what, arguments, check=True)
        assert not self.since(before), (what, "in check mode", self.since(before))
        assert foretold["changed"] is changed, (what, foretold)
        done = self.answer(what, arguments)
        assert done["changed"] is changed, (what, done)
        assert bool(self.since(before)) is changed, (what, self.since(before))
        assert foretold.keys() == done.keys(), (what, foretold, done)
        if not self.diff:
            return done
        if same_diff:
            assert foretold["diff"] == done["diff"], (what, foretold["diff"], done["diff"])
        diff = done["diff"]
        told = bool(diff["prepared"]) if "prepared" in diff else diff["before"] != diff["after"]
        assert told is changed, (what, diff)
        return done

    def repeated(self, what: str, **arguments: Any) -> Result:
        """A step, and the same again, in check mode too."""
        done = self.step(what, **arguments)
        again = {name: value for name, value in arguments.items() if name != "changed"}
        self.step(f"{what}, again", changed=False, **again)
        return done

    def refused(self, what: str, **arguments: Any) -> Result:
        """A step that fails, in check mode too, and changes nothing."""
        before = self.state()
        foretold = run(self.module, {**self.common, **arguments}, check=True)
        done = run(self.module, {**self.common, **arguments})
        assert foretold.get("failed") and done.get("failed"), (what, foretold, done)
        assert foretold["msg"] == done["msg"], (what, foretold["msg"], done["msg"])
        assert not self.since(before), (what, self.since(before))
        return done

    def since(self, before: Result) -> Result:
        """What is another now: as it was, and as it is."""
        now = self.state()
        pairs = {name: (before.get(name), now.get(name)) for name in before.keys() | now.keys()}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def answer(self, what: str, arguments: Result, *, check: bool = False) -> Result:
        result = run(self.module, {**self.common, **arguments}, check=check, diff=self.diff)
        assert not result.get("failed"), (what, result)
        return result
