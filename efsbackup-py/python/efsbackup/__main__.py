"""The ``efsbackup`` command: ``python -m efsbackup`` and the script of the wheel."""

import signal
import sys

from ._efsbackup import main as run


def main() -> int:
    """Run the command with this process's arguments; return its exit status."""
    # Ctrl-C is the command's own affair, not a KeyboardInterrupt after its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(["efsbackup", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
