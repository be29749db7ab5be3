// Small tools: elements, texts for people, addresses. Nothing here ever makes HTML out of a text.

const data = JSON.parse(document.getElementById("data").textContent);
const runs = data.runs;
const places = new Map(runs.map((run, place) => [run.id, place]));
const main = document.getElementById("main");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child || child === 0 || child === ""));
  return element;
}

// el("p", {class: "note", click: go}, "text", child): texts become text, never markup.
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  back: "M14.5 5 7.5 12l7 7",
  next: "M9.5 5l7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
};
const FILLED = ["play", "pause"];

function icon(name) {
  const style = FILLED.includes(name) ? "icon filled" : "icon";
  return svg("svg", { viewBox: "0 0 24 24", class: style, "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

function say(text) {
  document.getElementById("said").textContent = text;
}

// --- what a person reads ------------------------------------------------------------------------------------

const whole = new Intl.NumberFormat("en");

// A function value -> what is small where it is good, of a metric whose larger values are better, or smaller ones, or those nearest 1 (twice and half are equally far).
function costOf(better) {
  return { larger: (value) => -value, "nearest 1": (value) => Math.abs(Math.log(Math.max(value, 1e-12))) }[better] ?? ((value) => value);
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return value.toExponential(1).replace("+", "");
  if (Number.isInteger(value)) return whole.format(value);
  if (size >= 1000) return whole.format(Math.round(value));
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return String(Number(value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 3)));
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 9.95) return `${Math.round(seconds * 10) / 10} s`;
  const long = seconds >= 3599.5;  // hours and minutes, or minutes and seconds
  const count = Math.round(seconds / (long ? 60 : 1)), rest = count % 60;
  const parts = [[Math.floor(count / 60), long ? "h" : "min"], [rest, long ? "min" : "s"]];
  return parts.filter(([number]) => number).map(([number, unit]) => `${number} ${unit}`).join(" ");
}

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const minute = new Intl.DateTimeFormat("en", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

function plural(count, word) {
  return `${whole.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

const STATUS = {
  finished: "finished", running: "still running", interrupted: "interrupted",
  diverged: "diverged", failed: "failed", damaged: "damaged", unreadable: "cannot be read", "not begun": "not begun",
};

// --- addresses ----------------------------------------------------------------------------------------------

function runAddress(id) {
  return `#/run/${encodeURIComponent(id)}`;
}

function compareAddress(ids) {
  return `#/compare/${ids.map(encodeURIComponent).join(",")}`;
}

// A run's details are parsed when they are first looked at. Of many runs they lie in files beside the page, so many
// runs to a file; hasDetails says whether that was read, readDetails reads it.
const known = new Map(), read = new Map();
const fileOf = (run) => data.files[Math.floor(places.get(run.id) / data.together)];
const hasDetails = (run) => !data.files.length || Array.isArray(read.get(fileOf(run)));

function detailsOf(run) {
  if (data.files.length) return read.get(fileOf(run))[places.get(run.id) % data.together];
  if (!known.has(run.id)) known.set(run.id, JSON.parse(document.getElementById(`run-${places.get(run.id)}`).textContent));
  return known.get(run.id);
}

// A page from a disk may read nothing but scripts, and this one only those in its list.
const policy = window.trustedTypes?.createPolicy("details", { createScriptURL: (address) => {
  if (!data.files.includes(address)) throw new TypeError(`${address} is none of this page's files`);
  return address;
} });

function readDetails(run) {
  const file = fileOf(run);
  if (!read.has(file)) read.set(file, new Promise((done, fail) => {
    const script = document.createElement("script");
    const end = (act) => () => { script.remove(); act(); };
    script.onload = end(() => { read.set(file, script.details); done(); });
    script.onerror = end(() => { read.delete(file); fail(new Error(file)); });
    script.src = policy ? policy.createScriptURL(file) : file;
    document.head.append(script);
  }));
  return read.get(file);
}

// Grids are enlarged by whole pixels only, which stay sharp; made smaller, they are smoothed. Side by side they
// fill their columns, so that all are equally large.
const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) for (const image of entry.target.querySelectorAll("img")) sharpen(image);
});

function sharpen(image) {
  const frame = image.parentElement, room = frame.clientWidth;
  if (!image.naturalWidth || !room) return;
  const scale = (room * devicePixelRatio) / image.naturalWidth, times = frame.classList.contains("filled") ? 0 : Math.floor(scale);
  image.classList.toggle("sharp", times >= 1 || scale >= 2);
  image.style.width = times >= 1 ? `${(image.naturalWidth * times) / devicePixelRatio}px` : "100%";
  frame.parentElement.style.setProperty("--picture", image.style.width); // what belongs to it gets as wide
}

function grid(style) {
  const image = el("img", { alt: "", decoding: "async", load: () => sharpen(image) });
  const frame = el("div", { class: `mat ${style}` }, image);
  sizes.observe(frame);
  return frame;
}

function missing(text) {
  return el("div", { class: "mat nothing" }, el("span", {}, text));
}

async function copy(text, button) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { readonly: true, class: "unseen" }, text);
    document.body.append(area);
    area.select();
    copied = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = copied ? "Copied" : "Select it and press Ctrl-C";
  say(button.textContent);
  setTimeout(() => (button.textContent = "Copy"), 1800);
}
