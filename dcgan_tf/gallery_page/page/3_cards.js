// The overview: a card per run, filters and sorting, and picking runs to compare.

const EMPTY = { q: "", recipe: "", dataset: "", status: "", folder: "", from: "", to: "", metric: "", bound: "", sort: "newest", page: "1" };
let filters = { ...EMPTY };
const picked = new Set();
let overview = null; // made once, kept while other views are shown
const PER_PAGE = 200; // cards: more are on further pages
let found = []; // the runs that pass the filters, in order
let cards = new Map(); // id -> card, of those that are on the page

function makeOverview() {
  const list = el("ul", { class: "cards" }), pager = el("nav", { class: "pager", "aria-label": "Pages", hidden: true });
  const count = el("p", { class: "count", "aria-live": "polite" });
  const nothing = el("div", { class: "empty", hidden: true },
    el("p", {}, "No run is like that."),
    el("button", { type: "button", class: "button", click: () => { filters = { ...EMPTY }; showFilters(); apply(); } }, "Clear the filters"));
  const controls = makeControls(), sheets = el("div", {});
  const element = el("div", { class: "view overview" },
    el("header", { class: "masthead" },
      el("h1", {}, data.title),
      el("p", { class: "subtitle" }, `${plural(runs.length, "run")} · page made ${minute.format(data.made)}`)),
    runs.length ? [controls.element, count, sheets, list, pager, nothing] : welcome(),
    el("footer", {}, el("p", {}, "Keys: ", kbd("/"), " search, ", kbd("←↑↓→"), " from card to card, ", kbd("Enter"), " open, ",
      kbd("c"), " pick to compare. ", letterSwitch()), el("p", {}, `Made by dcgan_tf ${data.version}: `, el("code", {}, "python -m dcgan_tf gallery"))));
  list.addEventListener("keydown", moveAmongCards);
  return { element, list, count, nothing, controls, sheets, pager };
}

function kbd(text) {
  return el("kbd", {}, text);
}

// Whoever speaks to the computer, or rests a hand on the keyboard, can do without keys of one character (WCAG 2.1.4).
let letters = true;
try {
  letters = localStorage.getItem("letter-keys") !== "off";
} catch {
  // a browser that keeps nothing for files: the switch holds as long as the page is open
}

function letterSwitch() {
  const box = el("input", { type: "checkbox", "data-letters": true, checked: letters, change: () => {
    letters = box.checked;
    for (const other of document.querySelectorAll("input[data-letters]")) other.checked = letters;
    try {
      localStorage.setItem("letter-keys", letters ? "on" : "off");
    } catch {
      // as above
    }
  } });
  return el("label", { class: "check" }, box, "Keys of one letter");
}

function welcome() {
  return el("div", { class: "empty" }, el("p", {}, "There are no runs here yet. Train one, then make this page again:"),
    el("pre", {}, `python -m dcgan_tf train --max-seconds 60\npython -m dcgan_tf gallery`));
}

// --- a card -------------------------------------------------------------------------------------------------

function makeCard(run) {
  const address = runAddress(run.id);
  const link = el("a", { class: "title", href: address, title: run.short === run.name ? null : run.name }, run.short);
  const picture = el("div", { class: "picture" });
  if (run.still) picture.append(el("img", { src: run.still, alt: "", loading: "lazy", decoding: "async" }));
  else picture.append(el("span", { class: "nothing" }, "no picture"));
  const box = el("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, change: () => pick(run.id, box.checked) });
  const score = el("p", { class: "score", hidden: true });
  const element = el("li", { class: `card ${run.status}`, "data-run": run.id },
    picture,
    el("div", { class: "about" },
      el("h2", {}, link),
      run.folder && el("p", { class: "folder" }, el("button", { type: "button", title: "Only this folder", click: () => { set("folder", run.folder); showFilters(); scrollTo(0, 0); } }, run.folder)),
      el("p", { class: "meta" }, [run.recipe, run.dataset && shortPath(run.dataset), run.seed !== null && `seed ${run.seed}`]
        .filter((part) => part).join(" · ") || "settings unknown"),
      score,
      el("p", { class: "meta small" }, [
        run.step !== null && run.step !== undefined && plural(run.step, "step"), run.epochs !== null && plural(run.epochs, "epoch"), run.seconds !== null && duration(run.seconds),
        run.started && day.format(run.started).replaceAll(" ", "\u00a0")].filter((part) => part).join(" · ")),
      repeatsLink(run),
      run.problems.length > 0 && el("p", { class: "problem" }, run.problems[0]),
      (run.status !== "finished" || run.alarms > 0) && el("p", { class: "marks" },
        run.status !== "finished" && el("span", { class: `mark ${run.status}` }, STATUS[run.status]),
        run.alarms > 0 && el("span", { class: "mark alarm" }, plural(run.alarms, "alarm")))),
    el("div", { class: "actions" },
      run.film ? playButton(run, picture) : el("span", {}),
      el("label", { class: "pick" }, "Compare", box)));
  return { run, element, link, box, score };
}

function shortPath(path) {
  return String(path).replace(/[\\/]+$/, "").split(/[\\/]/).pop();
}

let endHover = () => {}; // a card that is hidden or moved is never told that the pointer has left it

// The film lies over the still while the pointer is on the card, or as long as its button is pressed.
function playButton(run, picture) {
  let film = null, held = false, waiting = null;
  const button = el("button", { type: "button", class: "play", "aria-label": `Play ${run.name}`, "aria-pressed": "false",
    click: () => { held = !held; show(held); } }, icon("play"), el("span", {}, "Play"));
  function show(on) {
    button.setAttribute("aria-pressed", String(held));
    button.replaceChildren(icon(held ? "pause" : "play"), el("span", {}, held ? "Stop" : "Play"));
    if (on && !film) {
      film = el("img", { class: "film", alt: "" });
      film.src = run.film;
      picture.append(film);
    } else if (!on && film && !held) {
      film.remove();
      film = null;
    }
  }
  queueMicrotask(() => {
    const card = picture.parentElement;
    const begin = () => { endHover(); endHover = end; waiting = setTimeout(() => show(true), 150); };
    const end = () => { clearTimeout(waiting); show(held); };
    card.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && !calm.matches && begin());
    card.addEventListener("pointerleave", end);
    card.addEventListener("focusin", () => !calm.matches && card.querySelector("a:focus-visible") && begin());
    card.addEventListener("focusout", end);
  });
  return button;
}

// --- controls -----------------------------------------------------------------------------------------------

function values(read) {
  return [...new Set(runs.map(read).filter((value) => value !== null && value !== undefined && value !== ""))].sort();
}

function choice(name, label, options) {
  const select = el("select", { name, change: () => set(name, select.value) },
    options.map(([value, text]) => el("option", { value }, text)));
  return el("label", { class: "field" }, el("span", {}, label), select);
}

// A metric that was measured in several ways is told apart by what differs between them; the line above the cards
// says the whole protocol of the chosen one.
function metricName(metric) {
  const parts = (one) => one.protocol.split("; ");
  const others = data.metrics.filter((one) => one.title === metric.title && one !== metric);
  const own = parts(metric).filter((part) => others.some((one) => !parts(one).includes(part)));
  return own.length ? `${metric.title}: ${own.join(", ")}` : metric.title;
}

function makeControls() {
  const any = (list, word) => [["", word], ...list.map((value) => [value, value])];
  const search = el("input", { type: "search", name: "q", placeholder: "Name, setting, anything …", autocomplete: "off", spellcheck: "false",
    input: () => set("q", search.value),
    keydown: (event) => { // Escape empties the box, and with it goes the filter; a second one leaves it
      if (event.key !== "Escape" || !search.value) return;
      event.preventDefault();
      event.stopPropagation();
      search.value = "";
      set("q", "");
    } });
  const date = (name, label) => {
    const input = el("input", { type: "date", name, change: () => set(name, input.value) });
    return el("label", { class: "field" }, el("span", {}, label), input);
  };
  const folders = values((run) => run.folder);
  const metrics = data.metrics.map((metric, place) => [String(place), metricName(metric)]);
  const bound = el("input", { type: "number", name: "bound", step: "any", inputmode: "decimal", input: () => set("bound", bound.value) });
  const boundText = el("span", {}, "At most");
  const boundField = el("label", { class: "field narrow", hidden: true }, boundText, bound);
  const sorting = choice("sort", "Order", [["newest", "newest first"], ["oldest", "oldest first"], ["name", "by name"],
    ["longest", "longest trained"], ["metric", "best by metric"]]);
  const more = el("details", { class: "more" }, el("summary", {}, "More filters"), el("div", { class: "row" },
    folders.length > 0 && choice("folder", "Folder", any(folders, "all folders")),
    choice("status", "State", [["", "any state"], ...values((run) => run.status).map((value) => [value, STATUS[value]]), ["alarms", "with alarms"]]),
    date("from", "Started from"), date("to", "up to")));
  const element = el("form", { class: "controls", role: "search", submit: (event) => event.preventDefault() },
    el("div", { class: "row" },
      el("label", { class: "field wide" }, el("span", {}, "Search"), search),
      choice("recipe", "Recipe", any(values((run) => run.recipe), "all recipes")),
      choice("dataset", "Dataset", [["", "all datasets"], ...values((run) => run.dataset).map((value) => [value, shortPath(value)])]),
      metrics.length > 0 && choice("metric", "Metric", [["", "no metric"], ...metrics]), boundField, sorting),
    more);
  return { element, search, boundField, boundText, more, metricOption: sorting.querySelector("[value=metric]") };
}

function set(name, value) {
  filters[name] = value;
  if (name !== "page") filters.page = "1";
  if (name === "metric") {
    filters.sort = value ? "metric" : filters.sort === "metric" ? "newest" : filters.sort;
    if (!value) filters.bound = "";
    showFilters();
  }
  apply();
}

// The controls say what the filters are.
function showFilters() {
  for (const [name, value] of Object.entries(filters)) {
    const control = overview.controls.element.elements[name];
    if (control && control.value !== value) control.value = value;
  }
  const metric = data.metrics[filters.metric];
  overview.controls.boundField.hidden = !metric;
  overview.controls.metricOption.disabled = !metric;
  if (metric) overview.controls.boundText.textContent = metric.better === "larger" ? "At least" : "At most";
  if (["folder", "status", "from", "to"].some((name) => filters[name])) overview.controls.more.open = true;
}

function wanted(run) {
  const { recipe, dataset, status, folder, from, to, metric, bound } = filters;
  if (recipe && run.recipe !== recipe) return false;
  if (dataset && run.dataset !== dataset) return false;
  if (folder && run.folder !== folder) return false;
  if (status && (status === "alarms" ? !run.alarms : run.status !== status)) return false;
  if (from && !(run.started >= new Date(`${from}T00:00`).getTime())) return false;
  if (to && !(run.started < new Date(`${to}T00:00`).getTime() + 86400e3)) return false;
  if (metric && bound !== "") {
    const score = run.scores[metric];
    if (score === undefined) return false;
    if (data.metrics[metric].better === "larger" ? score < Number(bound) : score > Number(bound)) return false;
  }
  return true;
}

// Which runs hold a word in what the search looks at: name, folder, and every setting as name=value.
function having(word) {
  const hits = runs.map((run) => [run.name, run.folder, STATUS[run.status], run.recipe, run.dataset].join("\n").toLowerCase().includes(word));
  for (const [name, values, which] of data.settings) {
    const fit = values.map((value) => value !== null && `${name}=${value}`.toLowerCase().includes(word));
    if (fit.includes(true)) for (let place = 0; place < hits.length; place++) hits[place] ||= fit[which ? which[place] : 0];
  }
  return hits;
}

const natural = new Intl.Collator("en", { numeric: true });
const ORDERS = {
  newest: (a, b) => b.started - a.started,
  oldest: (a, b) => a.started - b.started,
  name: (a, b) => natural.compare(a.folder, b.folder) || natural.compare(a.name, b.name),
  longest: (a, b) => (b.seconds ?? -1) - (a.seconds ?? -1),
  metric: (a, b) => {
    const cost = costOf(data.metrics[filters.metric]?.better);
    const [first, second] = [a, b].map((run) => run.scores[filters.metric]);
    return first === undefined || second === undefined ? (first === undefined) - (second === undefined) : cost(first) - cost(second);
  },
};

function apply() {
  if (!runs.length) return;
  const words = filters.q.toLowerCase().split(/\s+/).filter((word) => word).map(having);
  found = runs.filter((run, place) => wanted(run) && words.every((hits) => hits[place])).sort(ORDERS[filters.sort]);
  endHover();
  const page = showPager();
  cards = new Map(found.slice((page - 1) * PER_PAGE, page * PER_PAGE).map((run) => [run.id, cards.get(run.id) ?? makeCard(run)]));
  overview.list.replaceChildren(...[...cards.values()].map((card) => card.element));
  const metric = data.metrics[filters.metric];
  for (const card of cards.values()) {
    card.score.hidden = !metric;
    const score = card.run.scores[filters.metric];
    if (metric) card.score.replaceChildren(score === undefined ? el("small", {}, measuredOtherwise(card.run, metric) ? `${metric.title} was measured in another way` : `${metric.title} was not measured`) : el("b", {}, number(score)), score === undefined ? "" : ` ${metric.title}`);
  }
  overview.count.textContent = found.length === runs.length ? plural(runs.length, "run") : `${whole.format(found.length)} of ${plural(runs.length, "run")}`;
  if (metric) overview.count.textContent += `; ${metric.title}, ${metric.better} is better, measured with ${metric.protocol}`;
  overview.nothing.hidden = found.length > 0;
  overview.sheets.replaceChildren(...[Object.hasOwn(data.sheets, filters.folder) && sheetsOf(filters.folder)].filter((part) => part));
  if (view === "overview") history.replaceState(null, "", overviewAddress());
}

// Says which of the found runs are on the page, with buttons to the others; returns the page's number.
function showPager() {
  const last = Math.ceil(found.length / PER_PAGE) || 1;
  const page = Math.min(Math.max(Math.floor(Number(filters.page)) || 1, 1), last);
  filters.page = String(page);
  overview.pager.hidden = last === 1;
  const turn = (to, text) => el("button", { type: "button", class: "button", disabled: to < 1 || to > last || to === page, click: () => turnTo(to) }, text);
  const until = Math.min(page * PER_PAGE, found.length);
  overview.pager.replaceChildren(turn(1, "First"), turn(page - 1, "Previous"),
    el("span", { "aria-live": "polite" }, `Page ${whole.format(page)} of ${whole.format(last)}: runs ${whole.format((page - 1) * PER_PAGE + 1)} to ${whole.format(until)}`),
    turn(page + 1, "Next"), turn(last, "Last"));
  return page;
}

function turnTo(page) {
  set("page", String(page));
  showPicked();
  overview.count.scrollIntoView();
  cards.get(overview.list.firstElementChild.dataset.run).link.focus({ preventScroll: true });
}

function measuredOtherwise(run, metric) {
  return Object.keys(run.scores).some((place) => data.metrics[place].title === metric.title);
}

// What a sweep left beside its runs.
function sheetsOf(folder) {
  const { pictures, tables } = data.sheets[folder];
  return el("section", { class: "sheets", "aria-label": `Of the folder ${folder || data.title}` }, pictureList(pictures),
    tables.length > 0 && el("p", { class: "note" }, "Tables: ", tables.map(([name, address]) => [el("a", { href: address }, name), " "])));
}

// Pictures that move are only linked to where less motion is preferred.
function pictureList(pictures) {
  return el("div", { class: "samples" }, pictures.map(([name, address]) => {
    const linked = calm.matches && /\.gif$/i.test(name);
    const image = linked ? "a film" : el("img", { src: address, alt: name, loading: "lazy", decoding: "async" });
    return el("figure", {}, el("a", { href: address }, image), el("figcaption", {}, name));
  }));
}

function overviewAddress() {
  const parts = new URLSearchParams(Object.entries(filters).filter(([name, value]) => value !== EMPTY[name])).toString();
  return parts ? `#/?${parts}` : "#/";
}

// --- keys and picking ---------------------------------------------------------------------------------------

function moveAmongCards(event) {
  const here = event.target.closest(".card");
  if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
  const visible = [...overview.list.children];
  const at = visible.indexOf(here);
  const columns = visible.filter((card) => card.offsetTop === visible[0].offsetTop).length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (by) {
    event.preventDefault();
    visible[at + by]?.querySelector("a").focus();
  } else if (event.key === "c" && letters) {
    const id = here.dataset.run;
    pick(id, !picked.has(id));
  }
}

function pick(id, on) {
  if (on) picked.add(id);
  else picked.delete(id);
  showPicked();
  say(`${plural(picked.size, "run")} picked`);
}

function showPicked() {
  for (const card of cards.values()) {
    card.box.checked = picked.has(card.run.id);
    card.element.classList.toggle("picked", card.box.checked);
  }
  for (const box of document.querySelectorAll("input[data-pick]")) box.checked = picked.has(box.dataset.pick);
  const tray = document.getElementById("tray");
  tray.hidden = !picked.size || view === "compare";
  document.body.classList.toggle("with-tray", !tray.hidden);
  const chosen = [...picked].map((id) => runs[places.get(id)]);
  const go = el("a", { class: "button strong", href: compareAddress([...picked]) }, `Compare ${plural(picked.size, "run")}`);
  tray.replaceChildren(
    el("div", { class: "thumbs" }, chosen.slice(0, 8).map((run) => run.still
      ? el("img", { src: run.still, alt: run.name, title: run.name }) : el("span", { class: "blank", title: run.name }))),
    picked.size > 1 ? go : el("span", { class: "hint" }, "Pick another run to compare it with"),
    el("button", { type: "button", class: "button", click: () => { picked.clear(); showPicked(); say("no runs picked"); } }, "Clear"));
}
