"""The commands of the guides in docs, typed as they stand there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
TOOLS = Path(sys.executable).parent
# What the commands leave running ends with them.
END = 'trap "[ -z \\"\\$(jobs -p)\\" ] || kill \\$(jobs -p); wait" EXIT'
LISTENING = "until (: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.1; done"


def commands(guide: str) -> str:
    """The blocks of a guide that are marked ``sh``, one after the other."""
    blocks = (DOCS / guide).read_text().split("```sh\n")[1:]
    told = [f"echo '-- {guide}, block {number}' >&2" for number in range(1, len(blocks) + 1)]
    pairs = zip(told, (block.split("\n```", 1)[0] for block in blocks))
    return "\n".join(line for pair in pairs for line in pair) + "\n"


def type_in(script: str, folder: Path, **environment: str) -> str:
    """Runs the commands in a folder, with ``mnt`` there for ``/mnt``; ends what they leave running."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert script.count("\nefsbackup serve ") <= 1
    script = script.replace("\nefsbackup serve ", "\nefsbackup serve --listen 127.0.0.1:4664 ")
    script = script.replace("\nsleep 1\n", f"\n{LISTENING}\n".format(port=port))
    script = script.replace(":4664", f":{port}").replace("/mnt/", f"{folder}/mnt/")
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f"{END}\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
