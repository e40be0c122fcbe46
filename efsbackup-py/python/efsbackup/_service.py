"""Pipelines on a service: AWS Data Pipeline, ``efsbackup serve``, or the embedded one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import _times
from ._definition import Definition, DefinitionChange, assignments, changes
from ._efsbackup import CancelToken, NativePlan, NativeService
from ._paths import StrOrBytesPath, several


@dataclass(frozen=True)
class PipelineStatus:
    """A pipeline of a service and its state."""

    id: str
    """``df-`` and capital letters and digits."""
    name: str
    """Its label."""
    state: str
    """Its ``@pipelineState``, such as ``SCHEDULED``."""
    created: datetime | None
    """When it was made."""


@dataclass(frozen=True)
class PipelineRun:
    """One instance of a component, as the service tells of it."""

    id: str
    """``@<component>_<scheduled start>``."""
    component: str
    """The object's id."""
    status: str
    """Its ``@status``, such as ``FINISHED``."""
    attempts: int
    """How many attempts were made."""
    scheduled_start: datetime | None
    """When its interval begins."""
    actual_start: datetime | None
    """When its first attempt began."""
    actual_end: datetime | None
    """When it ended."""
    error: str | None
    """Why it failed, or the last of its attempts did."""


@dataclass(frozen=True)
class Standing:
    """How far a pipeline is."""

    state: str
    """Its ``@pipelineState``, such as ``SCHEDULED``."""
    statuses: dict[str, int]
    """How many of the instances that have fallen due are in each ``@status``."""
    failed: int
    """How many of them have ended otherwise than well."""


class Plan:
    """What is to be done to have a pipeline as it is wanted.

    :meth:`Service.plan` makes it; nothing is changed before :meth:`apply`. Its text is what
    ``efsbackup pipeline plan`` shows.
    """

    def __init__(self, service: Service, native: NativePlan) -> None:
        self._service = service
        self._native = native
        self.document: dict[str, Any] = json.loads(native.document())
        """All of it, as the command's ``--json`` writes it."""

    @property
    def pipeline(self) -> str | None:
        """The id of the pipeline that is there."""
        return self.document["pipeline"]  # type: ignore[no-any-return]

    @property
    def state(self) -> str | None:
        """Its state, such as ``SCHEDULED``."""
        return self.document["state"]  # type: ignore[no-any-return]

    @property
    def changes(self) -> list[DefinitionChange]:
        """What differs from the definition that is there; all of it where there is none."""
        return changes(self._native.changes())

    @property
    def steps(self) -> list[str]:
        """What is to be done, in this order; empty where all is as it is wanted."""
        return list(self.document["steps"])

    @property
    def reasons(self) -> list[str]:
        """Why the pipeline can't simply be given the definition."""
        return list(self.document["reasons"])

    @property
    def losses(self) -> list[str]:
        """What the steps cost."""
        return list(self.document["losses"])

    @property
    def errors(self) -> list[str]:
        """What stands in the way of activation, each with the object it is about."""
        return _found(self.document["errors"])

    @property
    def warnings(self) -> list[str]:
        """What deserves a look."""
        return _found(self.document["warnings"])

    @property
    def unseen_secrets(self) -> int:
        """How many secrets can't be compared, as the service shows none."""
        return self.document["unseen_secrets"]  # type: ignore[no-any-return]

    @property
    def refusal(self) -> str | None:
        """Why :meth:`apply` refuses, and what to say to have it done."""
        return self.document["refusal"]  # type: ignore[no-any-return]

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return bool(self.document["steps"])

    def apply(
        self,
        *,
        activate: bool = False,
        patience: float | timedelta | None = None,
        cancel: CancelToken | None = None,
    ) -> str:
        """Do what is planned; see :meth:`Service.apply`."""
        return self._service.apply(self, activate=activate, patience=patience, cancel=cancel)

    def __str__(self) -> str:
        lines = [f"~ {change.place}" for change in self.changes]
        lines += [f"error: {error}" for error in self.errors]
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines += [f"not while it is as it is: {reason}" for reason in self.reasons]
        lines += [f"> {step}" for step in self.steps] or ["nothing to do"]
        lines += [f"! {loss}" for loss in self.losses]
        if self.refusal is not None:
            lines.append(f"refused: {self.refusal}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Plan, {len(self.document['steps'])} steps>"


class Service:
    """A service that has pipelines: AWS Data Pipeline, one that ``efsbackup serve`` offers, or
    the embedded one, whose state is a file.

    A pipeline is named by its id, or by its name where no other one has it. All calls wait, leave
    the interpreter free for other threads, and end at once on Ctrl-C or by ``cancel``; what was
    asked of the service last may be done nevertheless. What :meth:`apply` and :meth:`wait` do
    goes to ``logging``, to the loggers ``efsbackup.apply`` and ``efsbackup.wait``.

    >>> import tempfile
    >>> service = Service.embedded(tempfile.mkdtemp() + "/state.db")
    >>> definition = Definition.parse('''{"objects": [
    ...   {"id": "Default", "scheduleType": "ondemand"},
    ...   {"id": "Hello", "type": "ShellCommandActivity", "workerGroup": "here",
    ...    "command": "echo hello"}
    ... ]}''')
    >>> plan = service.plan("nightly", definition)
    >>> plan.steps
    ['create the pipeline', 'put the definition']
    >>> pipeline = plan.apply(activate=True)
    >>> bool(service.plan("nightly", definition, activate=True))
    False
    >>> [(status.name, status.state) for status in service.status()]
    [('nightly', 'SCHEDULED')]
    >>> [(run.component, run.status) for run in service.runs("nightly")]
    [('Hello', 'WAITING_FOR_RUNNER')]
    >>> service.mark_finished("nightly", status="WAITING_FOR_RUNNER") == [
    ...     run.id for run in service.runs(pipeline)]
    True
    >>> service.wait("nightly").statuses
    {'FINISHED': 1}
    """

    def __init__(self, native: NativeService) -> None:
        self._native = native

    @classmethod
    def embedded(cls, state: StrOrBytesPath) -> Service:
        """The service that needs no other one.

        :func:`run`, ``efsbackup serve`` or ``efsbackup run`` on the same state do its work.

        Args:
            state: The file of its state, on a local disk; made if missing.
        """
        return cls(NativeService.embedded(state))

    @classmethod
    def remote(
        cls,
        endpoint: str,
        *,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        keys: StrOrBytesPath | None = None,
    ) -> Service:
        """The service that ``efsbackup serve`` offers on this machine.

        Args:
            endpoint: Where, such as ``http://127.0.0.1:4664``.
            access_key_id: Its key; ``AWS_ACCESS_KEY_ID`` unless given.
            secret_access_key: Its secret; ``AWS_SECRET_ACCESS_KEY`` unless given.
            keys: A file of the key in the form of ``~/.aws/credentials``, closed to others.
        """
        key = _key(access_key_id, secret_access_key)
        if key is not None and keys is not None:
            raise TypeError("keys: give a file or a key, not both")
        return cls(NativeService.remote(endpoint, key, keys))

    @classmethod
    def aws(
        cls,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        cancel: CancelToken | None = None,
    ) -> Service:
        """AWS Data Pipeline, with the AWS CLI's credentials: from the environment, profiles with
        roles, SSO and processes, containers, the machine's role. They are looked for at once.

        Args:
            region: The region; ``AWS_REGION`` or the profile's unless given.
            profile: The profile in the AWS CLI's files.
            endpoint: A URL in place of AWS's own.
            access_key_id: A key instead of what the environment and the profile have.
            secret_access_key: Its secret.
            session_token: Its token, where it is a temporary one.
            cancel: Stops it.

        Raises:
            UnsupportedError: This module was built without AWS.
            AuthError: There are no credentials.
            InvalidInputError: No region is known.
        """
        key = _key(access_key_id, secret_access_key)
        options = {
            "region": region,
            "profile": profile,
            "endpoint": endpoint,
            "keys": None if key is None else (*key, session_token),
        }
        return cls(NativeService.aws(options, cancel))

    def plan(
        self,
        name: str,
        definition: Definition,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        unique_id: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        activate: bool = False,
        start: datetime | str | None = None,
        cancel_running: bool = False,
        recreate: bool = False,
        cancel: CancelToken | None = None,
    ) -> Plan:
        """Say what is to be done to have a pipeline as it is wanted. Changes nothing.

        Args:
            name: The pipeline's name; with ``unique_id`` it tells which one is meant.
            definition: Its definition.
            values: By the names of parameters, in place of the definition's own.
            unique_id: The unique id of its creation; the name unless given.
            description: Its description; the one that is there unless given.
            tags: All its tags; those that are there unless given.
            activate: Have it active, with this definition.
            start: Where its schedule resumes when it is activated, in UTC unless it has a zone.
            cancel_running: Where it must be inactive for the change, cancel what runs instead of
                waiting for it.
            recreate: Where nothing else does it, delete it and make it anew, its history lost.
            cancel: Stops it.

        Raises:
            InvalidInputError: No service takes this name or id.
            ConflictError: Several pipelines have the name and unique id.
        """
        options = {
            "unique_id": unique_id,
            "description": description,
            "tags": None if tags is None else list(tags.items()),
            "activate": activate,
            "start": _times.written("start", start),
            "cancel_running": cancel_running,
            "recreate": recreate,
        }
        native = self._native.plan(
            name, definition._native, assignments(values), options, cancel
        )
        return Plan(self, native)

    def apply(
        self,
        plan: Plan,
        *,
        activate: bool = False,
        patience: float | timedelta | None = None,
        cancel: CancelToken | None = None,
    ) -> str:
        """Do what is planned. After a failure a new plan has what is left.

        Args:
            plan: What :meth:`plan` gave.
            activate: Have it active in the end, though the plan was not made for that.
            patience: For how many seconds a deactivation is waited for; no limit unless given.
            cancel: Stops it.

        Returns:
            The pipeline's id.

        Raises:
            SafetyStopError: The plan has a refusal.
            ConflictError: The pipeline is no longer what was planned for.
            DefinitionError: The service finds errors in the definition.
        """
        return self._native.apply(plan._native, activate, _seconds(patience), cancel)

    def activate(
        self,
        pipeline: str,
        values: Mapping[str, str | Sequence[str]] | None = None,
        *,
        start: datetime | str | None = None,
        cancel: CancelToken | None = None,
    ) -> str:
        """Start a pipeline, or resume it. Returns its id, as do those below.

        Args:
            pipeline: Its id or name.
            values: Values of parameters, in place of those that are stored.
            start: Where the schedule resumes; what falls due before it is skipped.
            cancel: Stops it.
        """
        start = _times.written("start", start)
        return self._native.activate(pipeline, assignments(values), start, cancel)

    def deactivate(
        self, pipeline: str, *, finish: bool = False, cancel: CancelToken | None = None
    ) -> str:
        """Begin to stop a pipeline; it can be activated again.

        Args:
            pipeline: Its id or name.
            finish: Let what runs finish instead of cancelling it.
            cancel: Stops it.
        """
        return self._native.deactivate(pipeline, finish, cancel)

    def delete(self, pipeline: str, *, cancel: CancelToken | None = None) -> str:
        """Remove a pipeline with all its history; what runs is cancelled.

        Args:
            pipeline: Its id or name.
            cancel: Stops it.
        """
        return self._native.delete(pipeline, cancel)

    def wait(
        self,
        pipeline: str,
        until: str = "finished",
        *,
        patience: float | timedelta | None = None,
        progress: Callable[[Standing], object] | None = None,
        cancel: CancelToken | None = None,
    ) -> Standing:
        """Wait until a pipeline is so far.

        Args:
            pipeline: Its id or name.
            until: ``scheduled`` (it is active), ``running`` (something runs, or has run),
                ``finished`` (all that has fallen due has ended) or ``inactive``.
            patience: Wait no longer than so many seconds.
            progress: Called with a :class:`Standing` on changes; when it returns ``False`` the
                wait is cancelled.
            cancel: Stops it.

        Raises:
            TimedOutError: It took longer.
            ConflictError: It will never get there, as it is not active.
        """
        document = json.loads(
            self._native.wait(pipeline, until, _seconds(patience), progress, cancel)
        )
        return Standing(document["state"], document["statuses"], document["failed"])

    def status(
        self, pipeline: str | None = None, *, cancel: CancelToken | None = None
    ) -> list[PipelineStatus]:
        """The state of every pipeline, or of one.

        Args:
            pipeline: The id or name of one; all unless given.
            cancel: Stops it.
        """
        return [
            PipelineStatus(found["id"], found["name"], found["state"], _time(found["created"]))
            for found in json.loads(self._native.status(pipeline, cancel))
        ]

    def runs(
        self, pipeline: str, *, last: int | None = None, cancel: CancelToken | None = None
    ) -> list[PipelineRun]:
        """The instances of a pipeline, in the order of their making.

        Args:
            pipeline: Its id or name.
            last: Only so many of the last ones.
            cancel: Stops it.
        """
        return [
            PipelineRun(
                id=run["id"],
                component=run["component"],
                status=run["status"],
                attempts=int(run["attempts"] or 0),
                scheduled_start=_time(run["scheduled_start"]),
                actual_start=_time(run["actual_start"]),
                actual_end=_time(run["actual_end"]),
                error=run["error"],
            )
            for run in json.loads(self._native.runs(pipeline, last, cancel))
        ]

    def rerun(
        self,
        pipeline: str,
        instances: Iterable[str] = (),
        *,
        status: str | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Run instances again. Returns their ids, as do the next two.

        Args:
            pipeline: Its id or name.
            instances: Their ids, as :meth:`runs` gives them.
            status: Also all that are in this status, such as ``FAILED``.
            cancel: Stops it.
        """
        return self._command(pipeline, instances, status, "rerun", cancel)

    def cancel(
        self,
        pipeline: str,
        instances: Iterable[str] = (),
        *,
        status: str | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Stop instances.

        Args:
            pipeline: Its id or name.
            instances: Their ids.
            status: Also all that are in this status, such as ``RUNNING``.
            cancel: Stops this call.
        """
        return self._command(pipeline, instances, status, "cancel", cancel)

    def mark_finished(
        self,
        pipeline: str,
        instances: Iterable[str] = (),
        *,
        status: str | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Take instances as finished, so that what depends on them goes on.

        Args:
            pipeline: Its id or name.
            instances: Their ids.
            status: Also all that are in this status.
            cancel: Stops it.
        """
        return self._command(pipeline, instances, status, "mark-finished", cancel)

    def clone(
        self,
        pipeline: str,
        name: str,
        *,
        activate: bool = False,
        cancel: CancelToken | None = None,
    ) -> str:
        """Make a new pipeline of another one's definition, description and tags.

        Args:
            pipeline: The other one's id or name.
            name: The new one's name.
            activate: Activate it.
            cancel: Stops it.

        Returns:
            The new pipeline's id.
        """
        plan = Plan(self, self._native.copy(pipeline, name, activate, cancel))
        return plan.apply(cancel=cancel)

    def tag(
        self,
        pipeline: str,
        tags: Mapping[str, str] | None = None,
        *,
        remove: Iterable[str] = (),
        cancel: CancelToken | None = None,
    ) -> str:
        """Set and remove a pipeline's tags.

        Args:
            pipeline: Its id or name.
            tags: Tags to set.
            remove: Keys of tags to remove, before that.
            cancel: Stops it.
        """
        pairs = list((tags or {}).items())
        return self._native.tag(pipeline, pairs, _texts("remove", remove), cancel)

    def definition(
        self, pipeline: str, *, active: bool = False, cancel: CancelToken | None = None
    ) -> Definition:
        """A pipeline's definition as the service has it. AWS covers secrets in it.

        Args:
            pipeline: Its id or name.
            active: The one that was activated last, instead of the one that was put last.
            cancel: Stops it.
        """
        return Definition(self._native.definition(pipeline, active, cancel))

    def _command(
        self,
        pipeline: str,
        instances: Iterable[str],
        status: str | None,
        command: str,
        cancel: CancelToken | None,
    ) -> list[str]:
        ids = _texts("instances", instances)
        return self._native.command(pipeline, ids, status, command, cancel)

    def __repr__(self) -> str:
        return f"<Service, {self._native.kind}>"


def _found(documents: list[dict[str, Any]]) -> list[str]:
    return [line for found in documents for line in found["lines"]]


def _key(key_id: str | None, secret: str | None) -> tuple[str, str] | None:
    if key_id is None and secret is None:
        return None
    if key_id is None or secret is None:
        raise TypeError("give access_key_id and secret_access_key, or neither")
    return key_id, secret


def _seconds(patience: float | timedelta | None) -> float | None:
    return patience.total_seconds() if isinstance(patience, timedelta) else patience


def _time(text: str | None) -> datetime | None:
    return _times.read(text) if text else None


def _texts(name: str, texts: Iterable[str]) -> list[str]:
    return [str(text) for text in several(name, texts)]
