"""What the native half tells, for ``logging``."""

from __future__ import annotations

import logging

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_PIECES = ("mirror", "snapshot", "apply", "wait", "run", "worker", "log")
_LOGGERS = {piece: logging.getLogger(f"efsbackup.{piece}") for piece in _PIECES}

# Nothing is written anywhere unless the program sets logging up.
logging.getLogger("efsbackup").addHandler(logging.NullHandler())


def least() -> int:
    """The lowest level that any of the loggers takes."""
    return max(0, min(logger.getEffectiveLevel() for logger in _LOGGERS.values()))


def emit(piece: str, level: str, message: str) -> None:
    """Logs one record."""
    _LOGGERS[piece].log(_LEVELS[level], "%s", message)
