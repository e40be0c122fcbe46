"""Pipeline definitions: read, checked, resolved, compared, converted and drawn."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._efsbackup import NativeDefinition


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a definition."""

    code: str
    """Its stable code, such as ``E301``; ``docs/validation.md`` lists them."""
    is_error: bool
    """Whether the service would refuse the definition; else it is a warning."""
    object: str | None
    """The object's or parameter's id; ``None`` where it is about the whole definition."""
    field: str | None
    """The field's key."""
    text: str
    """What is wrong, and how to mend it."""

    def __str__(self) -> str:
        place = ".".join(part for part in (self.object, self.field) if part is not None)
        return f"{self.code} {place or 'definition'}: {self.text}"


@dataclass(frozen=True)
class DefinitionChange:
    """One difference between two definitions."""

    place: str
    """``object.field``, ``object``, ``parameter.attribute`` or ``parameter``."""
    old: tuple[str, ...]
    """The values before; a reference is ``→ id``, a secret is covered."""
    new: tuple[str, ...]
    """The values after."""
    present: tuple[bool, bool]
    """Whether it is in the old definition, and whether in the new one."""


class Definition:
    """A definition of AWS Data Pipeline, in any of its forms.

    The forms are ``cli``, ``api``, ``cfn-yaml``, ``cfn-json``, ``terraform`` and
    ``terraform-json``. A notebook shows it as a picture.

    >>> definition = Definition.parse('''{"objects": [
    ...   {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startAt": "#{myStart}"}
    ... ], "parameters": [{"id": "myStart"}]}''')
    >>> definition.form
    'cli'
    >>> definition.validate()
    []
    >>> resolved = definition.resolve({"myStart": "FIRST_ACTIVATION_DATE_TIME"})
    >>> [change.place for change in definition.diff(resolved)]
    ['Hourly.startAt', 'myStart']
    >>> print(resolved.draw("text"), end="")
    Hourly (Schedule)
      period 1 hours
      startAt FIRST_ACTIVATION_DATE_TIME
    """

    def __init__(self, native: NativeDefinition) -> None:
        self._native = native

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        lenient: bool = False,
        pipeline: str | None = None,
    ) -> Definition:
        """Reads a definition from a file in any form.

        Args:
            path: The file.
            lenient: Read JSON with comments, trailing commas and raw line breaks in strings.
            pipeline: Which pipeline to take where the file has several.

        Raises:
            DefinitionError: It is in none of the forms; the message says where and why.
        """
        return cls.parse(Path(path).read_bytes(), lenient=lenient, pipeline=pipeline)

    @classmethod
    def parse(
        cls, text: str | bytes, *, lenient: bool = False, pipeline: str | None = None
    ) -> Definition:
        """As :meth:`load`, from the text itself."""
        data = text.encode() if isinstance(text, str) else text
        return cls(NativeDefinition.read(data, lenient, pipeline))

    @property
    def form(self) -> str:
        """The form it was read from."""
        return self._native.form

    def to(self, form: str) -> str:
        """Writes it in another form, or in its own as it was.

        Raises:
            UnsupportedError: The form cannot carry it; the message says why.
        """
        return self._native.write(form)

    def to_cloudformation(self) -> str:
        """Writes it as a CloudFormation template in YAML."""
        return self.to("cfn-yaml")

    def to_terraform(self) -> str:
        """Writes it as Terraform's resources in HCL."""
        return self.to("terraform")

    def left_behind(self, form: str) -> list[str]:
        """What else its file holds that the form does not carry."""
        return self._native.left_behind(form)

    def validate(self) -> list[Finding]:
        """Everything that is wrong with it, in its order; no account is asked."""
        return [Finding(*found) for found in self._native.validate()]

    def resolve(self, values: Mapping[str, str | Sequence[str]] | None = None) -> Definition:
        """Puts in the values of parameters and all else that is known before a run.

        Args:
            values: By the names of parameters, in place of the definition's own; several
                values make a list. Secrets are covered in what comes out.

        Raises:
            NotFoundError: There is no such parameter.
            DefinitionError: A value is not of its parameter's type, or an expression is wrong.
        """
        given: list[tuple[str, str]] = []
        for name, value in (values or {}).items():
            texts = [value] if isinstance(value, str) else value
            given.extend((name, text) for text in texts)
        return Definition(self._native.resolve(given))

    def diff(self, new: Definition) -> list[DefinitionChange]:
        """What is different in ``new``; order counts where it means something."""
        return [
            DefinitionChange(place, tuple(before), tuple(after), (was, will_be))
            for place, before, after, was, will_be in self._native.diff(new._native)
        ]

    def draw(
        self,
        kind: str = "svg",
        *,
        theme: str = "auto",
        states: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> str:
        """Draws it.

        Args:
            kind: ``svg``, ``dot``, ``mermaid`` or ``text``.
            theme: The colours of an SVG: ``auto``, ``light`` or ``dark``.
            states: The status of objects by their ids, such as ``FINISHED``.
        """
        pairs = states.items() if isinstance(states, Mapping) else states
        return self._native.draw(kind, theme, list(pairs))

    def _repr_svg_(self) -> str:
        return self.draw()

    def __eq__(self, other: object) -> bool:
        """Whether both mean the same, whatever their forms."""
        return not self.diff(other) if isinstance(other, Definition) else NotImplemented

    __hash__ = None  # type: ignore[assignment]
