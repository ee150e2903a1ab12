"""Measures the live engine and writes docs/reliability.md.

    python tests/realtime/reliability.py                     # some ten minutes
    python tests/realtime/reliability.py --soak-minutes 60   # an hour in real time as well
    python tests/realtime/reliability.py --tests             # the tests only, cost and memory kept

Measures CPU time and memory of real ``tutti listen`` processes; then runs every live
test, whose line of the table is its docstring's first (or its name), with the figures it
records. CPU time is user plus system time of the process and of its recorder: other load
on the machine counts only as far as it takes caches and clock rate, and is told.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REPORT = ROOT / "docs" / "reliability.md"
DEMO = ROOT / "realtime" / "assets" / "demo.ogg"
WARM_UP_S = 8.0
MEASURE_S = 25.0
FAST_SOAK_MINUTES = 60
SPEED = "30"
SOAK_FROM_MINUTE = 2.0

MEASURED = "## What was measured"
RAN = "The tests ran"

GROUPS = {
    "A real sound path": ["test_live_sound_path.py"],
    "Which input is heard": ["test_live_identity.py"],
    "Faults of sources, consumers, models and clocks": ["test_live_faults.py"],
    "Faults of sound servers": ["test_live_servers.py"],
    "The command as a process": ["test_live_listen.py", "test_readme_live.py"],
    "The machine around it": ["../test_circumstances.py"],
    "Standard input, output and errors": ["test_stdin.py", "test_standard_streams.py"],
    "Effects between two devices": ["test_host_live.py"],
    "A DAW without a loopback": [
        "test_reastream.py",
        "test_jack_ports.py",
        "test_listen_stems.py",
        "test_host_send.py",
    ],
    "What is sent while it is heard": [
        "test_live_outputs.py",
        "test_live_midi.py",
        "test_live_page.py",
        "test_live_page_in_browser.py",
    ],
    "Level and silence": ["test_live_levels.py"],
    "Frames against the clock, and the ring": ["test_live_ring.py"],
    "Malformed files": ["test_live_fuzz_model.py", "test_fuzz_files.py"],
}

DESIGN = """\
How it is built: the sound system is read by a recorder in a process of its own
(`parec`, or `realtime/sources/recorder.py` with PortAudio), so that a driver that hangs
or aborts does not take the meter with it, and recording goes on while other threads hold
the interpreter. A capture thread reads its pipe into a ring of 5 s and compares the frames
with the monotonic clock. A watchdog opens a failed or silent source again, by name and
host API, after 0.25 s, then 0.5, 1, 2 and 5 s. The analysis thread, below normal
priority, cuts windows, infers on one thread without spinning, and tells the listeners;
windows that wait longer than 4 s give way to newer ones and are counted. No window
spans a gap. Sound is passed on every 100 ms: at 20 windows a second, two come at a time.
""".splitlines()

SOAK = """
import sys, time, numpy as np
from realtime.engine import Engine
from realtime.model import TagModel
from realtime.sources.file import FileSource
from realtime.sources.synthetic import SyntheticSource

with FileSource(sys.argv[1], block_s=60.0) as file:
    sound, rate_hz = next(iter(file)), file.sample_rate_hz
def signal(first, count):
    return sound[np.arange(first, first + count) % len(sound)]
minutes, hop_s, speed = map(float, sys.argv[2:5])
source = SyntheticSource(signal, rate_hz, sound.shape[1], rate_hz // 10, speed, 60 * minutes)
engine = Engine(TagModel(), source, hop_s=hop_s)
engine.start()
while not engine.wait(0.1):
    print(engine.latest().stats.frames_in / rate_hz / 60, flush=True)
stats = engine.latest().stats
print("done", stats.windows, stats.windows_dropped, stats.windows_failed, flush=True)
"""


@dataclass
class Outcome:
    """A test as the report tells of it."""

    title: str
    passed: bool = False
    skipped: str = ""
    figures: list[str] = field(default_factory=list)


class Collector:
    """A pytest plugin that keeps what each test was about and what it recorded."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        function = item.function  # type: ignore[attr-defined]
        self.outcomes[item.nodeid] = Outcome(title_of(function.__name__, function.__doc__))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = self.outcomes[report.nodeid]
        if report.skipped and isinstance(report.longrepr, tuple):
            outcome.skipped = report.longrepr[2].removeprefix("Skipped: ")
        if report.when == "call":
            outcome.passed = report.passed
            outcome.figures = [f"{name}: {value}" for name, value in report.user_properties]


def title_of(name: str, docstring: str | None) -> str:
    """What the report calls a test: the first line of what it says of itself, else its name."""
    first = (docstring or "").strip().split("\n")[0].rstrip(".")
    return first or name.removeprefix("test_").replace("_", " ").capitalize()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--soak-minutes", type=float, default=0.0, help="also listen so long in real time"
    )
    parser.add_argument(
        "--tests", action="store_true", help="run the tests; cost and memory as last measured"
    )
    parser.add_argument("--soak-only", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if args.soak_only:
        print(real_soak(args.soak_only))
        return 0
    measured = kept() if args.tests else measure(args.soak_minutes)
    ran = f"{RAN} at a load average of {os.getloadavg()[0]:.1f}"
    ran += f", at niceness {os.nice(0)}." if hasattr(os, "nice") else "."
    lines = [*heading(), *measured, ran, ""]
    failed = 0
    for group, files in GROUPS.items():
        collector = Collector()
        pytest.main(
            [
                "-q",
                "-p",
                "no:cacheprovider",
                "-m",
                "slow or not slow",
                *(str(HERE / name) for name in files),
            ],
            plugins=[collector],
        )
        outcomes = list(collector.outcomes.values())
        failed += sum(not (each.passed or each.skipped) for each in outcomes)
        lines += table(group, outcomes)
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {REPORT}")
    return 1 if failed else 0


def heading() -> list[str]:
    return [
        "# Reliability of live input",
        "",
        "Written by `python tests/realtime/reliability.py`; do not edit by hand.",
        "",
        *DESIGN,
        "",
    ]


def measure(soak_minutes: float) -> list[str]:
    """The sections of cost and memory, and what they were measured with."""
    from realtime.model import TagModel

    spec, load_before = TagModel().spec, os.getloadavg()[0]
    soak = start_soak(soak_minutes)
    cost, memory = cost_lines(), memory_lines()
    load_after = os.getloadavg()[0]
    if soak is not None:
        memory.insert(-1, soak.communicate()[0].strip())
    return [
        MEASURED,
        "",
        f"Model: {spec.name} {spec.version}. Machine: {machine()}; its load average was "
        f"{load_before:.1f} before and {load_after:.1f} after.",
        "",
        *cost,
        *memory,
    ]


def kept() -> list[str]:
    """What an earlier run measured, as the report has it."""
    text = REPORT.read_text(encoding="utf-8")
    return text[text.index(MEASURED) : text.index(RAN)].splitlines()


def machine() -> str:
    names = [
        line.split(":")[1].strip()
        for line in _text("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "") if names else ""
    return (
        f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}, "
        f"{system or platform.platform()}, Python {platform.python_version()}"
    )


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


@contextmanager
def listening(*arguments: str) -> Iterator[psutil.Process]:
    child = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "listen", "--format", "jsonl", *arguments],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


@contextmanager
def pulse_playing() -> Iterator[bool]:
    """A private PulseAudio whose null sink plays the demo piece over and over."""
    import soundfile

    folder = Path(tempfile.mkdtemp(prefix="tutti-"))
    config = folder / "asound.conf"
    config.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\n")
    settings = {
        "XDG_RUNTIME_DIR": str(folder),
        "HOME": str(folder),
        "ALSA_CONFIG_PATH": str(config),
        "PULSE_RUNTIME_PATH": str(folder / "pulse"),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    (folder / "pulse").mkdir(mode=0o700)
    sound, rate_hz = soundfile.read(DEMO)
    soundfile.write(folder / "demo.wav", sound, rate_hz)
    started: list[subprocess.Popen[bytes]] = []
    try:
        try:
            started.append(
                subprocess.Popen(
                    ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1",
                     "-L", "module-null-sink sink_name=mix rate=48000",
                     "-L", "module-native-protocol-unix"],
                    stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
            time.sleep(2.0)
            loop = f"while paplay -d mix {folder / 'demo.wav'}; do :; done"
            started.append(subprocess.Popen(["sh", "-c", loop], start_new_session=True))
        except FileNotFoundError:
            yield False
        else:
            yield True
    finally:
        for process in reversed(started):
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                each.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process and its children, in nanosecond steps on Linux."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        for task in Path(f"/proc/{each.pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0]) / 1e9
    return total


def cpu_share(*arguments: str) -> float:
    """CPU time over time passed, of ``tutti listen`` once it runs."""
    with listening(*arguments) as process:
        time.sleep(WARM_UP_S)
        began_s, before_s = time.monotonic(), cpu_s(process)
        time.sleep(MEASURE_S)
        return (cpu_s(process) - before_s) / (time.monotonic() - began_s)


def cost_lines() -> list[str]:
    lines = [
        "### Cost",
        "",
        f"CPU time of `tutti listen --format jsonl` and of its recorder, over {MEASURE_S:.0f} s of "
        "stereo music, share of one core.",
        "",
        "| input | 2 windows/s | 20 windows/s |",
        "|---|---|---|",
    ]
    with pulse_playing() as playing:
        inputs = {"a file (decoding included)": ["--file", str(DEMO)]}
        if playing:
            inputs |= {
                "PulseAudio, 48 kHz": [],
                "PortAudio through ALSA, 44.1 kHz": ["--device", "default"],
            }
        for name, arguments in inputs.items():
            slow, fast = (cpu_share(*arguments, "--hop", hop) for hop in ("0.5", "0.05"))
            lines.append(f"| {name} | {100 * slow:.2f} % | {100 * fast:.2f} % |")
            print(lines[-1], flush=True)
    return [*lines, ""]


def start_soak(minutes: float) -> subprocess.Popen[str] | None:
    """The soak in real time, beside everything else."""
    if not minutes:
        return None
    command = [sys.executable, str(Path(__file__)), "--soak-only", str(minutes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def memory_lines() -> list[str]:
    lines = [
        "### Memory",
        "",
        "Resident memory of the listening process: growth from minute 2 on.",
        "",
        "| soak | windows | dropped | at minute 2 | at the end | growth |",
        "|---|---|---|---|---|---|",
    ]
    for hop, rate in (("0.5", "2"), ("0.05", "20")):
        name = f"{FAST_SOAK_MINUTES} minutes of music at {SPEED} times its speed, {rate} windows/s"
        lines.append(fast_soak(name, hop))
        print(lines[-1], flush=True)
    return [*lines, ""]


def fast_soak(name: str, hop: str) -> str:
    """An hour of sound through the engine in two minutes, the source waiting for analysis."""
    child = subprocess.Popen(
        [sys.executable, "-c", SOAK, str(DEMO), str(FAST_SOAK_MINUTES), hop, SPEED],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    process = psutil.Process(child.pid)
    early_mb = late_mb = 0.0
    counts = ["?", "?", "?"]
    for line in child.stdout:
        if line.startswith("done"):
            counts = line.split()[1:]
            break
        late_mb = process.memory_info().rss / 1e6
        if float(line) >= SOAK_FROM_MINUTE and not early_mb:
            early_mb = late_mb
    child.wait()
    return _soak_row(name, counts[0], counts[1], early_mb, late_mb)


def real_soak(minutes: float) -> str:
    """``tutti listen`` on a playing sound server, in real time."""
    with tempfile.NamedTemporaryFile(suffix=".log") as log, pulse_playing() as playing:
        if not playing:
            return "| no PulseAudio here | | | | | |"
        with listening("--log", log.name) as process:
            time.sleep(60 * SOAK_FROM_MINUTE)
            early_mb = late_mb = process.memory_info().rss / 1e6
            until_s = time.monotonic() + 60 * (minutes - SOAK_FROM_MINUTE)
            while time.monotonic() < until_s:
                time.sleep(10)
                late_mb = process.memory_info().rss / 1e6
        counts = json.loads(Path(log.name).read_text().splitlines()[-1])
    lost = f"{counts['windows_dropped']} (and {counts['frames_missing']} frames missing)"
    name = f"{minutes:g} minutes of PulseAudio in real time, 2 windows/s"
    return _soak_row(name, counts["windows"], lost, early_mb, late_mb)


def _soak_row(name: str, windows: object, dropped: object, early_mb: float, late_mb: float) -> str:
    return (
        f"| {name} | {windows} | {dropped} | {early_mb:.1f} MB | {late_mb:.1f} MB "
        f"| {late_mb - early_mb:+.1f} MB |"
    )


def table(group: str, outcomes: list[Outcome]) -> list[str]:
    """A line for each title; the cases of a parametrised test share one."""
    lines = [f"## {group}", "", "| what is done to it | outcome | figures |", "|---|---|---|"]
    for title in dict.fromkeys(each.title for each in outcomes):
        cases = [each for each in outcomes if each.title == title]
        count = f" ({len(cases)} cases)" if len(cases) > 1 else ""
        figures = dict.fromkeys(figure for each in cases for figure in each.figures)
        lines.append(f"| {title}{count} | {_verdict(cases)} | {'; '.join(figures)} |")
    return [*lines, ""]


def _verdict(cases: list[Outcome]) -> str:
    skipped = [each.skipped for each in cases if each.skipped]
    if not all(each.passed or each.skipped for each in cases):
        return "FAILED"
    return f"skipped: {skipped[0]}" if skipped else "passed"


if __name__ == "__main__":
    sys.exit(main())
