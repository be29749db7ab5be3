// What a person sees and moves: sliders, images to pick from, buttons and keys.

"use strict";

const STRIP = 9;
const TILES = 24;
let slot = "a"; // which of the two a click sets
let tileCount = TILES;

// --- latents of what is shown -------------------------------------------------------------------------------

const units = ([seed, index]) => latentUnits(seed, index, DIM, about.latents.distribution);
const unitsAt = (t) => between(units(state.a), units(state.b), t, ROUND && !state.straight);
const movesWith = (index, amount) => directions.map(({ vector }, place) => [vector, place === index ? amount : state.moves[place]]);
const latentsOf = (unit, moves = movesWith(-1, 0)) => placed(unit, state.spread, moves, about.latents);

/** The latents of the large image, float32 [latent_dim]. */
const shownLatents = () => latentsOf(unitsAt(state.t));

// --- drawing what the state says ----------------------------------------------------------------------------

const strip = Array.from({ length: STRIP }, (_, index) => {
  const button = canvasButton(`${Math.round((100 * index) / (STRIP - 1))} % of the way from A to B`);
  button.onclick = () => set({ t: index / (STRIP - 1) });
  $("strip").append(button);
  return button;
});

const rows = groups.flatMap(({ heading, note, directions }, place) => {
  const group = Object.assign(document.createElement("details"), { open: place === 0, ontoggle: () => showDetails() });
  const summary = Object.assign(document.createElement("summary"), { textContent: heading });
  const last = Object.assign(document.createElement("p"), { className: "note", textContent: note });
  const made = directions.map(newRow);
  group.append(summary, ...made.map(({ row }) => row), last);
  $("directions").append(group);
  return made.map((one) => ({ ...one, group }));
});

function newRow({ name }) {
  const row = Object.assign(document.createElement("div"), { className: "slider direction" });
  const input = Object.assign(document.createElement("input"), { type: "range", min: -REACH, max: REACH, step: 0.1, value: 0 });
  const index = () => rows.findIndex((one) => one.input === input);
  input.setAttribute("aria-label", name);
  input.oninput = () => moveTo(index(), Number(input.value));
  const ends = [-1, 1].map((side) => {
    const button = canvasButton(`${name}: ${side < 0 ? "less" : "more"}`);
    button.className = side < 0 ? "less" : "more";
    button.onclick = () => moveTo(index(), Math.max(-REACH, Math.min(REACH, state.moves[index()] + side / 2)));
    return button;
  });
  const label = Object.assign(document.createElement("span"), { className: "name", textContent: name });
  const output = document.createElement("output");
  row.append(label, ends[0], input, ends[1], output);
  return { row, input, output, ends };
}

function moveTo(index, amount) {
  set({ moves: state.moves.map((old, place) => (place === index ? amount : old)) });
}

function canvasButton(label) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.title = label;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  button.append(canvas);
  return button;
}

/** Change the state, and show it. */
function set(changes) {
  Object.assign(state, changes);
  show();
  writeAddress();
}

let detailTimer;
function show() {
  wish($("image"), shownLatents(), 0);
  $("caption").textContent = caption();
  $("blend").value = state.t;
  $("spread").value = state.spread;
  $("spread-value").textContent = state.spread.toFixed(2);
  $("straight").checked = state.straight;
  $("straight").parentElement.hidden = !ROUND;
  $("smooth").checked = state.smooth;
  document.body.classList.toggle("smooth", state.smooth);
  rows.forEach(({ input, output }, index) => {
    input.value = state.moves[index];
    output.textContent = (state.moves[index] > 0 ? "+" : "") + state.moves[index].toFixed(2);
  });
  if (document.activeElement !== $("seed")) $("seed").value = state.seed;
  $("slot").textContent = slot.toUpperCase();
  showLabels();
  $("pick-a").setAttribute("aria-pressed", slot === "a");
  $("pick-b").setAttribute("aria-pressed", slot === "b");
  showTiles();
  detailTimer ??= setTimeout(showDetails, playing ? 400 : 60);
}

/** The small images that follow every slider: they may come a moment later. */
function showDetails() {
  detailTimer = undefined;
  wish($("pick-a").querySelector("canvas"), latentsOf(units(state.a)), 1);
  wish($("pick-b").querySelector("canvas"), latentsOf(units(state.b)), 1);
  strip.forEach((button, index) => {
    wish(button.firstChild, latentsOf(unitsAt(index / (STRIP - 1))), 2);
    button.classList.toggle("here", Math.round(state.t * (STRIP - 1)) === index);
  });
  const here = unitsAt(state.t);
  rows.forEach(({ ends, group }, index) => {
    if (!group.open) return;
    wish(ends[0].firstChild, latentsOf(here, movesWith(index, -REACH)), 3);
    wish(ends[1].firstChild, latentsOf(here, movesWith(index, REACH)), 3);
  });
}

function caption() {
  const name = ([seed, index]) => `seed ${seed}, image ${index}`;
  const from = state.t === 0 ? name(state.a) : state.t === 1 ? name(state.b) : `${Math.round(100 * state.t)} % from ${name(state.a)} to ${name(state.b)}`;
  const moved = state.moves.filter(Boolean).length;
  const shown = CLASSES ? `, ${labelName(chosen()[0])}` : "";
  return from + shown + (moved ? `, moved along ${moved} direction${moved > 1 ? "s" : ""}` : "");
}

// --- many to pick from --------------------------------------------------------------------------------------

const tiles = [];
let tilesShown = ""; // for which seed, spread, count and labels they were last wished for

function showTiles() {
  while (tiles.length < tileCount) tiles.push(newTile(tiles.length));
  while (tiles.length > tileCount) tiles.pop().remove();
  if (!tiles.some((tile) => tile.tabIndex === 0)) tiles[0].tabIndex = 0; // the one that was is gone: Tab must reach another
  const wanted = [state.seed, state.spread, tileCount, state.told].join();
  if (wanted !== tilesShown) {
    tilesShown = wanted;
    tiles.forEach((button, index) => wish(button.firstChild, placed(units([state.seed, index]), state.spread, [], about.latents), 4));
  }
  tiles.forEach((button, index) => {
    const is = (pick) => pick[0] === state.seed && pick[1] === index;
    const marks = (is(state.a) ? "A" : "") + (is(state.b) ? "B" : "");
    button.dataset.marks = marks;
    const label = `Image ${index} of seed ${state.seed}${marks ? `, chosen as ${marks.split("").join(" and ")}` : ""}`;
    button.title = label;
    button.setAttribute("aria-label", label);
  });
  $("more").hidden = tileCount >= MOST_TILES;
}

function newTile(index) {
  const button = canvasButton("");
  button.tabIndex = index ? -1 : 0;
  button.onclick = () => {
    choose([state.seed, index]);
    tiles.forEach((tile) => (tile.tabIndex = tile === button ? 0 : -1));
  };
  $("tiles").append(button);
  return button;
}

function choose(pick) {
  set(slot === "a" ? { a: pick, t: 0 } : { b: pick, t: 1 });
}

$("tiles").onkeydown = (event) => {
  const here = tiles.indexOf(document.activeElement);
  const across = getComputedStyle($("tiles")).gridTemplateColumns.split(" ").length;
  const there = { ArrowLeft: here - 1, ArrowRight: here + 1, ArrowUp: here - across, ArrowDown: here + across, Home: 0, End: tiles.length - 1 }[event.key];
  if (here < 0 || there === undefined) return;
  event.preventDefault();
  if (!tiles[there]) return;
  tiles.forEach((tile, index) => (tile.tabIndex = index === there ? 0 : -1));
  tiles[there].focus();
};

function setSeed(seed) {
  tileCount = TILES;
  set({ seed: Math.max(0, Math.min(MOST_SEED, Math.floor(seed))) });
}

function surprise() {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  tileCount = TILES;
  set({ seed: seed % 1000000 });
  choose([state.seed, 0]);
}

// --- buttons, keys and sliders -------------------------------------------------------------------------------

let playing = 0; // the frame that comes next

function play(on) {
  cancelAnimationFrame(playing);
  playing = 0;
  $("play").setAttribute("aria-pressed", on);
  $("play").textContent = on ? "Stop" : "Play";
  if (!on) return;
  let phase = Math.acos(1 - 2 * state.t);
  let last = performance.now();
  const frame = (now) => {
    phase += Math.min(100, now - last) / 1500;
    last = now;
    set({ t: (1 - Math.cos(phase)) / 2 });
    playing = requestAnimationFrame(frame);
  };
  playing = requestAnimationFrame(frame);
}

function setSlot(name) {
  slot = name;
  set({ t: name === "a" ? 0 : 1 });
}

$("blend").oninput = () => {
  play(false);
  set({ t: Number($("blend").value) });
};
$("spread").oninput = () => set({ spread: Number($("spread").value) });
$("straight").onchange = () => set({ straight: $("straight").checked });
$("smooth").onchange = () => set({ smooth: $("smooth").checked });
$("play").onclick = () => play(!playing);
$("pick-a").onclick = () => setSlot("a");
$("pick-b").onclick = () => setSlot("b");
$("reset").onclick = () => set({ spread: 1, moves: directions.map(() => 0) });
$("surprise").onclick = surprise;
$("previous").onclick = () => setSeed(state.seed - 1);
$("next").onclick = () => setSeed(state.seed + 1);
$("seed").oninput = () => $("seed").value !== "" && $("seed").validity.valid && setSeed(Number($("seed").value));
$("seed").onblur = () => ($("seed").value = state.seed);
$("more").onclick = () => {
  tileCount = Math.min(MOST_TILES, tileCount + TILES);
  show();
};
$("save").onclick = () => save([$("image")], 1, Math.max(1, Math.round(512 / WIDTH)), "");
$("save-grid").onclick = () => save(tiles.map((tile) => tile.firstChild), tiles.length > 2 * TILES ? 12 : 6, Math.max(1, Math.round(128 / WIDTH)), "-many");
$("link").onclick = () => {
  history.replaceState(null, "", address());
  copy(location.href, $("link"));
  $("said").textContent = staysHere(location);
};
$("copy").onclick = () => copy(JSON.stringify(Array.from(shownLatents())), $("copy"));

const KEYS = { r: surprise, a: () => setSlot("a"), b: () => setSlot("b"), " ": () => play(!playing), 0: () => $("reset").click(), s: () => $("save").click(), l: () => $("link").click() };
document.onkeydown = (event) => {
  if (!$("keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.target.id === "seed") return;
  if (event.key === " " && event.target.closest("button, input, summary, a")) return; // there the space bar presses
  const action = KEYS[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
};

// Whoever speaks to the computer, or rests a hand on the keyboard, can do without keys of one letter; it is remembered.
try {
  $("keys").checked = localStorage.getItem("keys") !== "off";
} catch {} // a browser may forbid to remember
$("keys").onchange = () => {
  try {
    localStorage.setItem("keys", $("keys").checked ? "on" : "off");
  } catch {}
};

window.onhashchange = () => {
  if (location.hash === address()) return;
  readAddress();
  tileCount = Math.max(TILES, ...[state.a, state.b].filter(([seed]) => seed === state.seed).map(([, index]) => index + 1));
  show();
};

// --- and so it begins --------------------------------------------------------------------------------------

readAddress();
tileCount = Math.max(TILES, ...[state.a, state.b].filter(([seed]) => seed === state.seed).map(([, index]) => index + 1));
show();
startPainting();
