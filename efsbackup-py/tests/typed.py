"""The blocks of the guides, and the commands in them typed as they stand there.

``python typed.py nfs.md`` prints a guide's commands.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = {path.name: path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
TOOLS = Path(sys.executable).parent
# What the commands leave running ends with them.
END = 'trap "[ -z \\"\\$(jobs -p)\\" ] || kill \\$(jobs -p); wait" EXIT'
WHEN = re.compile(r"^(?:[\d*/,-]+ +){5}", re.MULTILINE)
LISTENING = "until (: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.1; done"


@dataclass
class Block:
    """What stands between two fences."""

    guide: str
    line: int
    tag: str
    text: str
    why_not: str | None
    """Why it is not run, which a comment before it says."""


def blocks(guide: str, *tags: str) -> list[Block]:
    """The blocks of a guide that have one of these tags (or any), whether they are run or not."""
    text = GUIDES[guide].read_text()
    fenced = r"(?:^<!-- Not run: ([^\n]*) -->\n)?^( *)```([^\n]*)\n(.*?)^\2```$"
    found = []
    for match in re.finditer(fenced, text, re.DOTALL | re.MULTILINE):
        why_not, indent, tag, inside = match.groups()
        line = text.count("\n", 0, match.start(2)) + 1
        inside = re.sub(f"^{indent}", "", inside, flags=re.MULTILINE)
        if not tags or tag in tags:
            found.append(Block(guide, line, tag, inside, why_not))
    return found


def all_blocks(*tags: str) -> list[Block]:
    """Those of every guide."""
    return [block for guide in GUIDES for block in blocks(guide, *tags)]


def commands(guide: str) -> str:
    """What a guide tells to type (``sh``) and to have run by cron (``crontab``), one after the other."""
    script = ""
    for block in blocks(guide, "sh", "crontab"):
        if block.why_not is None:
            typed = WHEN.sub("", block.text) if block.tag == "crontab" else block.text
            script += f"echo '-- {guide}, line {block.line}' >&2\n{typed}"
    return script


def shown(guide: str) -> list[str]:
    """What a guide shows of files and of output (``text``)."""
    return [block.text for block in blocks(guide, "text")]


def type_in(script: str, folder: Path, **environment: str) -> str:
    """Runs the commands in a folder, with ``mnt`` there for ``/mnt``; ends what they leave running."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert script.count("\nefsbackup serve --state") + script.count("\nefsbackup serve --new") <= 1
    script = script.replace("\nefsbackup serve --", "\nefsbackup serve --listen 127.0.0.1:4664 --")
    script = script.replace("\nsleep 1\n", f"\n{LISTENING}\n".format(port=port))
    script = script.replace(":4664", f":{port}").replace("/mnt/", f"{folder}/mnt/")
    shell = subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", "-c", f"{END}\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = "".join(shell.communicate(timeout=240))
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        said = "killed: " + "".join(shell.communicate())
    assert shell.returncode == 0, said
    return said


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(commands(name))
