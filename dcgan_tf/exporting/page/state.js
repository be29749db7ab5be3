// What is shown. All of it is in the page's address, so that a link shows the same.
// GENERATOR (generator.js) is the model, and what is known of it.

"use strict";

if (typeof GENERATOR === "undefined" || typeof RUNTIME === "undefined")
  document.getElementById("status").textContent = "A file of this page is missing: keep all of its folder together.";
const { about, groups } = GENERATOR;
const directions = groups.flatMap((group) => group.directions);
const [HEIGHT, WIDTH] = about.image_shape;
const DIM = about.latent_dim;
const ROUND = about.latents.distribution !== "uniform";
const REACH = 4; // how far a direction's slider goes, in standard deviations
const SMOOTH = WIDTH >= 48; // unless chosen otherwise: digits are looked at by the pixel, faces are not
const MOST_TILES = 240;
const MOST_SEED = 2 ** 32 - 1;
const $ = (id) => document.getElementById(id);

const state = { seed: 0, a: [0, 0], b: [0, 1], t: 0, spread: 1, straight: false, smooth: SMOOTH, moves: directions.map(() => 0) }; // and told, see labels.js

function address() {
  const parts = [`seed=${state.seed}`, `a=${state.a.join(".")}`, `b=${state.b.join(".")}`];
  if (LABELS) parts.push(labelsInAddress());
  if (state.t) parts.push(`t=${+state.t.toFixed(3)}`);
  if (state.spread !== 1) parts.push(`spread=${+state.spread.toFixed(3)}`);
  if (state.straight) parts.push("straight=1");
  if (state.smooth !== SMOOTH) parts.push(`smooth=${Number(state.smooth)}`);
  state.moves.forEach((amount, index) => amount && parts.push(`${directions[index].key}=${+amount.toFixed(3)}`));
  return `#${parts.join("&")}`;
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const number = (name, low, high, otherwise) => {
    const value = given.get(name) === null || given.get(name).trim() === "" ? NaN : Number(given.get(name));
    return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : otherwise;
  };
  const whole = (text) => (/^\d{1,10}$/.test(text ?? "") && Number(text) <= MOST_SEED ? Number(text) : null);
  const pick = (name, otherwise) => {
    const [seed, index] = (given.get(name) ?? "").split(".").map(whole);
    return seed === null || (index ?? null) === null || index >= MOST_TILES ? otherwise : [seed, index];
  };
  state.seed = whole(given.get("seed")) ?? 0;
  state.a = pick("a", [state.seed, 0]);
  state.b = pick("b", [state.seed, 1]);
  state.told = labelsOfAddress(given);
  state.t = number("t", 0, 1, 0);
  state.spread = number("spread", 0, 1.5, 1);
  state.straight = given.get("straight") === "1";
  state.smooth = given.has("smooth") ? given.get("smooth") === "1" : SMOOTH;
  state.moves = directions.map(({ key }) => number(key, -REACH, REACH, 0));
}

let addressTimer;
function writeAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => history.replaceState(null, "", address()), 200); // browsers count such calls
}
