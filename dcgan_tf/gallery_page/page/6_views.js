// Which view is shown follows from the part of the address behind #, so that back, forward and bookmarks work.

let view = null, current = null, scrolled = 0, opened = null;

function show(hash) {
  const [, what = "", rest = ""] = hash.match(/^#\/([a-z]*)\/?(.*)$/) || [];
  playing?.stop();
  if (view === "overview") scrolled = scrollY;
  if (what === "run" || what === "compare") {
    let ids = [];
    try {
      ids = rest.split(",").map(decodeURIComponent);
    } catch {
      // no address of ours: the view says that there is no such run
    }
    opened = ids[0];
    if (what === "compare") for (const id of ids) if (places.has(id)) picked.add(id);
    const chosen = (what === "run" ? ids.slice(0, 1) : ids).filter((id) => places.has(id)).map((id) => runs[places.get(id)]);
    current = !chosen.every(hasDetails) ? waitingView(chosen) : what === "run" ? runView(ids[0]) : compareView(ids);
    view = what;
    main.replaceChildren(current.element);
    document.title = `${current.title} · ${data.title}`;
    scrollTo(0, 0);
  } else {
    const cameFrom = view;
    view = "overview";
    current = { keys: { "/": () => overview.controls.search?.focus() } };
    const given = Object.fromEntries(new URLSearchParams(hash.split("?")[1] || ""));
    filters = { ...EMPTY };
    for (const name of Object.keys(EMPTY)) if (typeof given[name] === "string") filters[name] = given[name];
    if (!Object.hasOwn(ORDERS, filters.sort)) filters.sort = "newest";
    if (!Object.hasOwn(data.metrics, filters.metric) || filters.metric === "length") filters.metric = "";
    if (runs.length) showFilters();
    main.replaceChildren(overview.element);
    apply();
    document.title = `${data.title} · dcgan_tf`;
    if (cameFrom) {
      const at = found.findIndex((run) => run.id === opened);
      if (at >= 0 && !cards.has(opened)) set("page", String(Math.floor(at / PER_PAGE) + 1));
      cards.get(opened)?.link.focus({ preventScroll: true });
      scrollTo(0, scrolled);
    }
  }
  showPicked();
}

document.getElementById("skip").addEventListener("click", () => {
  main.focus();
  main.scrollIntoView();
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]):not([type=range]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
  if (typing) return void typing.blur();
  const control = event.target.closest("button, a, summary, input, .scroll, pre");
  if (control && (event.key === " " || (control.matches("input, .scroll, pre") && event.key.startsWith("Arrow")) || (control.matches("[type=range]") && ["Home", "End"].includes(event.key)))) return;
  if (!letters && event.key.length === 1 && event.key !== " ") return;
  const action = current?.keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

overview = makeOverview();
addEventListener("hashchange", () => {
  show(location.hash);
  if (view !== "overview") main.focus({ preventScroll: true });
});
show(location.hash);
