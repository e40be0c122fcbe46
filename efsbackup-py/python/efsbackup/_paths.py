"""Paths as arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Union

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
"""A path. Any bytes are possible in names; nothing is decoded on the way."""


def several(name: str, paths: Iterable[StrOrBytesPath]) -> list[StrOrBytesPath]:
    """The values given as the argument ``name``; one alone is a mistake."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise TypeError(f"{name}: give a list, not one value")
    return list(paths)
