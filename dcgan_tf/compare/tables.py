"""What notebooks/compare_runs.ipynb needs: choosing runs, a table of what differs, GIFs side by side."""

import html

import pandas

from dcgan_tf.compare.best import number_of
from dcgan_tf.compare.choosing import (
    LOSSES,
    best_run,
    describe_setting,
    foremost,
    natural,
    score_titles,
    select,
    shared_protocol,
    short_names,
    varied_settings,
    yardstick,
)
from dcgan_tf.compare.repeats import (
    Repeats,
    among_settings,
    by_setting,
    called,
    repeats_table,
)
from dcgan_tf.compare.rows import RunRow, read_runs, runs_of
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.notebook.paths import find_path
from dcgan_tf.notebook.show import embedded
from dcgan_tf.pictures.tables import as_html, as_text
from dcgan_tf.system.errors import UserError, check_count
from dcgan_tf.system.places import expanded, project_folder
from dcgan_tf.system.quiet import tensorflow_quiet
from dcgan_tf.system.saying import counted

_MOST_ROWS = 100  # of a table that is shown; its frame has all
_MOST_GIFS = 60
_MOST_SAID = 10  # broken runs that are named
_EXAMPLE_STEPS = 200  # of each of the two small runs that are trained where none are given


def choose_runs(folders, filters=(), most: int = 12, results_dir="results", say=print) -> list[RunRow]:
    """The runs at and below these folders that pass all filters (see choosing.select), the newest `most` of them.

    Repeats of a setting count as one, and are all there.
    A relative folder starts where the notebooks' results do. Without folders two small runs are trained first, in
    `results_dir`, so that there is something to see. Broken runs are named and left out.
    Raises UserError when nothing is there, or nothing is left.
    """
    check_count("most", most)
    if isinstance(folders, str):
        folders = [folders]
    if not folders:
        say("no folders are given: two small runs are trained, to have something to compare")
        folders = [example_runs(results_dir)]
    rows = read_runs([find_path(folder) for folder in folders])
    if not rows:
        raise UserError(f"no run directories are in {', '.join(map(str, folders))}: train some, or name other folders")
    broken = [row for row in rows if not row.settings]
    for row in broken[:_MOST_SAID]:
        say(f"left out: {row.name} ({row.problem})")
    if len(broken) > _MOST_SAID:
        say(f"left out: {len(broken) - _MOST_SAID:,} more that cannot be read; `gallery` shows what is wrong with each")
    found = select([row for row in rows if row.settings], filters)
    if not found:
        raise UserError(f"none of {len(rows)} runs passes the filters {list(filters)!r}: see their names and settings")
    settings = by_setting(found)
    newest = sorted(settings, key=lambda row: max(run.started or "" for run in runs_of(row)))[-most:]
    chosen = sorted((run for row in newest for run in runs_of(row)), key=lambda row: natural(row.name))
    left = f", the newest of {len(found):,}: filters make the choice yours" if len(chosen) < len(found) else ""
    of = f" of {len(newest)} settings" if len(newest) < len(chosen) else ""
    say(f"{counted(len(chosen), 'run')}{of}{left}")
    return chosen


def example_runs(results_dir="results"):
    """The folder of two small runs on mnist5k with different learning rates, trained when they are not there yet."""
    with tensorflow_quiet():
        from dcgan_tf.training.train import train

    folder = project_folder() / expanded(results_dir) / "compare-example"
    changes = {"width": 8, "batch_size": 25, "grid_images": 25, "grid_every": 50}
    for rate in (2e-4, 2e-3):
        train(
            "quick",
            "mnist5k",
            folder / f"learning_rate={rate:g}",
            steps=_EXAMPLE_STEPS,
            learning_rate=rate,
            overrides=changes,
            evaluate_every=_EXAMPLE_STEPS // 4,
            evaluation={"features": "pixels", "samples": 500},
        )
    return folder


# --- what is shown -----------------------------------------------------------------------------------------


class RunTable:
    """A row per run: the settings in which they differ, how far it came, its losses and scores; the best marked.

    Runs that differ in nothing but their seed are one row, with mean ± standard deviation (n) of those that have
    finished; repeats=False: a row each.
    frame: a row per run, as a pandas DataFrame of numbers, to be sorted and filtered:
    `table.frame.sort_values("seconds")`. settings: a row per setting, the same for n, means and standard deviations.
    A table in a notebook, text elsewhere; everything that runs have written is escaped. Of more than 100 rows the best
    are shown, which is said; the frames have all.
    """

    def __init__(self, rows: list[RunRow], repeats: bool = True):
        runs = list(rows)
        rows = by_setting(runs) if repeats else runs
        names, titles = varied_settings(rows, among_settings(rows)), score_titles(rows)
        shown, self.which = foremost(rows, _MOST_ROWS, what=called(rows))
        self.frame, self.texts = run_frame(runs), _texts(shown, names, titles)
        self.settings = pandas.DataFrame(repeats_table(rows, names))
        self.protocols = {title: shared_protocol(rows, title) for title in titles}
        held = {title: best_run(rows, title)[1] for title in titles}
        self.best = {  # (row's place, metric): those as good as the best by the same protocol
            (place, title)
            for place, row in enumerate(shown)
            for title, score in row.scores.items()
            if (score.value, score.protocol) == (held[title].value, held[title].protocol)
        }
        self.beside = {what: {title: yardstick(rows, title, what) for title in titles} for what in ("real", "noise")}
        self.steps = sorted({run.last["step"] for row in rows for run in runs_of(row) if run.last})
        self.repeated = any(isinstance(row, Repeats) for row in rows)

    def _note(self):
        protocols = list(dict.fromkeys(self.protocols.values()))
        note = f"Measured with: {' / '.join(protocols)}." if protocols else "None of them was evaluated yet."
        note = f"{self.which}; `.frame` has all of them. {note}" if self.which else note
        for what, words in (("real", "Real images against real ones"), ("noise", "Noise")):
            known = [f"{title} {describe_value(v)}" for title, v in self.beside[what].items() if v is not None]
            note += f" {words} would be at: {', '.join(known)}." if known else ""
        if self.repeated:
            note += " Of repeats: mean ± standard deviation (n), over the n seeds that have finished."
        if len(self.steps) > 1:
            note += f" The runs made {self.steps[0]:,} to {self.steps[-1]:,} steps: compare scores with that in mind."
        return note

    def __repr__(self):
        return f"{as_text(self.texts, left=list(self.texts))}\n{self._note()}"

    def _repr_html_(self):
        count = len(self.texts.columns)
        wide = f" {count} columns: a table that is wider than the page can be moved sideways." if count > 10 else ""
        return f"{as_html(self.texts, self.best)}<p><small>{html.escape(self._note() + wide)}</small></p>"


def run_frame(rows: list[RunRow]) -> pandas.DataFrame:
    """A pandas DataFrame with a row per run, numbers as numbers; NaN for what a run does not have."""
    rows = list(rows)
    settings, titles = varied_settings(rows), score_titles(rows)
    lines = [
        {
            "run": row.name,
            **{name: row.settings.get(name) for name in settings},
            "status": str(row.status),
            **{name: row.last.get(name) for name in ("epoch", "step", "seconds")},
            "G loss": row.last.get("generator_loss"),
            "D loss": row.last.get("discriminator_loss"),
            **{title: row.scores[title].value if title in row.scores else None for title in titles},
        }
        for row in rows
    ]
    return pandas.DataFrame(lines)


def _texts(rows, settings, titles):
    """The same as texts for people, "" for what a row does not have."""
    forms = {"epoch": "{:.0f}", "step": "{:,.0f}", "seconds": "{:.0f}"}
    columns = {"run": [row.name for row in rows]}
    columns |= {
        name: [describe_setting(row.settings[name]) if name in row.settings else "" for row in rows]
        for name in settings
    }
    columns["status"] = [row.standing if isinstance(row, Repeats) else str(row.status) for row in rows]
    for name, form in forms.items():
        columns[name] = [form.format(row.last[name]) if row.last else "" for row in rows]
    heads = {"generator_loss": "G loss", "discriminator_loss": "D loss"}
    for title in (*LOSSES, *titles):
        columns[heads.get(title, title)] = [number_of(row, title) for row in rows]
    return pandas.DataFrame(columns)


def show_gifs(rows: list[RunRow], width: int = 300):
    """The films of these runs beside each other, embedded, each under what tells its run apart."""
    from IPython.display import HTML

    rows, which = foremost(rows, _MOST_GIFS)
    figures = f"<p>{html.escape(which)}</p>" if which else ""
    for row, name in zip(rows, short_names(rows), strict=True):
        label = f"<figcaption>{html.escape(name)}</figcaption>"
        label += embedded(row.run.film_path, width) if row.run.film_path else "<p>no film yet</p>"
        figures += f'<figure style="margin: 0 1em 1em 0; max-width: {width}px">{label}</figure>'
    return HTML(f'<div style="display: flex; flex-wrap: wrap">{figures}</div>')
