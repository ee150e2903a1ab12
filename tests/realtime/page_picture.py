"""The picture of the page on the demo piece, in docs/outputs.md: needs Chromium.

python tests/realtime/page_picture.py docs/screenshots
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from browser import tab

DEMO = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"
ADDRESS = "127.0.0.1:8127"
AT_S = 30
"""Of the demo piece: several instruments sound."""


async def main(folder: Path) -> None:
    command = [sys.executable, "-m", "realtime.cli", "listen", "--file", str(DEMO)]
    async with tab() as one:
        listener = subprocess.Popen([*command, "--web", ADDRESS], stdout=subprocess.DEVNULL)
        try:
            await asyncio.sleep(AT_S)
            await one.show(f"http://{ADDRESS}/", 820, 1180, "dark")
            await one.until("document.querySelector('#heard li') !== null")
            await asyncio.sleep(1.5)  # the bars get to where they belong
            await one.picture(folder / "page-tablet-dark.png")
        finally:
            listener.terminate()
            listener.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
