// Two or more runs side by side: grids at equal epoch, step, images or time, curves overlaid, what differs.

const batchOf = (details) => Number(details.settings.batch_size);
const epochsIn = (details, step) => step / Number(details.machine["steps per epoch"]);

// Of each: where a grid of a run is, where a step of it is, where the rows of its history are, and that in words.
const UNITS = {
  epoch: { plural: "epochs", ofGrid: (one) => one[2], ofStep: epochsIn, ofHistory: fractions, text: (at) => `epoch ${whole.format(at)}` },
  step: { plural: "steps", ofGrid: (one) => one[1], ofStep: (details, step) => step, ofHistory: ({ history }) => history.step,
    text: (at) => `step ${whole.format(Math.round(at))}` },
  images: { plural: "images", ofGrid: (one, details) => one[1] === null ? null : one[1] * batchOf(details), ofStep: (details, step) => step * batchOf(details),
    ofHistory: (details) => details.history.step.map((step) => step * batchOf(details)), text: (at) => `${whole.format(Math.round(at))} images` },
  seconds: { plural: "seconds", ofGrid: (one) => one[3], ofStep: ({ history }, step) => secondsAt(history, step), ofHistory: ({ history }) => history.seconds,
    text: (at) => duration(at) },
};
let unit = "epoch";

// Eight colours that differ for colour-blind readers too; further runs have them again, dashed.
const colourOf = (order) => `c${order % 8}${order >= 8 ? " dashed" : ""}`;

function compareView(ids) {
  const chosen = [...new Set(ids)].filter((id) => places.has(id)).map((id) => runs[places.get(id)]);
  if (chosen.length < 1) return missingView("None of these runs is on this page.");
  const body = el("div", {}), heading = el("span", {});
  let keys = {};
  function draw() {
    heading.textContent = ` compared at equal ${UNITS[unit].plural}`;
    const made = comparison(chosen, ids, draw);
    keys = made.keys;
    body.replaceChildren(...made.elements);
  }
  const units = el("fieldset", { class: "units" }, el("legend", {}, "Grids and curves at equal"), Object.keys(UNITS).map((name) =>
    el("label", {}, el("input", { type: "radio", name: "unit", value: name, checked: name === unit, change: () => { unit = name; playing?.stop(); draw(); } }), el("span", {}, name))));
  draw();
  return { title: `${chosen.length} runs compared`, get keys() { return { ...keys, Escape: toOverview }; }, element: el("article", { class: "view compare" },
    el("header", { class: "masthead" }, el("nav", { class: "trail", "aria-label": "Where you are" }, el("a", { class: "back", href: overviewAddress() }, icon("back"), "All runs")),
      el("h1", {}, plural(chosen.length, "run"), heading), units), body,
    el("footer", {}, el("p", {}, "Keys: ", kbd("←"), kbd("→"), " through time, ", kbd("Space"), " play, ", kbd("Esc"), " all runs."))) };
}

function comparison(chosen, ids, redraw) {
  const { ofGrid, text } = UNITS[unit];
  const timed = chosen.map((run) => detailsOf(run).grids.map((one) => ({ one, at: ofGrid(one, detailsOf(run)) })).filter(({ at }) => Number.isFinite(at)));
  const stops = [...new Set(timed.flatMap((grids) => grids.map(({ at }) => at)))].sort((a, b) => a - b);
  const columns = chosen.map((run, order) => columnOf(run, order, ids, called(run, chosen)));
  const charts = overlays(chosen);
  const time = stops.length > 0 && timeline({ count: stops.length, label: `Time, in ${UNITS[unit].plural}`, describe: (at) => text(stops[at]), change: (at) => {
    columns.forEach((one, order) => one.show(timed[order], stops[at]));
    charts.forEach((one) => one.setCursor(stops[at]));
  } });
  if (time) time.go(stops.length - 1);
  return { keys: time ? timeKeys(time) : {}, elements: [
    el("div", {}, // as far as it reaches, the slider stays in sight
      time && el("div", { class: "sticky" }, time.element, el("p", { class: "note" }, aboutLatents(chosen))),
      el("div", { class: "side-by-side" }, columns.map((one) => one.element)),
      el("section", { class: "part" }, el("h2", {}, `Curves at equal ${UNITS[unit].plural}`), bandSwitch(chosen, redraw), el("div", { class: "chart-grid" }, charts.map((one) => one.element)))),
    repeatsTable(chosen), scoreTable(chosen), differences(chosen)].filter((part) => part) };
}

const LATENTS = ["seed", "latent_dim", "latent_distribution", "latent_mean", "latent_std"];

function aboutLatents(chosen) {
  const drawn = new Set(chosen.map((run) => LATENTS.map((name) => detailsOf(run).settings[name]).join()));
  return drawn.size === 1 ? "The same latents in all grids: each place shows what these generators make of one z."
    : "Different latents: the same place in two grids shows nothing in common.";
}

// Short names, where they still tell the chosen runs apart.
function called(run, chosen) {
  return chosen.filter((other) => other.short === run.short).length > 1 ? run.name : run.short;
}

function columnOf(run, order, ids, name) {
  const frame = grid("filled");
  const image = frame.querySelector("img");
  const nothing = el("span", { class: "nothing" }, "no grids were recorded");
  image.hidden = true;
  frame.append(nothing);
  const caption = el("p", { class: "when" });
  const rest = ids.filter((id) => id !== run.id);
  const element = el("section", { class: "column", "aria-label": run.name },
    el("h2", {}, el("span", { class: `key ${colourOf(order)}` }), el("a", { href: runAddress(run.id), title: name === run.name ? null : run.name }, name),
      ids.length > 2 && el("a", { class: "remove", href: compareAddress(rest), "aria-label": `Leave out ${run.name}`, click: () => picked.delete(run.id) }, icon("close"))),
    el("p", { class: "meta" }, [run.folder, run.recipe, run.dataset && shortPath(run.dataset)].filter((part) => part).join(" · ")),
    run.status !== "finished" && el("p", { class: "marks" }, el("span", { class: `mark ${run.status}` }, STATUS[run.status])), frame, caption);
  return { element, show(grids, at) {
    const reached = grids.filter((grid) => grid.at <= at);
    const newest = reached[reached.length - 1], one = newest?.one;
    image.hidden = !one;
    nothing.hidden = Boolean(one);
    nothing.textContent = grids.length ? "nothing drawn yet" : "no grids were recorded";
    caption.textContent = one ? gridText(one) : "";
    if (!one) return;
    if (image.getAttribute("src") !== one[0]) image.src = one[0];
    image.alt = `${run.name} at ${gridText(one)}`;
    const ended = reached.length === grids.length && newest.at < at;
    if (ended) caption.append(el("span", { class: "ended" }, " · its last"));
  } };
}

function overlays(chosen) {
  const { ofHistory, text: xText } = UNITS[unit], xName = unit;
  const lines = (name) => bundled(chosen, (run, order) =>
    ({ name: called(run, chosen), colour: colourOf(order), x: ofHistory(detailsOf(run)), y: detailsOf(run).history[name] }));
  const losses = chosen.map((run) => detailsOf(run).settings.loss);
  const probability = losses.every((loss) => ["bce", "minimax"].includes(loss));
  const slack = unit === "epoch" ? 1 : 0;
  const limits = probability ? { low: 0, high: 1 } : {};
  const note = new Set(losses.filter((loss) => loss)).size > 1 ? `Different losses (${[...new Set(losses)].join(", ")}): their values cannot be compared` : null;
  const charts = [["Generator's loss", "generator_loss", {}], ["Discriminator's loss", "discriminator_loss", {}], ["D(real)", "discriminator_real", limits],
    ["D(fake)", "discriminator_fake", limits]].map(([title, name, own]) => chart({ title, note: note, xName, xText, slack, series: lines(name), ...own }));
  return [...charts, ...metricOverlays(chosen)];
}

// history.csv says in which epoch a row ended; between, the steps say how far.
function fractions(details) {
  return Number(details.machine["steps per epoch"]) ? details.history.step.map((step) => epochsIn(details, step)) : details.history.epoch;
}

function metricOverlays(chosen) {
  const { ofStep, text: xText } = UNITS[unit], xName = unit;
  const all = new Map();
  chosen.forEach((run, order) => {
    const details = detailsOf(run);
    for (const [key, curve] of metricCurves(details)) {
      if (curve.x.length < 2) continue;
      if (!all.has(key)) all.set(key, { ...curve, series: new Map() });
      all.get(key).series.set(run, { name: called(run, chosen), colour: colourOf(order), x: curve.x.map((step) => ofStep(details, step)), y: curve.y, dots: true });
    }
  });
  return [...all.values()].map((one) => chart({ title: one.title, note: `${one.better} is better; ${one.protocol}`, xName, xText, smooth: false, slack: unit === "epoch" ? 1 : 0,
    series: bundled(chosen, (run) => one.series.get(run)) }));
}

function secondsAt(history, step) {
  return history.step.length ? history.seconds[nearest(history.step, step)] : null;
}

// --- tables -------------------------------------------------------------------------------------------------

function heads(chosen) {
  return chosen.map((run, order) => el("th", { scope: "col" }, el("span", { class: `key ${colourOf(order)}` }), called(run, chosen),
    run.step !== null && run.step !== undefined && el("small", {}, plural(run.step, "step"))));
}

// Metrics in groups of one protocol: only within a group can numbers be compared.
function scoreTable(chosen) {
  const groups = new Map();
  data.metrics.forEach((metric, place) => {
    const found = chosen.map((run) => run.scores[place]);
    const there = found.filter((value) => value !== undefined);
    if (!there.length) return;
    const cost = costOf(metric.better);
    const best = there.reduce((one, other) => (cost(other) < cost(one) ? other : one));
    if (!groups.has(metric.protocol)) groups.set(metric.protocol, []);
    groups.get(metric.protocol).push(el("tr", {}, el("th", { scope: "row" }, metric.title, el("small", {}, `${metric.better} is better`)),
      found.map((value) => el("td", { class: there.length > 1 && value === best ? "value best" : "value" }, value === undefined ? "–" : number(value),
        there.length > 1 && value === best && el("small", {}, "best")))));
  });
  return groups.size > 0 && section("Metrics", el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metrics" },
    el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Metric"), heads(chosen))), [...groups].map(([protocol, rows]) =>
      el("tbody", {}, el("tr", { class: "protocol" }, el("th", { scope: "rowgroup", colspan: chosen.length + 1 }, protocol)), rows)))));
}

function differences(chosen) {
  const all = chosen.map((run) => detailsOf(run).settings);
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))];
  const readable = all.filter((one) => Object.keys(one).length);
  const differing = names.filter((name) => new Set(readable.map((one) => one[name])).size > 1);
  const rows = (list) => list.map((name) => el("tr", {}, el("th", { scope: "row" }, name), all.map((one) => el("td", {}, one[name] ?? "–"))));
  const table = (list) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Settings" }, el("table", { class: "settings-table" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Setting"), heads(chosen))), el("tbody", {}, rows(list))));
  const same = names.filter((name) => !differing.includes(name));
  return section("Settings that differ", differing.length ? table(differing) : el("p", { class: "note" }, "None: these runs have the same settings."),
    same.length > 0 && el("details", {}, el("summary", {}, `${plural(same.length, "setting")} that are the same`), table(same)));
}
