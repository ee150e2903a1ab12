"""``tutti host --live --send``: what is played goes out by ReaStream, over a real sound server."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from realtime.cli import main
from realtime.sources.reastream_receiver import receiving

RATE_HZ = 48_000
COMMAND = [sys.executable, "-m", "realtime.cli", "host"]


@pytest.mark.slow
def test_what_is_played_is_sent_by_reastream(
    pulse_server, monkeypatch, port, tmp_path, tone_model_path
):
    """``--send``: another program hears the output, as loud as the chain makes it."""
    monkeypatch.setenv("PULSE_SOURCE", "mix.monitor")
    tone = 0.5 * np.sin(2 * np.pi * 440 / RATE_HZ * np.arange(RATE_HZ * 30))
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, tone], 1), RATE_HZ)
    (tmp_path / "chain.toml").write_text('[[chain]]\neffect = "Gain"\ngain_db = -20.0\n')
    monitor = pulse_server.ask("pactl", "load-module", "module-null-sink", "sink_name=away")
    assert monitor.returncode == 0, monitor.stderr
    pulse_server.play(tmp_path / "tone.wav")
    with receiving("127.0.0.1", port) as receiver:
        process = subprocess.Popen(
            [*COMMAND, *map(str, (
                tmp_path / "chain.toml", "--live", "--model", tone_model_path,
                "--send", "wet", "--send-address", f"127.0.0.1:{port}",
            ))], stderr=subprocess.DEVNULL, env=os.environ | {"PULSE_SINK": "away"},
        )  # fmt: skip
        try:
            until_s = time.monotonic() + 30
            peaks = [-120.0]
            while max(peaks) < -27:
                assert time.monotonic() < until_s, peaks[-5:]
                time.sleep(0.1)
                peaks += [each.level.peak_dbfs for each in receiver.senders()]
        finally:
            process.terminate()
            process.wait()
    assert max(peaks) == pytest.approx(-26.0, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x.toml", "x.wav", "--send", "wet"], "goes with --live"),
        (["x.toml", "--live", "--send-address", "127.0.0.1"], "--send"),
        (["x.toml", "--live", "--send", "n" * 32], "identifier"),
        (["x.toml", "--live", "--send", "wet", "--send-address", "here"], "no address"),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(arguments, told, capsys):
    try:
        status = main(["host", *arguments])
    except SystemExit as usage:
        status = usage.code
    assert status == 2
    assert told in capsys.readouterr().err
