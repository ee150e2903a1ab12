"""``tutti library``: every file once, whatever becomes of it, of the disk and of the run."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from library_work import Dies, Meets, fake
from pyarrow import parquet

from realtime.cores import cores
from realtime.errors import TuttiError
from realtime.library import build as building
from realtime.library import table
from realtime.library.build import Summary, build
from realtime.library.journal import Journal
from realtime.library.processes import in_processes
from realtime.library.row import columns, outcome_of, values_of
from realtime.library.walk import Found, sound_files
from realtime.outputs.formats import FORMATS
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and signals as POSIX has")
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def tagger(tone_model_path) -> Tagger:
    return Tagger(tone_model_path, smoothing=NO_SMOOTHING)


@pytest.fixture
def archive(tmp_path: Path, tones) -> Path:
    """Piano, half of it silent; harp, two folders down; an empty file and one that is text."""
    folder = tmp_path / "archive"
    (folder / "a" / "b").mkdir(parents=True)
    piano = tones(["piano"], 4)
    piano[32_000:] = 0.0
    soundfile.write(folder / "piano.wav", piano, 16_000)
    soundfile.write(folder / "a" / "b" / "harp.FLAC", tones(["harp"], 2), 16_000, format="FLAC")
    (folder / "empty.wav").touch()
    (folder / "a" / "text.mp3").write_text("not sound\n" * 99)
    (folder / "notes.txt").write_text("no ending of sound")
    return folder


class Run:
    """``build`` in this process, one file after the other; ``seen`` are those it tagged."""

    def __init__(self, tagger: Tagger, output: Path) -> None:
        self.tagger, self.output = tagger, output
        self.seen: list[str] = []
        self.tag = tagger.tag
        self.stop = threading.Event()

    def spread(self, jobs):
        for job in jobs:
            self.seen.append(Path(job.path).name)
            yield outcome_of(job, self.tag)

    def __call__(self, folder: Path) -> Summary:
        self.seen.clear()
        tell = lambda what, done, total: None  # noqa: E731
        return build(str(folder), self.output, self.tagger.model.spec, self.spread, tell, self.stop)

    def rows(self) -> dict[str, dict]:
        found = parquet.read_table(self.output).to_pylist()
        by_name = {Path(row["path"]).name: row for row in found}
        assert len(by_name) == len(found), "a file stands twice"
        return by_name

    def errors(self) -> dict[str, dict]:
        path = self.output.with_name(f"{self.output.stem}.errors.csv")
        if not path.exists():
            return {}
        with path.open(encoding="utf-8", newline="") as stream:
            return {Path(row["path"]).name: row for row in csv.DictReader(stream)}

    @property
    def journal(self) -> Path:
        return self.output.with_name(f"{self.output.name}.journal")


@pytest.fixture
def run(tagger: Tagger, tmp_path: Path) -> Run:
    return Run(tagger, tmp_path / "out" / "tags.parquet")


def names(folder: Path, complaints: list[tuple[str, str]] | None = None) -> list[str]:
    told = [] if complaints is None else complaints
    found = sound_files(str(folder), lambda path, why: told.append((path, why)))
    return sorted(os.path.relpath(one.path, folder) for one in found)


# -- the walk ------------------------------------------------------------------------


def test_sound_is_found_by_its_ending_however_deep(archive: Path) -> None:
    (archive / ".hidden").mkdir()
    for name in (".hidden/x.wav", "._piano.wav"):
        (archive / name).write_bytes(b"x")
    (archive / "folder.wav").mkdir()
    wanted = ["a/b/harp.FLAC", "a/text.mp3", "empty.wav", "piano.wav"]
    assert names(archive) == sorted(map(os.path.normpath, wanted))
    (one,) = [f for f in sound_files(str(archive), print) if f.path.endswith("piano.wav")]
    status = (archive / "piano.wav").stat()
    assert one == Found(str(archive / "piano.wav"), status.st_size, status.st_mtime_ns)


@posix
def test_links_are_followed_and_never_round_in_circles(archive: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "flute.wav").write_bytes(b"x")
    (outside / "round").symlink_to(outside)
    (outside / "back").symlink_to(archive)
    (archive / "elsewhere").symlink_to(outside)
    (archive / "a" / "up").symlink_to(archive)
    (archive / "a" / "beside").symlink_to(archive / "a" / "b")
    (archive / "other.wav").symlink_to(archive / "piano.wav")
    (archive / "self.wav").symlink_to("self.wav")
    (archive / "gone.wav").symlink_to("nowhere.wav")
    os.mkfifo(archive / "pipe.wav")
    told: list[tuple[str, str]] = []
    found = names(archive, told)
    wanted = ["a/b/harp.FLAC", "a/text.mp3", "elsewhere/flute.wav", "empty.wav", "other.wav"]
    assert found == [*wanted, "piano.wav"]
    assert sorted(Path(path).name for path, _ in told) == ["gone.wav", "self.wav"]
    assert all(path in why for path, why in told)


@pytest.mark.parametrize("name", ["nowhere", "piano.wav"])
def test_no_folder_is_told(archive: Path, name: str) -> None:
    with pytest.raises(TuttiError, match=f"{name} cannot be read as a folder"):
        sound_files(str(archive / name), print)


# -- rows ----------------------------------------------------------------------------


def test_a_row_says_for_how_much_of_the_time_each_label_sounds(tagger: Tagger, tones) -> None:
    piano = tones(["piano"], 10)
    piano[5 * 16_000 :] = 0.0
    timeline = tagger.tag(piano, 16_000)
    names = columns(tagger.model.spec)
    values = dict(zip(names, np.frombuffer(values_of(timeline), "f4").tolist(), strict=True))
    summary = timeline.summary()
    assert values["duration_s"] == 10.0
    for name, one in summary.items():
        assert values[f"share_{name}"] == pytest.approx(one.active_s / 10.0, abs=1e-6)
        assert values[f"probability_{name}"] == pytest.approx(one.probability, abs=1e-6)
    assert 0.4 < values["share_piano"] < 0.6
    assert values["share_family_key"] == values["share_piano"]
    assert values["share_family_brass"] == 0.0
    assert values["polyphony_mean"] == pytest.approx(timeline.polyphony_mean, abs=1e-6)


def test_a_table_holds_what_sounds_and_the_errors_what_cannot_be_read(run, archive) -> None:
    assert run(archive) == Summary(tagged=2, known=0, unreadable=2, rows=2)
    rows = run.rows()
    assert set(rows) == {"piano.wav", "harp.FLAC"}
    assert rows["piano.wav"]["path"] == str(archive / "piano.wav")
    assert rows["piano.wav"]["size_bytes"] == (archive / "piano.wav").stat().st_size
    assert rows["harp.FLAC"]["share_harp"] == 1.0
    assert 0.3 < rows["piano.wav"]["share_piano"] < 0.8
    errors = run.errors()
    assert set(errors) == {"empty.wav", "text.mp3"}
    assert "is empty" in errors["empty.wav"]["error"]
    assert errors["empty.wav"]["size_bytes"] == "0"
    assert sorted(p.name for p in run.output.parent.iterdir()) == [
        "tags.errors.csv", "tags.parquet",
    ]  # fmt: skip


def test_only_what_is_new_or_changed_is_tagged_again(run, archive, tones) -> None:
    run(archive)
    assert run(archive) == Summary(tagged=0, known=2, unreadable=2, rows=2)
    soundfile.write(archive / "piano.wav", tones(["oboe"], 3), 16_000)
    soundfile.write(archive / "empty.wav", tones(["banjo"], 1), 16_000)
    assert run(archive) == Summary(tagged=2, known=1, unreadable=1, rows=3)
    assert set(run.seen) == {"piano.wav", "empty.wav", "text.mp3"}
    assert run.rows()["piano.wav"]["share_oboe"] == 1.0
    assert run.rows()["piano.wav"]["share_piano"] == 0.0
    assert run.rows()["empty.wav"]["share_banjo"] == 1.0
    assert set(run.errors()) == {"text.mp3"}
    (archive / "piano.wav").write_bytes(b"")
    run(archive)
    assert set(run.rows()) == {"harp.FLAC", "empty.wav"}
    assert set(run.errors()) == {"text.mp3", "piano.wav"}


def test_several_folders_share_a_table(run, archive, tmp_path, tones) -> None:
    run(archive)
    other = tmp_path / "archive2"
    other.mkdir()
    soundfile.write(other / "voice.wav", tones(["voice"]), 16_000)
    (other / "bad.wav").write_bytes(b"bad")
    assert run(other).rows == 3
    assert set(run.rows()) == {"voice.wav", "piano.wav", "harp.FLAC"}
    assert set(run.errors()) == {"bad.wav", "empty.wav", "text.mp3"}
    (other / "bad.wav").unlink()
    run(other)
    assert set(run.errors()) == {"empty.wav", "text.mp3"}
    for name in ("a/text.mp3", "empty.wav"):
        (archive / name).unlink()
    run(archive)
    assert run.errors() == {}
    assert [p.name for p in run.output.parent.iterdir()] == ["tags.parquet"]


def test_a_file_that_changes_while_it_is_read_is_an_error_and_then_a_row(run, archive) -> None:
    def changing(path: str):
        timeline = run.tagger.tag(path)
        os.utime(path, ns=(1, 1))
        return timeline

    run.tag = changing
    run(archive)
    assert "changed while it was read" in run.errors()["piano.wav"]["error"]
    assert run.rows() == {}
    run.tag = run.tagger.tag
    run(archive)
    assert set(run.rows()) == {"piano.wav", "harp.FLAC"}


def test_a_file_that_is_gone_when_its_turn_comes(run, archive) -> None:
    def spread(jobs):
        for job in jobs:
            Path(job.path).unlink()
            yield outcome_of(job, run.tagger.tag)

    run.spread = spread
    assert run(archive).unreadable == 4
    assert "does not exist" in run.errors()["piano.wav"]["error"]


@posix
def test_names_that_are_no_text_and_unreadable_links_are_rows(run, archive) -> None:
    (archive / "piano.wav").rename(archive / "a\udcff\n.wav")
    (archive / "bad\udcff.wav").write_bytes(b"bad")
    (archive / "self.wav").symlink_to("self.wav")
    run(archive)
    assert "a\\udcff\n.wav" in run.rows()
    assert {"bad\\udcff.wav", "self.wav"} <= set(run.errors())
    assert run(archive).known == 2


# -- the journal ---------------------------------------------------------------------

KILLED = """
import os, signal, sys, threading
from pathlib import Path
from realtime.library import build as building
from realtime.library.row import outcome_of
from realtime.tagger import Tagger

folder, output, model, when = sys.argv[1:]
tagger = Tagger(model)

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def spread(jobs):
    for number, job in enumerate(jobs):
        if number == 3 and when == "tagging":
            kill()
        print(Path(job.path).name, flush=True)
        yield outcome_of(job, tagger.tag)

def write(path, *_):
    with building.whole_file(path) as partial:
        partial.write_bytes(b"half")
        kill()

if when == "writing":
    building.table.write = write
if when == "removing":
    building.Journal.remove = kill
building.build(folder, Path(output), tagger.model.spec, spread, print, threading.Event())
"""


@posix
@pytest.mark.parametrize(("when", "done"), [("tagging", 3), ("writing", 8), ("removing", 8)])
def test_a_kill_loses_no_file_and_repeats_none(
    run, tmp_path, tones, tone_model_path, when: str, done: int
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for i in range(7):
        soundfile.write(folder / f"{i}.wav", tones(["piano"]), 16_000)
    (folder / "bad.wav").write_bytes(b"bad")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, folder, run.output, tone_model_path, when],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = killed.stdout.split()
    before = [name for name in before if name.endswith(".wav")]
    assert len(before) == done
    assert run.journal.exists()
    summary = run(folder)
    assert sorted(before + run.seen) == sorted(p.name for p in folder.iterdir())
    assert summary.known == done
    assert set(run.rows()) == {f"{i}.wav" for i in range(7)}
    assert set(run.errors()) == {"bad.wav"}
    assert sorted(p.name for p in run.output.parent.iterdir()) == [
        "tags.errors.csv", "tags.parquet",
    ]  # fmt: skip


def test_stopped_in_order_it_goes_on_too(run, archive) -> None:
    def tag(path: str):
        run.stop.set()
        return run.tagger.tag(path)

    run.tag = tag
    first = run(archive)
    assert first.tagged + first.unreadable == 1
    assert not run.output.exists()
    run.stop.clear()
    run.tag, seen = run.tagger.tag, list(run.seen)
    run(archive)
    assert not set(seen) & set(run.seen)
    assert set(run.rows()) == {"piano.wav", "harp.FLAC"}


def test_a_table_taken_away_between_is_made_whole_again(run, archive, monkeypatch) -> None:
    """Its rows are not in the journal: they are tagged anew and not lost."""
    run(archive)
    run.stop.set()
    run(archive)
    run.output.unlink()
    run.stop.clear()
    run(archive)
    assert set(run.rows()) == {"piano.wav", "harp.FLAC"}


def test_two_at_once_are_refused(run, archive) -> None:
    run.output.parent.mkdir()
    about = {"model": run.tagger.model.spec.name, "version": run.tagger.model.spec.version}
    with Journal(run.journal, about), pytest.raises(TuttiError, match="Another 'tutti library'"):
        run(archive)
    run(archive)
    assert len(run.rows()) == 2


def test_another_model_s_table_or_journal_is_refused(run, archive, make_tone_model, tmp_path):
    other = Run(Tagger(make_tone_model(tmp_path / "other.onnx", version="9")), run.output)
    run.stop.set()
    run(archive)
    with pytest.raises(TuttiError, match="begun with another model"):
        other(archive)
    run.stop.clear()
    run(archive)
    before = run.output.read_bytes()
    with pytest.raises(TuttiError, match=r"made with another model \(tones 1\.2\.3\)"):
        other(archive)
    assert run.output.read_bytes() == before


@pytest.mark.parametrize("kind", ["text", "another's", "folder", "journal"])
def test_what_is_no_table_is_refused_and_left_alone(run, archive, kind: str) -> None:
    run.output.parent.mkdir()
    path = run.journal if kind == "journal" else run.output
    if kind == "folder":
        path.mkdir()
    elif kind == "another's":
        FORMATS["parquet"].save(run.tagger.tag(archive / "piano.wav"), path)
    else:
        path.write_text("mine\n" * 1000)
    before = None if kind == "folder" else path.read_bytes()
    with pytest.raises(TuttiError, match=path.name) as told:
        run(archive)
    assert "\n" not in str(told.value)
    assert kind != "another's" or "was not made by 'tutti library'" in str(told.value)
    assert before is None or path.read_bytes() == before


# -- many ----------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_number_of_files(run, tmp_path, monkeypatch) -> None:
    """A generator of paths that is never a list: 20 times the files, the same memory."""
    monkeypatch.setattr(table, "ROWS", 256)
    peaks = {}
    for count in (300, 6_000):

        def many(folder, complain, count=count):
            for i in range(count):
                yield Found(f"{folder}/{i // 100}/{i}.wav", i, i)

        def spread(jobs):
            for job in jobs:
                yield fake(job)

        monkeypatch.setattr(building, "sound_files", many)
        run.output = tmp_path / str(count) / "tags.parquet"
        run.spread = spread
        tracemalloc.start()
        assert run(tmp_path).rows == count
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert parquet.read_metadata(run.output).num_rows == count
        assert run(tmp_path).known == count
    # A list of them would take 600 bytes a file, 3.4 MB; the table's own index takes some too.
    assert peaks[6_000] < peaks[300] + 700_000, peaks


MANY = """
import resource, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from library_work import fake
from realtime.library import build as building
from realtime.library.walk import Found
from realtime.model import TagModel

count = int(sys.argv[2])
building.sound_files = lambda folder, complain: (
    Found(f"{folder}/{i // 100}/{i}.wav", i, i) for i in range(count)
)
spread = lambda jobs: (fake(job) for job in jobs)
tell = lambda what, done, total: None
for _ in range(2):
    stop = threading.Event()
    building.build(".", Path(sys.argv[1]), TagModel().spec, spread, tell, stop)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory in kB, as Linux tells it")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_million_paths_take_the_memory_of_ten_thousand(tmp_path: Path) -> None:
    """Of the whole process, in MB: all of them new, then all of them known."""
    taken = {}
    for count in (10_000, int(os.environ.get("TUTTI_MANY", 1_000_000))):
        output, helpers = tmp_path / f"{count}.parquet", Path(__file__).parent
        done = subprocess.run(
            [sys.executable, "-c", MANY, output, str(count), helpers],
            env=ENVIRONMENT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        taken[count] = [int(line) for line in done.stdout.split()]
        assert parquet.read_metadata(output).num_rows == count
    print(taken)
    few, many = taken.values()
    assert max(many) < max(few) + 60, taken


def test_jobs_are_asked_for_when_a_process_is_free_and_no_sooner(tmp_path: Path) -> None:
    asked = 0

    def jobs():
        nonlocal asked
        for asked in range(1, 1_000_001):  # noqa: B007
            yield Found(f"{asked}.wav", 1, 1)

    outcomes = in_processes(jobs(), Dies(tmp_path), threading.Event(), 2)
    done = [next(outcomes) for _ in range(200)]
    assert asked <= 202
    outcomes.close()
    assert len({one.found.path for one in done}) == 200
    assert not psutil.Process().children() or all(
        "spawn_main" not in " ".join(child.cmdline()) for child in psutil.Process().children()
    )


def test_every_core_has_a_process(tmp_path: Path) -> None:
    """Each of two waits until the other has begun."""
    jobs = iter([Found("a.wav", 1, 1), Found("b.wav", 1, 1)])
    done = list(in_processes(jobs, Meets(tmp_path), threading.Event(), 2))
    assert [one.error for one in done] == ["", ""]
    assert len(list(tmp_path.iterdir())) == 2
    assert cores() >= 1
    if hasattr(os, "sched_getaffinity"):
        assert cores() == len(os.sched_getaffinity(0))


def test_a_file_that_kills_its_process_is_an_error_and_ends_nothing(tmp_path: Path) -> None:
    wanted = ["1.wav", "always.wav", "2.wav", "once.wav", "3.wav"]
    jobs = iter([Found(name, 1, 1) for name in wanted])
    done = list(in_processes(jobs, Dies(tmp_path), threading.Event(), 2))
    assert sorted(one.found.path for one in done) == sorted(wanted)
    (bad,) = [one for one in done if one.error]
    assert bad.found.path == "always.wav"
    assert "ended the process that read it, twice (status 7)" in bad.error
    assert all(one.values for one in done if one is not bad)


# -- the command ---------------------------------------------------------------------


def tutti(*arguments: object, before: str = "", **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", *map(str, arguments)]
    if before:
        command = ["sh", "-c", f'{before} && exec "$@"', "sh", *command]
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, **options
    )
    assert "Traceback" not in done.stderr
    return done


def told_files(done: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    """In all, and new."""
    found = re.search(r": (\d+) files, (\d+) of them new", done.stdout)
    assert found, done.stdout
    return int(found[1]), int(found[2])


def test_the_command_fills_a_table_that_search_reads(archive, tmp_path, tone_model_path) -> None:
    output = tmp_path / "tags.parquet"
    done = tutti("library", archive, "-o", output, "--model", tone_model_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == f"{output}: 2 files, 2 of them new."
    assert second == f"{tmp_path / 'tags.errors.csv'}: 2 that cannot be read, and why."
    found = tutti("search", output, "piano and not harp", "--format", "paths")
    assert (found.returncode, found.stdout) == (0, f"{archive / 'piano.wav'}\n")
    again = tutti("library", archive, "-o", output, "--model", tone_model_path)
    assert "2 files, 0 of them new." in again.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("full", ["table", "journal"])
def test_a_full_disk_is_told_and_what_was_done_is_kept(
    run, archive, tone_model_path, tones, full: str
) -> None:
    run.output.parent.mkdir()
    for i in range(60):
        soundfile.write(archive / f"{i}.wav", tones(["voice"], 0.2), 16_000)
    command = ("library", archive, "-o", run.output, "--model", tone_model_path)
    if full == "table":
        run.output.symlink_to("/dev/full")
        done = tutti(*command)
        run.output.unlink()
    else:
        done = tutti(*command, before="ulimit -f 250")  # of 512 bytes
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "tags.parquet" in done.stderr
    assert "make room" in done.stderr
    again = run(archive)
    assert len(run.rows()) == again.rows == 62
    assert again.known == 64 if full == "table" else 5 < again.known < 60


@posix
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_command_and_it_goes_on(
    tmp_path, tones, tone_model_path, number
) -> None:
    folder, output = tmp_path / "archive", tmp_path / "tags.parquet"
    folder.mkdir()
    for i in range(40):
        soundfile.write(folder / f"{i}.wav", tones(["piano"], 60), 16_000)
    command = [sys.executable, "-m", "realtime.cli", "library", folder, "-o", output,
               "--model", tone_model_path]  # fmt: skip
    running = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    wal = tmp_path / "tags.parquet.journal-wal"
    until_s = time.monotonic() + 60
    while not wal.exists() or wal.stat().st_size < 60_000:
        assert time.monotonic() < until_s
        assert running.poll() is None
        time.sleep(0.02)
    children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(number)
    told = running.communicate(timeout=20)[1]
    assert running.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or "the same command goes on from there" in told
    assert not psutil.wait_procs(children, timeout=20)[1]
    done = tutti(*command[3:])
    assert done.returncode == 0, done.stderr
    rows, new = told_files(done)
    assert rows == 40
    assert 0 < new < 40
