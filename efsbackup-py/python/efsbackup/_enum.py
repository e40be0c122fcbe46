"""An enum of strings, as ``enum.StrEnum`` is from Python 3.11 on."""

import enum


class StrEnum(str, enum.Enum):
    """An enum whose members are their own text."""

    def __str__(self) -> str:
        return str(self.value)
