// Curves as inline SVG: drawn at the width they have, with a cursor that the time slider moves too.

const HEIGHT = 190;
const MARGIN = { left: 56, right: 14, top: 12, bottom: 30 };

function niceStep(range, count) {
  const rough = range / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((step) => step >= rough * 0.999) || power;
}

function ticks(low, high, count) {
  const step = niceStep(high - low, count);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

function shortNumber(value) {
  if (Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 0.001)) return value.toExponential(1).replace("+", "").replace(".0e", "e");
  if (Math.abs(value) >= 10000) return `${Number((value / 1000).toFixed(1))}k`;
  return String(Number(value.toPrecision(4)));
}

function runningMean(values, window) {
  return values.map((value, place) => {
    if (value === null) return null;
    const near = values.slice(Math.max(0, place - window + 1), place + 1).filter((one) => one !== null);
    return near.reduce((sum, one) => sum + one, 0) / near.length;
  });
}

// Over how many values the running mean of a curve of so many goes; 1: it is not noisy.
const smoothing = (count) => (count > 30 ? Math.round(count / 25) : 1);

function nearest(xs, at) {
  let low = 0, high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - xs[low - 1] <= xs[low] - at ? low - 1 : low;
}

// Only what has a place on the x axis: of a damaged run, the time of a number may not be known.
function placed(one) {
  const known = one.x.map((at, place) => (Number.isFinite(at) ? place : -1)).filter((place) => place >= 0);
  return { ...one, x: known.map((place) => one.x[place]), y: known.map((place) => one.y[place]), band: one.band && known.map((place) => one.band[place]) };
}

// series: [{name, colour, x, y, dots, band}], y with nulls where there is no number. Of noisy curves (smooth) the running
// mean is drawn over the values; a mean with a band, so far to each side of it, was smoothed before. `xText` says a place
// on the x axis in words. `slack`: how far beyond its end a curve still has its last value (an epoch that was not finished).
function chart({ title, note, series, xName, xText, low, high, smooth = true, slack = 0 }) {
  series = series.map(placed).filter((one) => one.y.some((value) => value !== null));
  const readings = series.map((one) => el("b", {}));
  const where = el("span", { class: "where" });
  const keys = series.map((one, place) =>
    el("li", {}, el("span", { class: `key ${one.colour}` }), el("span", { class: "series" }, one.name), readings[place]));
  const frame = el("div", { class: "plot" });
  const caption = el("figcaption", {}, el("h3", {}, title), note && el("p", { class: "note" }, note),
    el("ul", { class: "keys" }, keys, el("li", {}, where)));
  const figure = el("figure", { class: "chart" }, caption, frame);
  if (!series.length) {
    frame.append(el("p", { class: "note" }, "There are no numbers yet."));
    return { element: figure, setCursor() {} };
  }

  const xs = series.flatMap((one) => one.x);
  const values = series.flatMap((one) => one.band ? one.y.flatMap((value, place) => [value - one.band[place], value + one.band[place]]) : one.y)
    .filter((value) => value !== null);
  const x0 = Math.min(0, ...xs), x1 = Math.max(...xs, x0 + 1e-9);
  const y0 = low ?? Math.min(0, ...values);
  const y1 = high ?? (Math.max(...values) > y0 ? Math.max(...values) + 0.04 * (Math.max(...values) - y0) : y0 + 1);
  let cursor = null, pointed = null, line = null, dots = [], toX = null, toY = null;

  function draw() {
    const width = Math.max(220, frame.clientWidth);
    const right = width - MARGIN.right, bottom = HEIGHT - MARGIN.bottom;
    toX = (value) => MARGIN.left + ((value - x0) / (x1 - x0)) * (right - MARGIN.left);
    toY = (value) => bottom - ((Math.min(Math.max(value, y0), y1) - y0) / (y1 - y0)) * (bottom - MARGIN.top);
    const parts = [];
    for (const at of ticks(y0, y1, 4)) {
      parts.push(svg("line", { class: "rule", x1: MARGIN.left, x2: right, y1: toY(at), y2: toY(at) }));
      parts.push(svg("text", { class: "tick", x: MARGIN.left - 8, y: toY(at) + 4, "text-anchor": "end" }, shortNumber(at)));
    }
    for (const at of ticks(x0, x1, Math.max(2, Math.floor(width / 110)))) {
      parts.push(svg("text", { class: "tick", x: toX(at), y: bottom + 18, "text-anchor": "middle" }, shortNumber(at)));
    }
    parts.push(svg("text", { class: "tick", x: MARGIN.left - 10, y: bottom + 18, "text-anchor": "end" }, xName));
    for (const one of series) {
      const window = smooth && !one.band ? smoothing(one.y.length) : 1;
      if (one.band) parts.push(svg("path", { class: `band ${one.colour}`, d: path([...one.x, ...[...one.x].reverse()],
        [...one.y.map((value, place) => value + one.band[place]), ...one.y.map((value, place) => value - one.band[place]).reverse()]) }));
      if (window > 1) parts.push(svg("path", { class: `curve faint ${one.colour}`, d: path(one.x, one.y) }));
      parts.push(svg("path", { class: `curve ${one.colour}`, d: path(one.x, runningMean(one.y, window)) }));
      if (one.dots || one.y.length === 1) {
        one.x.forEach((at, place) => one.y[place] !== null && parts.push(
          svg("circle", { class: `dot ${one.colour}`, cx: toX(at), cy: toY(one.y[place]), r: 3 })));
      }
    }
    line = svg("line", { class: "cursor", y1: MARGIN.top, y2: bottom });
    dots = series.map((one) => svg("circle", { class: `dot ${one.colour}`, r: 4 }));
    const picture = svg("svg", { class: "curves", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
      "aria-label": describe() }, parts, line, dots);
    frame.replaceChildren(picture);
    read();
  }

  function path(x, y) {
    let text = "", pen = "M";
    y.forEach((value, place) => {
      if (value === null) pen = "M";
      else {
        text += `${pen}${toX(x[place]).toFixed(1)} ${toY(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return text;
  }

  function describe() {
    const parts = series.map((one) => {
      const there = one.y.filter((value) => value !== null);
      return `${one.name} from ${number(there[0])} to ${number(there[there.length - 1])}`;
    });
    return `${title}: ${parts.join("; ")}`;
  }

  // The numbers at the pointer, else at the cursor, else at the end.
  function read() {
    const at = pointed ?? cursor;
    where.textContent = at === null ? "" : xText(at);
    series.forEach((one, place) => {
      const index = at === null ? one.y.length - 1 : nearest(one.x, at);
      const end = one.x[one.x.length - 1];
      const beyond = at !== null && at > end * 1.0001 && at >= end + slack;
      const value = beyond ? null : one.y[index];
      readings[place].textContent = value === null ? "–" : one.band ? `${number(value)} ± ${number(one.band[index])}` : number(value);
      const seen = at !== null && value !== null;
      if (!line) return; // not drawn yet
      dots[place].setAttribute("visibility", seen ? "visible" : "hidden");
      if (!seen) return;
      dots[place].setAttribute("cx", toX(one.x[index]));
      dots[place].setAttribute("cy", toY(value));
    });
    if (!line) return;
    line.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at !== null) for (const side of ["x1", "x2"]) line.setAttribute(side, toX(Math.min(Math.max(at, x0), x1)));
  }

  frame.addEventListener("pointermove", (event) => {
    const box = frame.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    pointed = x0 + Math.min(1, Math.max(0, share)) * (x1 - x0);
    read();
  });
  frame.addEventListener("pointerleave", () => {
    pointed = null;
    read();
  });
  new ResizeObserver(draw).observe(frame);
  return {
    element: figure,
    setCursor(at) {
      cursor = at;
      read();
    },
  };
}

// --- a slider through time, with a play button --------------------------------------------------------------

let playing = null; // the one timeline that plays

function timeline({ count, describe, change, label }) {
  let at = count - 1, timer = null;
  const button = el("button", { type: "button", class: "round", "aria-label": "Play", click: toggle }, icon("play"));
  const slider = el("input", { type: "range", min: 0, max: Math.max(0, count - 1), step: 1, value: at, "aria-label": label,
    input: () => { stop(); go(Number(slider.value)); } });
  const output = el("output", { class: "when" });
  const element = el("div", { class: "timeline" }, button, slider, output);
  button.disabled = slider.disabled = count < 2;

  function go(place) {
    at = Math.min(count - 1, Math.max(0, place));
    slider.value = at;
    const text = describe(at);
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--part", count > 1 ? at / (count - 1) : 1);
    change(at);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    if (playing === api) playing = null;
    button.setAttribute("aria-label", "Play");
    button.replaceChildren(icon("play"));
  }

  function toggle() {
    if (timer) return stop();
    playing?.stop();
    playing = api;
    button.setAttribute("aria-label", "Pause");
    button.replaceChildren(icon("pause"));
    go(at >= count - 1 ? 0 : at + 1);
    timer = setInterval(() => (at >= count - 1 ? stop() : go(at + 1)), Math.min(500, Math.max(70, 9000 / count)));
  }

  const api = { element, go, stop, toggle, step: (by) => { stop(); go(at + by); }, get at() { return at; }, count };
  return api;
}
