// Repeats: runs that differ in nothing but their seed. Each of them has the number of their setting.

let settingsOfPage = null;

function repeatsOf(run) {
  if (run.setting === undefined) return [run];
  settingsOfPage ??= grouped(runs);
  return settingsOfPage.get(run.setting);
}

function grouped(some) {
  const found = new Map();
  for (const run of some) {
    const key = run.setting ?? run.id;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(run);
  }
  return found;
}

// Mean, sample standard deviation and n, and how they are said: as in compare/repeats.py.
function spread(values) {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  return { n, mean, std: n > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)) : null };
}

function spreadText({ mean, std, n }) {
  if (!std) return `${number(mean)}${std === 0 ? " ± 0" : ""} (${n})`;
  const decimals = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(std))));
  return `${mean.toFixed(decimals)} ± ${std.toFixed(decimals)} (${n})`;
}

// A row per setting of the chosen runs; nothing where none of them is repeated. Only finished runs count.
function repeatsTable(chosen) {
  const groups = [...grouped(chosen).values()];
  if (groups.every((group) => group.length < 2)) return null;
  const finished = groups.map((group) => group.filter((run) => run.status === "finished"));
  const last = (run, name) => detailsOf(run).history[name].at(-1);
  const metrics = data.metrics.map((metric, place) => ({ name: metricName(metric), better: metric.better, protocol: metric.protocol, of: (run) => run.scores[place] }))
    .filter((metric) => finished.flat().some((run) => metric.of(run) !== undefined));
  const columns = [{ name: "G loss", of: (run) => last(run, "generator_loss") }, { name: "D loss", of: (run) => last(run, "discriminator_loss") }, ...metrics].map((column) => {
    const found = finished.map((group) => group.map(column.of).filter((value) => Number.isFinite(value)));
    const spreads = found.map((values) => (values.length ? spread(values) : null));
    const means = spreads.filter((one) => one).map((one) => one.mean), cost = costOf(column.better);
    const best = column.better && means.length > 1 ? means.reduce((one, other) => (cost(other) < cost(one) ? other : one)) : null;
    return { ...column, spreads, best };
  });
  const labels = settingLabels(groups, chosen);
  const rows = groups.map((group, place) => el("tr", {}, el("th", { scope: "row" }, labels[place], el("small", {}, group.map((run) => `seed ${run.seed}`).join(", "))),
    el("td", {}, standing(group, finished[place])),
    columns.map(({ spreads, best }) => el("td", { class: best !== null && spreads[place]?.mean === best ? "value best" : "value" }, spreads[place] ? spreadText(spreads[place]) : "–"))));
  return section("Repeats", el("p", { class: "note" }, "Runs that differ in nothing but their seed: mean ± standard deviation (n) of those that have finished."),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Repeats" }, el("table", { class: "repeats-table" },
      el("thead", {}, el("tr", {}, ["Setting", "Finished", ...columns.map((one) => [one.name, one.better && el("small", {}, `${one.better} is better`)])].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows))), metrics.length > 0 && el("p", { class: "note" }, `Measured with ${[...new Set(metrics.map((one) => one.protocol))].join(" / ")}.`));
}

// What tells the settings of these groups apart, in few words.
function settingLabels(groups, chosen) {
  const all = groups.map((group) => detailsOf(group[0]).settings);
  const differing = [...new Set(all.flatMap(Object.keys))].filter((name) => name !== "seed" && new Set(all.map((one) => one[name])).size > 1);
  const few = differing.length > 0 && differing.length <= 4;
  return groups.map((group, place) => (few ? differing.map((name) => `${name} ${all[place][name] ?? "–"}`).join(", ") : called(group[0], chosen)));
}

// --- curves of repeats ---------------------------------------------------------------------------------------

let inBands = true; // whether the repeats of a setting are one line, or each is a line of its own

// What seriesOf(run, order) gives for each chosen run; with `inBands` one line for those of a setting that have finished.
function bundled(chosen, seriesOf) {
  const groups = [...grouped(chosen).values()], labels = settingLabels(groups, chosen);
  return groups.flatMap((group, place) => {
    const made = group.map((run) => ({ run, one: seriesOf(run, chosen.indexOf(run)) })).filter(({ one }) => one && one.y.some((value) => value !== null));
    const finished = made.filter(({ run }) => run.status === "finished").map(({ one }) => one);
    if (!inBands || finished.length < 2) return made.map(({ one }) => one);
    const mean = meanOf(finished.map(placed));
    if (!mean) return made.map(({ one }) => one);
    return [{ ...mean, name: `${labels[place]} (${finished.length})`, colour: finished[0].colour, dots: finished[0].dots },
      ...made.filter(({ run }) => run.status !== "finished").map(({ one }) => one)];
  });
}

// Mean and sample standard deviation of curves, as far as all of them reach; between its points a curve is straight, and
// noisy ones are smoothed first: as in compare/curves.py. Nothing where they have no part in common.
function meanOf(curves) {
  const whole = curves.map(({ x, y, dots }) => {
    const there = y.map((value, place) => (value === null ? -1 : place)).filter((place) => place >= 0);
    const values = there.map((place) => y[place]);
    return { x: there.map((place) => x[place]), y: runningMean(values, dots ? 1 : smoothing(values.length)) };
  });
  const low = Math.max(...whole.map(({ x }) => x[0])), high = Math.min(...whole.map(({ x }) => x[x.length - 1]));
  const x = [...new Set(whole.flatMap((one) => one.x))].filter((at) => at >= low && at <= high).sort((a, b) => a - b);
  if (!x.length) return null;
  const found = x.map((at) => spread(whole.map((one) => valueAt(one, at))));
  return { x, y: found.map(({ mean }) => mean), band: found.map(({ std }) => std) };
}

function valueAt({ x, y }, at) {
  const right = Math.max(1, x.findIndex((value) => value >= at)), left = right - 1;
  if (x.length === 1 || x[right] === x[left]) return y[left];
  return y[left] + ((at - x[left]) / (x[right] - x[left])) * (y[right] - y[left]);
}

function bandSwitch(chosen, changed) {
  if ([...grouped(chosen).values()].every((group) => group.length < 2)) return null;
  const box = el("input", { type: "checkbox", checked: inBands, change: () => { inBands = box.checked; changed(); } });
  return el("label", { class: "check bands" }, box, "Repeats as one line: mean, in a band of one standard deviation");
}

// How many count, and what became of the others: "3", or "2 of 3, 1 diverged".
function standing(group, finished) {
  const others = grouped(group.filter((run) => !finished.includes(run)).map((run) => ({ setting: STATUS[run.status] })));
  return [finished.length === group.length ? String(group.length) : `${finished.length} of ${group.length}`, ...[...others].map(([status, some]) => `${some.length} ${status}`)].join(", ");
}

// On a card: how many seeds its setting has, and the way to them.
function repeatsLink(run) {
  const group = repeatsOf(run);
  return group.length > 1 && el("p", { class: "meta small" }, el("a", { class: "repeats", href: compareAddress(group.map((one) => one.id)) }, `one of ${group.length} seeds: compare them`));
}
