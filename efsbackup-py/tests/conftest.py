"""What the tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A shell starts what runs in the background deaf to Ctrl-C, and Python stays so.
signal.signal(signal.SIGINT, signal.default_int_handler)

ODD = b"odd\xff\n name"
"""A name that is not UTF-8 and would break a line."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small tree with a hard link, a symbolic link, a fifo and an odd name."""
    root = tmp_path / "source"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "file").write_text("hello")
    os.link(root / "sub" / "file", root / "linked")
    os.symlink("no such target", root / "pointer")
    os.mkfifo(root / "fifo")
    with open(os.path.join(os.fsencode(root), ODD), "wb") as file:
        file.write(b"odd")
    return root


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that takes a while to mirror. Made once: tests only read it."""
    root = tmp_path_factory.mktemp("shared") / "many"
    for folder in range(40):
        path = root / f"folder-{folder}"
        path.mkdir(parents=True)
        for file in range(250):
            (path / f"file-{file}").write_bytes(b"x" * 100)
    return root
