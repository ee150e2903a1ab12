"use strict";
// The meters: one WebSocket document a window, drawn; reconnects for as long as the page is open.

const STALE_MS = 3000;      // no window for so long: nothing is known any more
const HOLD_MS = 4000;       // what was heard stays so long in the large list, so that nothing jumps
const SILENT_LINK_MS = 20000; // a link that died while the tablet slept tells nothing by itself
const SPEAK_MS = 5000;
const QUIETEST_DBFS = -60;
// Of the range of counts: desktop/heard/count.py says what each is for.
const [COVERAGE, LET_GO, TOO_WIDE, WORTH] = [0.8, 0.72, 0.88, 0.04];

const $ = (id) => document.getElementById(id);

let about = null;
let socket = null;
let attempts = 0;
let timer = 0;
let asking = false;
let sound = named(location.hash.slice(1));
let rows = new Map();       // instrument -> its quiet row, its large row, when it was last heard
let families = new Map();
let newestAt = 0;           // when a window of the chosen sound came
let linkAt = 0;             // when the link last told anything
let range = null;           // the counts shown, lowest and highest
let spoken = { at: -Infinity, text: "" };

function named(hash) {
  try {
    return decodeURIComponent(hash);
  } catch {
    return "";                // not one of ours
  }
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function setState(state, text) {
  if ($("state").dataset.state === state && $("state").textContent === text) return;
  document.body.dataset.state = $("state").dataset.state = state;
  $("state").textContent = text;
}

// -- what the page is made of ----------------------------------------------------------------

function bar(colour, ...more) {
  const fill = make("div", { className: "fill" });
  const element = make("div", { className: "bar" }, fill, ...more);
  element.style.setProperty("--colour", colour);
  element.setAttribute("aria-hidden", "true");
  return { element, fill };
}

function build() {
  rows.clear();
  families.clear();
  $("heard").replaceChildren();
  $("families").replaceChildren();
  for (const family of about.families) {
    const colour = `var(--family-${family.id.replaceAll("_", "-")})`;
    const value = make("span");
    const list = make("ul");
    const card = make("div", { className: "family" });
    const alone = family.instruments.length === 1; // then one meter says it all
    if (!alone) card.append(make("h3", {}, make("span", { textContent: family.name }), value));
    card.append(list);
    card.style.setProperty("--colour", colour);
    card.style.setProperty("--of-family", colour);
    families.set(family.id, { value, threshold: family.threshold });
    for (const one of family.instruments) {
      const quiet = bar(colour);
      const text = make("span");
      const line = make("div", {}, make("span", { textContent: one.name }), text);
      const item = make("li", { className: alone ? "only" : "" }, line, quiet.element);
      quiet.element.removeAttribute("aria-hidden");
      quiet.element.setAttribute("role", "meter");
      quiet.element.setAttribute("aria-label", one.name);
      quiet.element.setAttribute("aria-valuemin", "0");
      quiet.element.setAttribute("aria-valuemax", "100");
      list.append(item);
      const large = bar(colour, make("div", { className: "mark" }));
      const largeValue = make("span", { className: "value" });
      const heard = make("li", {}, make("span", { className: "name", textContent: one.name }),
        largeValue, large.element);
      heard.style.setProperty("--colour", colour);
      rows.set(one.id, { ...one, item, text, quiet, large, largeValue, heard, heardAt: 0 });
    }
    $("families").append(card);
  }
  $("distribution").replaceChildren(...about.polyphony.map((label) => {
    const one = bar("var(--accent)");
    return make("li", {}, one.element, make("span", { textContent: label }));
  }));
  if (!about.sounds.includes(sound)) sound = about.sounds[about.sounds.length - 1];
  $("sounds").hidden = about.sounds.length < 2;
  $("sounds").replaceChildren(...about.sounds.map((name) => {
    const choice = make("input", { type: "radio", name: "sound", value: name,
      checked: name === sound });
    choice.addEventListener("change", () => {
      sound = name;
      history.replaceState(null, "", `#${encodeURIComponent(name)}`);
      drawNothing("Nothing yet");
    });
    return make("label", {}, choice, name);
  }));
  drawNothing("Nothing yet");
}

// -- the scale: as the monitor's, 50 of 100 is the threshold of each instrument ----------------

function sureness(value, threshold) {
  if (value < threshold) return 0.5 * value / threshold;
  return Math.min(1, 0.5 + 0.5 * (value - threshold) / Math.max(1 - threshold, 1e-6));
}

function ofHundred(value, threshold) {
  const shown = Math.round(100 * sureness(value, threshold));
  return value >= threshold ? Math.max(shown, 50) : Math.min(shown, 49);
}

/** The shortest run of counts around the likeliest that holds COVERAGE; as in the monitor, what
 * is shown stays while it serves: until it holds too little, or a shorter one holds enough. */
function countRange(chances, shown) {
  const mass = (low, high) => chances.slice(low, high + 1).reduce((a, b) => a + b, 1e-6);
  const likely = chances.indexOf(Math.max(...chances));
  if (shown && shown[0] <= likely && likely <= shown[1]) {
    const [first, last] = shown;
    const held = mass(first, last);
    const enough = Math.min(TOO_WIDE, held - WORTH);
    const canShrink = (first < likely && mass(first + 1, last) >= enough)
      || (last > likely && mass(first, last - 1) >= enough);
    if (held >= LET_GO && !canShrink) return shown;
  }
  let [low, high] = [likely, likely];
  while (mass(low, high) < COVERAGE && high - low < chances.length - 1) {
    if ((chances[high + 1] ?? -1) >= (chances[low - 1] ?? -1)) high += 1;
    else low -= 1;
  }
  return [low, high];
}

// -- drawing -----------------------------------------------------------------------------------

function draw(heard) {
  const now = performance.now();
  newestAt = now;
  setState("live", "Live");
  const shown = [];
  for (const row of rows.values()) {
    const value = heard.instruments[row.id] ?? 0;
    const shownValue = ofHundred(value, row.threshold);
    const share = sureness(value, row.threshold);
    const present = value >= row.threshold;
    if (present) row.heardAt = now;
    row.item.classList.toggle("heard", present);
    row.text.textContent = told(shownValue);
    row.quiet.fill.style.setProperty("--v", share);
    row.quiet.element.setAttribute("aria-valuenow", shownValue);
    row.quiet.element.setAttribute("aria-valuetext", `${shownValue}${present ? ", heard" : ""}`);
    row.large.fill.style.setProperty("--v", share);
    row.largeValue.textContent = shownValue;
    row.heard.classList.toggle("gone", !present);
    if (row.heardAt && now - row.heardAt <= HOLD_MS) shown.push(row);
  }
  showHeard(shown);
  for (const [id, family] of families) {
    family.value.textContent = told(ofHundred(heard.families[id] ?? 0, family.threshold));
  }
  $("nothing").textContent = heard.level.silent ? "Silence" : "Nothing certain";
  drawCount(heard);
  drawLevel(heard.level);
  speak(shown.filter((row) => row.heardAt === now), now);
}

/** Next to nothing is not told: the eye finds what is. */
const told = (value) => (value < 10 ? "" : value);

function showHeard(shown) {
  const wanted = shown.map((row) => row.heard);
  const is = [...$("heard").children];
  if (wanted.length !== is.length || wanted.some((one, i) => one !== is[i])) {
    $("heard").replaceChildren(...wanted);
  }
  $("nothing").hidden = wanted.length > 0;
}

function drawCount(heard) {
  const labels = about.polyphony;
  const chances = labels.map((label) => heard.polyphony[label] ?? 0);
  range = countRange(chances, range);
  const [low, high] = range;
  $("range").textContent = low === high ? labels[low] : `${labels[low]} to ${labels[high]}`;
  $("likely").textContent = `most likely ${labels[chances.indexOf(Math.max(...chances))]}`;
  [...$("distribution").children].forEach((item, i) => {
    item.firstChild.firstChild.style.setProperty("--v", chances[i]);
    item.classList.toggle("in-range", low <= i && i <= high);
  });
}

function drawLevel(level) {
  const share = (dbfs) => Math.min(1, Math.max(0, 1 - dbfs / QUIETEST_DBFS));
  const meter = $("level-meter");
  meter.firstElementChild.style.setProperty("--v", share(level.rms_dbfs));
  meter.lastElementChild.style.setProperty("--peak", share(level.peak_dbfs));
  meter.setAttribute("aria-valuenow", Math.max(QUIETEST_DBFS, level.rms_dbfs).toFixed(0));
  $("rms").textContent = `${signed(level.rms_dbfs)} dBFS`;
  $("peak").textContent = `peak ${signed(level.peak_dbfs)}${level.clipped ? ", clipped" : ""}`;
  $("level").classList.toggle("clipped", level.clipped);
}

const signed = (value) => value.toFixed(1).replace("-", "−");

function drawNothing(why) {
  for (const row of rows.values()) {
    row.item.classList.remove("heard");
    row.text.textContent = "";
    row.heardAt = 0;
    row.quiet.fill.style.setProperty("--v", 0);
    row.quiet.element.setAttribute("aria-valuenow", "0");
    row.quiet.element.setAttribute("aria-valuetext", "not known");
  }
  showHeard([]);
  for (const family of families.values()) family.value.textContent = "";
  $("nothing").textContent = why;
  range = null;
  $("range").textContent = "–";
  $("likely").textContent = "";
  for (const item of $("distribution").children) {
    item.firstChild.firstChild.style.setProperty("--v", 0);
    item.classList.remove("in-range");
  }
  $("level-meter").firstElementChild.style.setProperty("--v", 0);
  $("level-meter").lastElementChild.style.setProperty("--peak", 0);
  $("level-meter").setAttribute("aria-valuenow", QUIETEST_DBFS);
  $("rms").textContent = "–";
  $("peak").textContent = "";
  $("level").classList.remove("clipped");
}

function speak(shown, now) {
  const text = shown.length ? `Heard: ${shown.map((row) => row.name).join(", ")}` : "Nothing heard";
  if (text === spoken.text || now - spoken.at < SPEAK_MS) return;
  spoken = { at: now, text };
  $("summary").textContent = text;
}

// -- the connection ----------------------------------------------------------------------------

async function connect() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    const answer = await fetch("about.json", { cache: "no-store" });
    if (!answer.ok) {
      setState("refused", (await answer.text()).trim());
      return again();
    }
    const fresh = await answer.json();
    if (JSON.stringify(fresh) !== JSON.stringify(about)) {
      about = fresh;
      build();
    }
  } catch {
    return lost();
  } finally {
    asking = false;
  }
  const address = new URL("live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  const mine = socket = new WebSocket(address);
  mine.onopen = () => {
    attempts = 0;
    linkAt = performance.now();
    setState("waiting", "Connected");
  };
  mine.onmessage = (event) => {
    linkAt = performance.now();
    const heard = JSON.parse(event.data);
    if ((heard.sound ?? "") === sound) draw(heard);
  };
  mine.onclose = () => { if (socket === mine) lost(); };
}

function lost() {
  socket = null;
  setState("lost", "Connection lost: trying again…");
  drawNothing("No connection");
  again();
}

function again() {
  const wait = Math.min(5000, 500 * 2 ** attempts++) * (0.75 + Math.random() / 2);
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
}

function hurry() {
  if (document.visibilityState === "visible" && socket === null) {
    attempts = 0;
    connect();
  }
}

setInterval(() => {
  if (socket === null || socket.readyState !== WebSocket.OPEN) return;
  const now = performance.now();
  if (now - newestAt > STALE_MS && $("state").dataset.state === "live") {
    setState("waiting", "No sound comes");
    drawNothing("No sound comes");
  }
  if (now - linkAt > SILENT_LINK_MS) {
    const old = socket;
    socket = null;
    old.close();
    connect();
  }
}, 500);

document.addEventListener("visibilitychange", hurry);
window.addEventListener("online", hurry);
connect();
