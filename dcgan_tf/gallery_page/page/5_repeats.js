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
  const all = groups.map((group) => detailsOf(group[0]).settings);
  const differing = [...new Set(all.flatMap(Object.keys))].filter((name) => name !== "seed" && new Set(all.map((one) => one[name])).size > 1);
  const label = (group, place) => differing.length > 0 && differing.length <= 4 ? differing.map((name) => `${name} ${all[place][name] ?? "–"}`).join(", ") : called(group[0], chosen);
  const rows = groups.map((group, place) => el("tr", {}, el("th", { scope: "row" }, label(group, place), el("small", {}, group.map((run) => `seed ${run.seed}`).join(", "))),
    el("td", {}, standing(group, finished[place])),
    columns.map(({ spreads, best }) => el("td", { class: best !== null && spreads[place]?.mean === best ? "value best" : "value" }, spreads[place] ? spreadText(spreads[place]) : "–"))));
  return section("Repeats", el("p", { class: "note" }, "Runs that differ in nothing but their seed: mean ± standard deviation (n) of those that have finished."),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Repeats" }, el("table", { class: "repeats-table" },
      el("thead", {}, el("tr", {}, ["Setting", "Finished", ...columns.map((one) => [one.name, one.better && el("small", {}, `${one.better} is better`)])].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows))), metrics.length > 0 && el("p", { class: "note" }, `Measured with ${[...new Set(metrics.map((one) => one.protocol))].join(" / ")}.`));
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
