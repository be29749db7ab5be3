// One run: its grids through time, curves, metrics, alarms, settings, commands, files.

function runView(id) {
  const run = runs[places.get(id)];
  if (!run) return missingView("There is no such run on this page.");
  const details = detailsOf(run);
  const history = details.history;
  const charts = [
    chart({ title: "Losses", note: pointsNote(history), xName: "step", xText: stepText, series: [
      { name: "generator", colour: "g", x: history.step, y: history.generator_loss },
      { name: "discriminator", colour: "d", x: history.step, y: history.discriminator_loss }] }),
    chart(outputsChart(details)),
    ...metricCharts(details),
  ];
  const film = filmOf(run, details, (at) => charts.forEach((one) => one.setCursor(at)));
  const box = el("input", { type: "checkbox", "data-pick": id, checked: picked.has(id), change: () => pick(id, box.checked) });
  const element = el("article", { class: "view run" },
    el("header", { class: "masthead" },
      el("nav", { class: "trail", "aria-label": "Where you are" }, el("a", { class: "back", href: overviewAddress() }, icon("back"), "All runs"), neighbours(id)),
      el("h1", {}, run.name),
      el("p", { class: "subtitle" }, [run.folder, run.recipe, run.dataset, run.seed !== null && `seed ${run.seed}`,
        run.started && minute.format(run.started)].filter((part) => part).join(" · ")),
      el("div", { class: "marks" }, el("span", { class: `mark ${run.status}` }, STATUS[run.status]),
        el("label", { class: "check" }, box, "Pick to compare"), notebookLink(details))),
    (run.problems.length > 0 || SAID[run.status]) && el("div", { class: `notice ${run.status}`, role: "note" },
      el("h2", {}, HEADS[run.status]), SAID[run.status] && el("p", {}, SAID[run.status]), run.problems.map((text) => el("p", {}, text))),
    el("div", { class: "columns" },
      el("section", { class: "film", "aria-label": "Grids through time" }, film.element),
      el("section", { class: "curves", "aria-label": "Curves" }, facts(run, details), alarmList(details.alarms), charts.map((one) => one.element))),
    evaluations(details),
    samples(details),
    commands(details),
    settings(details),
    files(details),
    el("footer", {}, el("p", {}, "Keys: ", kbd("←"), kbd("→"), " through time, ", kbd("Space"), " play, ", kbd("j"), kbd("k"),
      " next and previous run, ", kbd("c"), " pick, ", kbd("Esc"), " all runs. ", letterSwitch())));
  return { element, title: run.name, keys: { ...film.keys, c: () => pick(id, !picked.has(id)), j: () => goBy(id, 1), k: () => goBy(id, -1), Escape: toOverview } };
}

function notebookLink({ files }) {
  const found = files.find(([, name]) => name.endsWith(".ipynb"));
  return found && el("a", { class: "notebook", href: found[2] }, found[0] === "executed notebook" ? "Executed notebook" : found[1]);
}

const HEADS = {
  finished: "This run has finished, but not all is well", running: "This run was still going on when the page was made",
  interrupted: "This run was interrupted", diverged: "This run diverged", failed: "This run failed", damaged: "Something is wrong with this run",
  unreadable: "This run cannot be read at the moment", "not begun": "This run has not begun",
};
const SAID = {
  running: "Make the page again to see how far it has got: python -m dcgan_tf gallery",
  interrupted: "Nothing is lost: the first command below goes on from where it stopped.",
};

const stepText = (at) => `step ${whole.format(Math.round(at))}`;

function pointsNote(history) {
  return history.rows_per_point > 1 ? `Each point is the mean of ${history.rows_per_point} rows of history.csv; bold: running mean` : null;
}

function outputsChart({ history, settings }) {
  const probability = ["bce", "minimax"].includes(settings.loss);
  return { title: probability ? "What the discriminator believes" : "What the discriminator says",
    note: probability ? "Mean probability of being real that it gives to real and to generated images" : "Mean output for real and for generated images",
    xName: "step", xText: stepText, low: probability ? 0 : undefined, high: probability ? 1 : undefined, series: [
      { name: "D(real)", colour: "real", x: history.step, y: history.discriminator_real },
      { name: "D(fake)", colour: "fake", x: history.step, y: history.discriminator_fake }] };
}

// One curve for each metric that was measured several times by one protocol.
function metricCurves(details) {
  const curves = new Map();
  for (const line of details.evaluations) for (const metric of line.metrics) {
    if (line.step === null || metric.value === null) continue;
    const key = `${metric.title}\n${metric.protocol}`;
    if (!curves.has(key)) curves.set(key, { ...metric, x: [], y: [] });
    curves.get(key).x.push(line.step);
    curves.get(key).y.push(metric.value);
  }
  return curves;
}

function metricCharts(details) {
  return [...metricCurves(details).values()].filter((curve) => curve.x.length > 1).map((curve) =>
    chart({ title: curve.title, note: `${curve.better} is better; ${curve.protocol}`, xName: "step", xText: stepText, smooth: false,
      series: [{ name: curve.title, colour: "m", x: curve.x, y: curve.y, dots: true }] }));
}

// --- grids through time -------------------------------------------------------------------------------------

function gridText([, step, epoch, seconds]) {
  return [epoch !== null && `epoch ${whole.format(epoch)}`, step !== null && `step ${whole.format(step)}`, seconds !== null && duration(seconds)]
    .filter((part) => part).join(" · ") || "unknown time";
}

function filmOf(run, details, moved) {
  const grids = details.grids;
  if (!grids.length) return { element: missing("No grids were recorded."), keys: {} };
  const frame = grid("whole");
  const image = frame.querySelector("img");
  const time = timeline({ count: grids.length, label: "Time", describe: (at) => gridText(grids[at]), change: (at) => {
    if (image.getAttribute("src") !== grids[at][0]) image.src = grids[at][0];
    image.alt = `Images generated at ${gridText(grids[at])}`;
    for (const next of grids.slice(at + 1, at + 3)) new Image().src = next[0];
    moved(grids[at][1]);
  } });
  time.go(grids.length - 1);
  if (grids.length > 1) fill(frame, { click: time.toggle, class: "mat whole plays" }, []);
  return { element: el("div", {}, frame, time.element, el("p", { class: "note" },
    `${plural(grids.length, "grid")}, always from the same latents${details.shown ? `, ${details.shown}` : ""}`, run.film && [" · ", el("a", { href: run.film }, "as a film")])),
  keys: timeKeys(time) };
}

function timeKeys(time) {
  return { ArrowLeft: () => time.step(-1), ArrowRight: () => time.step(1), Home: () => time.step(-time.count), End: () => time.step(time.count), " ": time.toggle };
}

// --- parts --------------------------------------------------------------------------------------------------

function facts(run, details) {
  const speeds = details.history.images_per_second.filter((value) => value !== null).sort((a, b) => a - b);
  const parts = [["Steps", number(run.step)], ["Epochs", number(run.epochs)], ["Trained for", duration(run.seconds)],
    ["Images", details.settings.image_shape?.replaceAll("x", "×")], ["Speed", speeds.length && `${number(Math.round(speeds[speeds.length >> 1]))} images/s`]];
  return el("dl", { class: "facts" }, parts.filter(([, value]) => value && value !== "–").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function alarmList(alarms) {
  const on = alarms.filter((alarm) => alarm.over === null), past = alarms.filter((alarm) => alarm.over !== null);
  return [on.map((alarm) => el("div", { class: "notice alarm", role: "note" }, el("h2", {}, `Alarm: ${alarm.name}`),
    el("p", {}, `Since step ${whole.format(alarm.since)}: ${alarm.seen}.`), el("p", {}, `People usually try ${alarm.remedies}.`))),
  past.length > 0 && el("details", {}, el("summary", {}, `${plural(past.length, "alarm")} that came and went`), el("ul", { class: "past" }, past.map((alarm) =>
    el("li", {}, el("b", {}, alarm.name), ` from step ${whole.format(alarm.since)} to ${whole.format(alarm.over)}: ${alarm.seen}`))))];
}

function section(title, ...children) {
  return el("section", { class: "part" }, el("h2", {}, title), children);
}

function evaluations(details) {
  const lines = details.evaluations.filter((line) => !line.while_training);
  const monitored = details.evaluations.filter((line) => line.while_training);
  const shown = [...lines].reverse().concat(lines.length ? [] : monitored.slice(-1));
  if (!shown.length) return null;
  return section("Metrics", shown.map((line) => [
    el("dl", { class: "scores" }, line.metrics.map((metric) => el("div", {}, el("dt", {}, metric.title),
      el("dd", {}, number(metric.value), metric.std !== null && el("small", {}, `± ${number(metric.std)}`)),
      metric.better && el("dd", { class: "better" }, `${metric.better} is better`), yardsticks(metric)))),
    el("p", { class: "note" }, line.step !== null && `After step ${whole.format(line.step)}, measured with `,
      [...new Set(line.metrics.map((metric) => metric.protocol))].join("; "), "."),
    line.missing_classes?.length > 0 && el("p", { class: "note" }, `Missing classes: ${line.missing_classes.join(", ")}.`)]),
  el("p", { class: "note" }, "Numbers can be compared only when they were measured with the same."));
}

// What real images, and noise, give in the place of generated ones.
function yardsticks({ real = null, noise = null }) {
  const parts = [real !== null && `real images ${number(real)}`, noise !== null && `noise ${number(noise)}`].filter((part) => part);
  return parts.length > 0 && el("dd", { class: "better" }, parts.join(", "));
}

function samples(details) {
  if (!details.samples.length) return null;
  return section("Samples", pictureList(details.samples));
}

function commands(details) {
  if (!details.commands.length) return null;
  return section("Commands", details.commands.map(([what, text]) => {
    const button = el("button", { type: "button", class: "button small", "aria-label": `Copy: ${what}`, click: () => copy(text, button) }, "Copy");
    return el("div", { class: "command" }, el("h3", {}, what, button), el("pre", { tabindex: "0" }, text));
  }));
}

function settings(details) {
  if (!Object.keys(details.settings).length) return null;
  const changed = new Set(details.changed);
  const table = (title, rows) => rows.length > 0 && el("div", { class: "group" }, el("h3", {}, title), el("dl", { class: "settings" }, rows.map(([name, value, help]) =>
    el("div", { class: changed.has(name) ? "changed" : null, title: help }, el("dt", {}, name), el("dd", {}, value, changed.has(name) && el("small", {}, "changed"))))));
  const known = new Set(data.fields.map(([name]) => name));
  const general = Object.entries(details.settings).filter(([name]) => !known.has(name));
  const groups = [...new Set(data.fields.map(([, group]) => group))].map((group) => table(group, data.fields
    .filter(([name, own]) => own === group && name in details.settings).map(([name, , help]) => [name, details.settings[name], help])));
  return section("Settings", changed.size > 0 && el("p", { class: "note" }, "Marked: what differs from the recipe of that name."),
    el("div", { class: "groups" }, table("What was trained", general), groups, table("Machine and versions", Object.entries(details.machine))));
}

function files(details) {
  if (!details.files.length) return null;
  const size = (bytes) => (bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  return section("Files", el("ul", { class: "files" }, details.files.map(([what, name, address, bytes]) =>
    el("li", {}, el("a", { href: address }, name), el("span", {}, ` ${what}, ${size(bytes)}`)))));
}

// --- to the next run ----------------------------------------------------------------------------------------

function visibleIds() {
  return found.map((run) => run.id);
}

function neighbours(id) {
  const ids = visibleIds(), at = ids.indexOf(id);
  const link = (to, text, name) => to && el("a", { class: "step", href: runAddress(to), "aria-label": `${text}: ${runs[places.get(to)].name}`, title: runs[places.get(to)].name }, icon(name));
  return el("span", { class: "neighbours" }, at > 0 && link(ids[at - 1], "Previous run", "back"), at >= 0 && link(ids[at + 1], "Next run", "next"));
}

function goBy(id, by) {
  const ids = visibleIds();
  const next = ids[ids.indexOf(id) + by];
  if (next) location.hash = runAddress(next);
}

function toOverview() {
  location.hash = overviewAddress();
}

// While the details of these runs are read, and when they cannot be.
function waitingView(chosen) {
  const note = el("p", { role: "status" }, "Reading …");
  const here = location.hash;
  Promise.all(chosen.map(readDetails)).then(() => location.hash === here && show(here), (error) => {
    note.textContent = `${error.message} is not there, or is damaged: it belongs beside this page. If the page was made again meanwhile, load it anew; else make it again: python -m dcgan_tf gallery`;
  });
  return { element: el("div", { class: "view" }, el("header", { class: "masthead" }, el("nav", { class: "trail" }, el("a", { class: "back", href: overviewAddress() }, icon("back"), "All runs")),
    el("h1", {}, chosen.length === 1 ? chosen[0].name : plural(chosen.length, "run"))), note), title: data.title, keys: { Escape: toOverview } };
}

function missingView(text) {
  return { element: el("div", { class: "view" }, el("header", { class: "masthead" }, el("nav", { class: "trail" }, el("a", { class: "back", href: overviewAddress() }, icon("back"), "All runs")), el("h1", {}, "Not here")), el("p", {}, text)), title: "Not here", keys: { Escape: toOverview } };
}
