"""Pipeline definitions: read, checked, resolved, compared, converted and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import _times
from ._efsbackup import CancelToken, NativeDefinition
from ._paths import StrOrBytesPath, several
from ._simulation import Simulation


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


@dataclass(frozen=True)
class Unresolved:
    """A name in an expression that has no value yet."""

    object: str
    """The object's id."""
    field: str
    """The field's key."""
    name: str
    """The name, as written."""


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

    What a pipeline would do is played without running it:

    >>> nightly = Definition.parse('''{"objects": [
    ...   {"id": "Default", "scheduleType": "cron", "schedule": {"ref": "Daily"}},
    ...   {"id": "Daily", "type": "Schedule", "period": "1 days",
    ...    "startDateTime": "2026-03-01T03:00:00"},
    ...   {"id": "Copy", "type": "ShellCommandActivity", "workerGroup": "g", "command": "cp"}
    ... ]}''')
    >>> played = nightly.simulate(until="2026-03-03T03:00:00", fail=["Copy@2026-03-02T03:00:00"])
    >>> [(run.scheduled_start.day, run.status) for run in played.runs]
    [(1, 'FINISHED'), (2, 'FAILED'), (3, 'RUNNING')]
    """

    def __init__(
        self, native: NativeDefinition, unresolved: tuple[Unresolved, ...] = ()
    ) -> None:
        self._native = native
        self._unresolved = unresolved

    @classmethod
    def load(
        cls,
        path: StrOrBytesPath,
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
            NotFoundError: There is no such file; other errors of reading it are ``OSError`` too.
            DefinitionError: It is in none of the forms; the message says where and why.
        """
        return cls(NativeDefinition.load(path, lenient, pipeline))

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

    def to(self, form: str, *, fold_arguments: bool = False) -> str:
        """Writes it in another form, or in its own as it was.

        Args:
            form: ``cli``, ``api``, ``cfn-yaml``, ``cfn-json``, ``terraform`` or ``terraform-json``.
            fold_arguments: Put several arguments of a command into the command itself:
                Terraform keeps no order.

        Raises:
            DefinitionError: The form cannot carry it; the message says why.
        """
        return self._native.write(form, fold_arguments)

    def to_cloudformation(self) -> str:
        """Writes it as a CloudFormation template in YAML."""
        return self.to("cfn-yaml")

    def to_terraform(self, *, fold_arguments: bool = False) -> str:
        """Writes it as Terraform's resources in HCL; ``fold_arguments`` as in :meth:`to`."""
        return self.to("terraform", fold_arguments=fold_arguments)

    def left_behind(self, form: str) -> list[str]:
        """What else its file holds that the form does not carry."""
        return self._native.left_behind(form)

    def validate(self) -> list[Finding]:
        """Everything that is wrong with it, in its order; no account is asked."""
        return [Finding(*found) for found in self._native.validate()]

    @property
    def pipeline(self) -> str | None:
        """The pipeline's name in its file: a template's logical id, a resource's name."""
        return self._native.pipeline

    @property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """What :meth:`resolve`, which made it, found no value for."""
        return self._unresolved

    def resolve(
        self,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        at: datetime | str | None = None,
        node: str | None = None,
        runtime: Mapping[str, str] | None = None,
        simulated: bool = False,
        parameters_only: bool = False,
        inherited: bool = False,
        require_values: bool = False,
    ) -> Definition:
        """Puts in the values of parameters and all else that is known before a run.

        Args:
            values: By the names of parameters, in place of the definition's own; several
                values make a list. Secrets are covered in what comes out.
            at: Also put in what the service sets in the run scheduled for this time.
            node: The object that ``node`` means in an alarm, where several name it.
            runtime: Values of runtime fields, such as ``{"node.@status": "FAILED"}``.
            simulated: Make up runtime fields without a value, as of a first attempt that
                begins when it is due.
            parameters_only: Replace parameters only, not the names of fields.
            inherited: Write each object with what it inherits.
            require_values: Raise where a parameter that is used has no value.

        Raises:
            NotFoundError: There is no such parameter.
            UnresolvedParameterError: A parameter has no value. Only with ``require_values``.
            DefinitionError: A value is not of its parameter's type, or an expression is wrong.
        """
        if at is None and (node is not None or runtime or simulated):
            raise TypeError("node, runtime and simulated need at")
        options = {
            "at": _times.written("at", at),
            "node": node,
            "runtime": list((runtime or {}).items()),
            "simulated": simulated,
            "parameters_only": parameters_only,
            "inherited": inherited,
            "require_values": require_values,
        }
        native, document = self._native.resolve(assignments(values), options)
        left = tuple(Unresolved(**left) for left in json.loads(document)["unresolved"])
        return Definition(native, left)

    def simulate(
        self,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        start: datetime | str | None = None,
        until: datetime | str | None = None,
        takes: timedelta | float | str | Mapping[str, timedelta | float | str] = 60,
        fail: Iterable[str] = (),
        lose: Iterable[str] = (),
        cancel: CancelToken | None = None,
    ) -> Simulation:
        """Plays it over a span of time: every run, retry, failure and message that would be.

        Nothing is run and no time passes.

        Args:
            values: By the names of parameters, as in :meth:`resolve`.
            start: When it is activated; at the first ``startDateTime`` unless given, else now.
            until: Up to when it is played; a day later unless given.
            takes: How long attempts take, of all activities or by their ids: seconds, or text
                such as ``"25m"``. Those that are not named take a minute.
            fail: Which attempts fail, each ``ACTIVITY[@TIME][#N]``: all of an activity, of a
                scheduled start, or those of a number.
            lose: Which attempts are lost with their machine, written as in ``fail``.
            cancel: Stops it.

        Raises:
            NotFoundError: The definition has no such object or parameter.
            UnresolvedParameterError: A parameter has no value.
            DefinitionError: The definition has errors.
        """
        if isinstance(takes, Mapping):
            taking = [f"{name}={_times.duration(time)}" for name, time in takes.items()]
        else:
            taking = [_times.duration(takes)]
        options = {
            "start": _times.written("start", start),
            "until": _times.written("until", until),
            "takes": taking,
            "fail": several("fail", fail),
            "lose": several("lose", lose),
        }
        document = self._native.simulate(assignments(values), options, cancel)
        return Simulation.from_dict(json.loads(document))

    def diff(self, new: Definition) -> list[DefinitionChange]:
        """What is different in ``new``; order counts where it means something."""
        return changes(self._native.diff(new._native))

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
        return self._native.draw(kind, theme, list(dict(states).items()))

    def _repr_svg_(self) -> str:
        return self.draw()

    def __eq__(self, other: object) -> bool:
        """Whether both mean the same, whatever their forms."""
        return not self.diff(other) if isinstance(other, Definition) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        # Secrets go along: the definition would be another one without them.
        return _rebuild, (self.to(self.form), self.pipeline, self._unresolved)

    def __repr__(self) -> str:
        return f"<Definition, {self.form}>"

    __hash__ = None  # type: ignore[assignment]


def changes(
    native: Iterable[tuple[str, list[str], list[str], bool, bool]],
) -> list[DefinitionChange]:
    """Differences as the native half has them."""
    return [
        DefinitionChange(place, tuple(before), tuple(after), (was, will_be))
        for place, before, after, was, will_be in native
    ]


def assignments(values: Mapping[str, str | Sequence[str]] | None) -> list[tuple[str, str]]:
    """Each value with the name of its parameter."""
    given: list[tuple[str, str]] = []
    for name, value in (values or {}).items():
        texts = [value] if isinstance(value, str) else value
        given.extend((name, text) for text in texts)
    return given


def _rebuild(
    text: str, pipeline: str | None, unresolved: tuple[Unresolved, ...]
) -> Definition:
    definition = Definition.parse(text, pipeline=pipeline)
    return Definition(definition._native, unresolved)
