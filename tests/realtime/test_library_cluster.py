"""``tutti library --scheduler``: a Dask cluster that is there, and loses a worker on the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile
from distributed import LocalCluster

from realtime.errors import TuttiError
from realtime.library.cluster import on_cluster
from realtime.library.row import Outcome, outcome_of
from realtime.library.walk import Found

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def files(tmp_path: Path, tones) -> list[Found]:
    """Twelve of four seconds, and one that cannot be read."""
    for i in range(12):
        soundfile.write(tmp_path / f"{i:02}.wav", tones(["piano"], 4), 16_000)
    (tmp_path / "bad.wav").write_bytes(b"bad")
    found = []
    for path in sorted(tmp_path.iterdir()):
        status = path.stat()
        found.append(Found(str(path), status.st_size, status.st_mtime_ns))
    return found


def cluster(**options) -> LocalCluster:
    return LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1",
        protocol="tcp://", **options,
    )  # fmt: skip


def losing(files: list[Found], at: int, lose):
    """The files, one at a time; a worker is lost when the one ``at`` is asked for."""
    for number, found in enumerate(files):
        if number == at:
            lose()
        yield found


def all_done_once(files: list[Found], done) -> None:
    assert sorted(one.found.path for one in done) == [found.path for found in files]
    assert [Path(one.found.path).name for one in done if one.error] == ["bad.wav"]
    assert all(one.values for one in done if not one.error)


def test_workers_do_the_files_of_one_that_leaves(files, tone_model_path, monkeypatch) -> None:
    """The fourth file takes until its worker has left, in the midst of it."""
    begun: list[str] = []
    began, gone = threading.Event(), threading.Event()

    def held(found: Found, tag) -> Outcome:
        begun.append(found.path)
        if found == files[3] and not gone.is_set():
            began.set()
            gone.wait(20)
        return outcome_of(found, tag)

    monkeypatch.setattr("realtime.library.cluster.outcome_of", held)
    with cluster(processes=False) as two:

        def lose() -> None:
            assert began.wait(20)
            busy = two.scheduler.tasks["tutti-4"].processing_on.address
            (left,) = [worker for worker in two.workers.values() if worker.address == busy]
            two.sync(left.close, executor_wait=False)
            gone.set()

        jobs = losing(files, 6, lose)
        address = two.scheduler_address
        done = list(on_cluster(jobs, str(tone_model_path), threading.Event(), address))
        assert len(two.scheduler.workers) == 1
    all_done_once(files, done)
    assert begun.count(files[3].path) == 2


def test_only_what_the_workers_can_take_is_asked_for(files, tone_model_path) -> None:
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield files[0]

    stop = threading.Event()
    with cluster(processes=False) as two:
        done = on_cluster(endless(), str(tone_model_path), stop, two.scheduler_address)
        for number, _ in zip(range(1, 11), done, strict=False):
            assert asked <= number + 2 * 2
        stop.set()
        assert list(done) == []


def test_no_cluster_no_workers_and_another_model_are_told(files, tone_model_path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def ask(address: str, model: Path = tone_model_path) -> str:
        with pytest.raises(TuttiError) as told:
            next(on_cluster(iter(files), str(model), threading.Event(), address))
        return str(told.value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("realtime.library.cluster.CONNECT_S", 0.5)
        assert f"There is no Dask scheduler at {nobody}" in ask(nobody)
        assert "There is no Dask scheduler at nonsense" in ask("nonsense")
    with cluster(processes=False) as two:
        assert "cannot load the model" in ask(two.scheduler_address, Path("nowhere.onnx"))
        two.scale(0)
        two.sync(two._correct_state)
        assert "has no workers" in ask(two.scheduler_address)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_command_on_a_cluster_whose_worker_is_killed(files, tone_model_path, tmp_path) -> None:
    folder, output = Path(files[0].path).parent, tmp_path / "tags.parquet"
    with cluster(processes=True) as two:
        first = next(iter(two.workers.values()))
        pid = first.process.pid

        def lose() -> None:
            os.kill(pid, signal.SIGKILL)

        address = two.scheduler_address
        done = list(
            on_cluster(losing(files, 6, lose), str(tone_model_path), threading.Event(), address)
        )
        all_done_once(files, done)
        command = [sys.executable, "-m", "realtime.cli", "library", folder, "-o", output,
                   "--model", tone_model_path, "--scheduler", address]  # fmt: skip
        told = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "12 files, 12 of them new" in told.stdout
