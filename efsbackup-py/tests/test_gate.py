"""Progress, cancelling and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import efsbackup
from efsbackup import Progress


def test_progress_comes_on_this_thread_and_adds_up(many: Path, tmp_path: Path) -> None:
    states: list[Progress] = []
    threads = set()

    def note(progress: Progress) -> None:
        states.append(progress)
        threads.add(threading.get_ident())

    report = efsbackup.mirror(many, tmp_path / "copy", progress=note)
    assert threads == {threading.get_ident()}
    assert states[-1].entries == report.entries.scanned.total == 40 * 251 + 1
    assert states[-1].bytes_written == report.bytes.copied == 40 * 250 * 100
    for before, after in zip(states, states[1:]):
        assert before.entries <= after.entries and before.seconds <= after.seconds


def test_an_exception_in_the_callback_comes_out(many: Path, tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        raise ZeroDivisionError(progress.phase)

    with pytest.raises(ZeroDivisionError, match="copying|syncing"):
        efsbackup.mirror(many, tmp_path / "copy", progress=fail)


def test_false_from_the_callback_cancels(many: Path, tmp_path: Path) -> None:
    # Held to a rate, so that the first callback comes long before the end.
    with pytest.raises(efsbackup.CancelledError):
        efsbackup.mirror(
            many, tmp_path / "copy", limit_ops=1000, progress=lambda progress: False
        )
    assert sum(1 for _ in (tmp_path / "copy").rglob("file-*")) < 40 * 250


def test_none_from_the_callback_goes_on(source: Path, tmp_path: Path) -> None:
    efsbackup.mirror(source, tmp_path / "copy", progress=lambda progress: None)


def test_a_token_cancels_from_another_thread(many: Path, tmp_path: Path) -> None:
    token = efsbackup.CancelToken()
    assert not token.cancelled

    def cancel(progress: Progress) -> None:
        threading.Thread(target=token.cancel).start()

    with pytest.raises(efsbackup.CancelledError):
        efsbackup.mirror(
            many, tmp_path / "copy", limit_ops=1000, cancel=token, progress=cancel
        )
    assert token.cancelled


def test_a_cancelled_token_stops_the_next_run_at_once(source: Path, tmp_path: Path) -> None:
    token = efsbackup.CancelToken()
    token.cancel()
    with pytest.raises(efsbackup.CancelledError):
        efsbackup.mirror(source, tmp_path / "copy", cancel=token)
    assert not (tmp_path / "copy" / "linked").exists()


def test_threads_mirror_at_once(source: Path, tmp_path: Path) -> None:
    reports = {}

    def work(number: int) -> None:
        reports[number] = efsbackup.mirror(source, tmp_path / f"copy-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reports[number].entries.created.total for number in range(4)] == [7] * 4


def test_ctrl_c_stops_the_run(many: Path, tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import signal, sys, efsbackup
        # Ignored where the tests were started in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            efsbackup.mirror(
                sys.argv[1], sys.argv[2], limit_ops=1000,
                progress=lambda progress: print(progress.entries, flush=True),
            )
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(many), str(tmp_path / "copy")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip().isdigit()
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert rest.splitlines()[-1] == "interrupted"
    assert child.returncode == 0


def test_a_simulation_is_cancelled() -> None:
    definition = efsbackup.Definition.parse(
        """{"objects": [
          {"id": "Default", "scheduleType": "cron", "schedule": {"ref": "Often"}},
          {"id": "Often", "type": "Schedule", "period": "15 minutes",
           "startDateTime": "2026-03-01T00:00:00"},
          {"id": "Work", "type": "ShellCommandActivity", "workerGroup": "g", "command": "true"}
        ]}"""
    )
    token = efsbackup.CancelToken()
    threading.Timer(0.2, token.cancel).start()
    with pytest.raises(efsbackup.CancelledError, match="stopped at"):
        # Years of it, which take minutes.
        definition.simulate(until="2036-03-01T00:00:00", cancel=token)
