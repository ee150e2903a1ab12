"""README's live Python names what reaches its threshold, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from realtime.tagger import Tagger

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "realtime" / "assets" / "demo.ogg"
LIVE = "DeviceSource()"
PLAYED = f"""__import__("realtime.sources.paced").sources.paced.PacedSource(
    __import__("realtime.sources.file").sources.file.FileSource({str(DEMO)!r}), speed=20)"""


def test_what_is_printed_reaches_its_threshold() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    code = next(block for block in blocks if LIVE in block).replace(LIVE, PLAYED)
    code = re.sub(r"^    input\(.*$", "    engine.wait(60)", code, flags=re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    timeline = Tagger().tag(DEMO)
    names = timeline.spec.instruments
    expected = {
        f"{tags.end_s:.1f} s": ", ".join(
            name for name, is_active in zip(names, active, strict=True) if is_active
        )
        or "nothing certain"
        for tags, active in zip(timeline.tags, timeline.active(), strict=True)
    }
    printed = dict(line.split(": ") for line in done.stdout.splitlines())
    assert len(printed) > 70
    same = [expected[when] == what for when, what in printed.items() if when in expected]
    assert sum(same) >= 0.95 * len(printed)
