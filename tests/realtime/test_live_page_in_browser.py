"""The page in a real browser: what it shows, to whom it is readable, and that it comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from browser import PROGRAM, Tab, tab
from live_tags import SPEC, arguments, tags
from test_live_page import TOKEN, free_port

from desktop.heard.count import count_range
from desktop.heard.sureness import percent
from realtime.live_outputs.table import LiveOutputs
from realtime.taxonomy import FAMILIES, INSTRUMENTS, display_name

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium"),
    pytest.mark.slow,  # about 8 s each, most of it the browser's start
]
SIZES = ((320, 568), (390, 844), (820, 1180), (844, 390), (1440, 900))
STATE = "document.body?.dataset.state"
HEARD = "[...document.querySelectorAll('#heard li')].map((one) => one.innerText.split('\\n'))"
HEARD_NOW = {"piano": 0.9, "key": 0.9, "cello": 0.625, "bowed_string": 0.7, "flute": 0.25}


def in_browser(test: Callable[[Tab], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a tab, and look at what the browser had to say."""

    async def run() -> None:
        async with tab() as one:
            await test(one)
            elsewhere = [address for address in one.asked if "//127.0.0.1:" not in address]
            assert [a for a in elsewhere if not a.startswith("data:")] == []

    asyncio.run(run())


def outputs(port: int, *more: str, names: tuple[str, ...] = ("",)) -> LiveOutputs:
    given = arguments("--web", f"127.0.0.1:{port}", *more)
    return LiveOutputs(given, SPEC, lambda text: None, names)


def test_what_is_heard_is_shown_and_said():
    port = free_port()

    async def look(one: Tab) -> None:
        with outputs(port, names=("before", "after")) as made:
            await one.show(f"http://127.0.0.1:{port}/", 820, 1180)
            await one.until(f"{STATE} === 'waiting'")
            made.listener("before")(tags(0, violin=0.75))
            made.listener("after")(tags(0, rms_dbfs=-18.4, count=2.4, **HEARD_NOW))
            await one.until(f"{STATE} === 'live'")
            assert await one.look(HEARD) == [["Cello", "75"], ["Piano", "90"]]
            assert await one.look("document.querySelector('#range').innerText") == "2"
            assert await one.look("document.querySelector('#rms').innerText") == "−18.4 dBFS"
            width = "document.querySelector('#heard li:last-child .fill').style"
            assert await one.look(f"{width}.getPropertyValue('--v')") == "0.9"
            quiet = "[...document.querySelectorAll('.family li')].filter((li) => "
            assert await one.look(f"{quiet}li.classList.contains('heard')).length") == 2
            await look_at_roles(one)
            # The other sound, by keyboard: the arrow of a group of radio buttons.
            await one.look("document.querySelector('#sounds input:checked').focus()")
            await one.call(
                "Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft", code="ArrowLeft",
                windowsVirtualKeyCode=37,
            )  # fmt: skip
            await one.until(f"{HEARD}.length === 0")
            made.listener("after")(tags(1, **HEARD_NOW))
            made.listener("before")(tags(1, violin=0.75))
            await one.until(f"{HEARD}.length === 1")
            assert await one.look(HEARD) == [["Violin", "75"]]
            assert await one.look("location.hash") == "#before"
            # Nothing comes any more.
            await one.until(f"{STATE} === 'waiting'")
            assert await one.look(HEARD) == []
        assert one.problems == []

    in_browser(look)


async def look_at_roles(one: Tab) -> None:
    """What a screen reader is told: every meter with its name and value, and the states."""
    nodes = (await one.call("Accessibility.getFullAXTree"))["nodes"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for node in nodes:
        name = node.get("name", {}).get("value", "")
        found.setdefault(node.get("role", {}).get("value", ""), {})[name] = node
    meters = found["meter"]
    assert set(meters) == {*map(display_name, INSTRUMENTS), "Level in dBFS"}
    assert meters["Piano"]["value"]["value"] == 90
    assert meters["Flute"]["value"]["value"] == 25
    assert meters["Level in dBFS"]["value"]["value"] == -18
    text = "document.querySelector('[aria-label=%s]').getAttribute('aria-valuetext')"
    assert await one.look(text % "Piano") == "90, heard"
    assert await one.look(text % "Flute") == "25"
    assert set(found["radio"]) == {"before", "after"}
    assert "Which sound" in found["radiogroup"]
    assert {"Instruments at once", "Level", "Tutti"} <= set(found["heading"])
    titles = [display_name(f) for f in FAMILIES if f not in ("voice", "synth")]  # one meter each
    assert [t for t in titles if t not in found["heading"]] == ["Bowed string", "Key"]
    assert any(title.startswith("Heard") for title in found["heading"])
    assert {"Bowed string 70", "Key 90"} <= set(found["heading"])
    assert "status" in found
    assert await one.look("document.querySelector('#state').innerText") == "Live"
    assert await one.look("document.querySelector('#summary').innerText") == "Heard: Cello, Piano"


def test_its_numbers_are_the_monitor_s():
    """The same scale and the same range of counts, along a walk of distributions."""
    rng = np.random.default_rng(5)
    scores = [(float(v), float(t)) for v, t in zip(rng.random(300), rng.random(300), strict=True)]
    walk, weights = [], rng.random(7)
    for _ in range(400):
        weights = np.clip(weights + rng.normal(0, 0.15, 7), 0, None) + 1e-3
        shares = weights**3
        walk.append((shares / shares.sum()).tolist())
    shown, ranges = None, []
    for shares in walk:
        shown = count_range(np.array(shares), shown)
        ranges.append(list(shown))
    port = free_port()

    async def look(one: Tab) -> None:
        with outputs(port):
            await one.show(f"http://127.0.0.1:{port}/", 820, 1180)
            await one.until(f"{STATE} === 'waiting'")
            numbers = await one.look(f"{json.dumps(scores)}.map((one) => ofHundred(...one))")
            assert numbers == [percent(value, threshold) for value, threshold in scores]
            step = "((shown) => (chances) => shown = countRange(chances, shown))(null)"
            assert await one.look(f"{json.dumps(walk)}.map({step})") == ranges

    assert len({tuple(one) for one in ranges}) >= 8
    in_browser(look)


CONTRAST = """
(() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    throw new Error("no ground");
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [channels(getComputedStyle(element).color), ground(element)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, walk.currentNode.data]);
  }
  return found;
})()
"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_can_be_read_and_fits_from_phone_to_desk(scheme):
    port = free_port()

    async def look(one: Tab) -> None:
        grounds = set()
        with outputs(port, names=("before", "after")) as made:
            for number, (width, height) in enumerate(SIZES):
                await one.show(f"http://127.0.0.1:{port}/", width, height, scheme)
                await one.until(f"innerWidth === {width} && {STATE} === 'waiting' || {HEARD}[0]")
                made.listener("after")(tags(number, **HEARD_NOW))
                await one.until(f"{HEARD}.length === 2")
                wide = await one.look("document.documentElement.scrollWidth")
                assert wide <= width, f"{wide} px on a screen of {width}"
                cut = "(e) => e.scrollWidth > e.clientWidth + 1"
                texts = "'p:not(.unseen), h2, h3, .name, .family li'"
                found = f"[...document.querySelectorAll({texts})].filter({cut})"
                assert await one.look(f"{found}.map((e) => e.innerText)") == []
                small = "(e) => e.getBoundingClientRect().height < 44"
                assert not await one.look(
                    f"[...document.querySelectorAll('#sounds label')].some({small})"
                )
            found = await one.look(CONTRAST)
            grounds.add(await one.look("getComputedStyle(document.body).backgroundColor"))
        await one.until(f"{STATE} === 'lost'")
        found += await one.look(CONTRAST)
        assert len(found) > 80
        assert [one for one in found if one[0] < 4.5] == []
        assert grounds == {"rgb(14, 17, 21)" if scheme == "dark" else "rgb(238, 241, 244)"}

    in_browser(look)


def test_it_reconnects_by_itself():
    port = free_port()

    async def look(one: Tab) -> None:
        with outputs(port) as made:
            await one.show(f"http://127.0.0.1:{port}/#%E0%A4%A", 390, 844)  # no name at all
            await one.until(f"{STATE} === 'waiting'")
            made.listener()(tags(0, piano=0.75))
            await one.until(f"{STATE} === 'live'")
        await one.until(f"{STATE} === 'lost'")
        assert await one.look(HEARD) == []
        assert "Connection lost" in await one.look("document.querySelector('#state').innerText")
        with outputs(port, names=("one", "two")) as made:  # another command, on the same port
            await one.until(f"{STATE} === 'waiting'")
            made.listener("two")(tags(0, harp=0.75))
            await one.until(f"{STATE} === 'live'")
            assert await one.look(HEARD) == [["Harp", "75"]]
            assert await one.look("document.querySelectorAll('#sounds input').length") == 2

    in_browser(look)


def test_the_token_is_taken_and_put_out_of_sight():
    port = free_port()

    async def look(one: Tab) -> None:
        with outputs(port, "--web-token", TOKEN) as made:
            await one.show(f"http://127.0.0.1:{port}/", 390, 844)
            await one.until("document.body?.innerText.startsWith('This page needs its token')")
            await one.show(f"http://127.0.0.1:{port}/?token={TOKEN}", 390, 844)
            await one.until(f"{STATE} === 'waiting'")
            assert await one.look("location.href") == f"http://127.0.0.1:{port}/"
            made.listener()(tags(0, piano=0.75))
            await one.until(f"{HEARD}.length === 1")

    in_browser(look)
