"""Processes and threads: forked, spawned, and what goes between them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import efsbackup
from efsbackup import CancelToken, NotFoundError, Outcome, Report


def in_a_fork(work: Callable[[], object]) -> int:
    """What ``work`` makes of a forked process: its exit status, or the signal that ended it."""
    child = os.fork()
    if child == 0:
        # Never back into the tests; one that hangs is ended by SIGALRM.
        signal.alarm(60)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def mirror(paths: tuple[str, str]) -> Report:
    return efsbackup.mirror(*paths)


def test_a_forked_process_mirrors_after_its_parent_did(source: Path, tmp_path: Path) -> None:
    efsbackup.mirror(source, tmp_path / "parent")

    def work() -> None:
        report = efsbackup.mirror(source, tmp_path / "child")
        assert report.entries.created.total == 7

    assert in_a_fork(work) == 0
    assert (tmp_path / "child" / "linked").read_text() == "hello"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_forked_while_a_thread_mirrors_does_too(
    many: Path, source: Path, tmp_path: Path
) -> None:
    begun, token = threading.Event(), CancelToken()

    def long() -> None:
        with pytest.raises(efsbackup.CancelledError):
            efsbackup.mirror(
                many,
                tmp_path / "long",
                limit_ops=500,
                cancel=token,
                progress=lambda progress: begun.set(),
            )

    thread = threading.Thread(target=long)
    thread.start()
    assert begun.wait(60)
    try:
        for number in range(5):
            assert in_a_fork(lambda: mirror((str(source), f"{tmp_path}/{number}"))) == 0
    finally:
        token.cancel()
        thread.join()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_results_and_errors_come_back_from_workers(
    method: str, source: Path, tmp_path: Path
) -> None:
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        reports = pool.map(mirror, [(str(source), f"{tmp_path}/{number}") for number in range(3)])
        with pytest.raises(NotFoundError) as caught:
            pool.apply(mirror, ((str(tmp_path / "missing"), str(tmp_path / "none")),))
    assert [report.outcome for report in reports] == [Outcome.COMPLETE] * 3
    assert caught.value.errno == 2 and caught.value.path == str(tmp_path / "missing")


def test_threads_use_one_repository_and_one_definition_at_once(
    source: Path, tmp_path: Path
) -> None:
    repository = efsbackup.Repository(tmp_path / "backups", name="shared")
    repository.backup(source)
    definition = efsbackup.Definition.parse('{"objects": [{"id": "A", "type": "Terminate"}]}')
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(20):
                (snapshot,) = repository.snapshots()
                assert repository.verify(snapshot).good
                assert definition.resolve() == definition and definition.draw("text")
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
