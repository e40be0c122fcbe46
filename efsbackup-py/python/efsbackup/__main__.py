"""The ``efsbackup`` command: ``python -m efsbackup`` and the script of the wheel."""

import os
import signal
import sys
import sysconfig

from ._efsbackup import main as run


def main() -> int:
    """Run the command with this process's arguments; return its exit status."""
    # Ctrl-C is the command's own affair, not a KeyboardInterrupt after its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Scripts of a pipeline call the command by this name; the program that runs here is Python.
    script = os.path.join(sysconfig.get_path("scripts"), "efsbackup")
    if os.path.exists(script):
        os.environ.setdefault("EFSBACKUP", script)
    return run(["efsbackup", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
