"""What notebooks/compare_runs.ipynb needs: choosing runs, a table of what differs, GIFs side by side, the best one."""

import base64
import html

from dcgan_tf.compare.choosing import (
    best_run,
    describe_setting,
    natural,
    score_titles,
    select,
    shared_protocol,
    short_names,
    varied_settings,
)
from dcgan_tf.compare.rows import RunRow, read_runs
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.notebook.paths import find_path
from dcgan_tf.run.reading import State
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import project_folder
from dcgan_tf.system.quiet import tensorflow_quiet

_RIGHT, _LEFT = "text-align: right", "text-align: left"


def choose_runs(folders, filters=(), most: int = 12, results_dir="results", say=print) -> list[RunRow]:
    """The runs at and below these folders that pass all filters (see comparison.select), the newest `most` of them.

    A relative folder starts where the notebooks' results do. Without folders two small runs are trained first, in
    `results_dir`, so that there is something to see. Broken runs are named and left out.
    Raises UserError when nothing is there, or nothing is left.
    """
    if isinstance(folders, str):
        folders = [folders]
    if not folders:
        say("no folders are given: two small runs are trained, to have something to compare")
        folders = [example_runs(results_dir)]
    rows = read_runs([find_path(folder) for folder in folders])
    if not rows:
        raise UserError(f"no run directories are in {', '.join(map(str, folders))}: train some, or name other folders")
    for row in rows:
        if not row.settings:
            say(f"left out: {row.name} ({row.problem})")
    found = select([row for row in rows if row.settings], filters)
    if not found:
        raise UserError(f"none of {len(rows)} runs passes the filters {list(filters)!r}: see their names and settings")
    newest = sorted(found, key=lambda row: row.started or "")[-most:]
    chosen = sorted([row for row in found if row in newest], key=lambda row: natural(row.name))
    left = f", the newest of {len(found)}: filters make the choice yours" if len(chosen) < len(found) else ""
    say(f"{len(chosen)} runs{left}")
    return chosen


def example_runs(results_dir="results"):
    """The folder of two small runs on mnist5k with different learning rates, trained when they are not there yet."""
    with tensorflow_quiet():
        from dcgan_tf.training.train import train

    folder = _place(results_dir) / "compare-example"
    changes = {"width": 8, "batch_size": 50, "grid_images": 25, "grid_every": 50}
    for rate in (2e-4, 2e-3):
        train(
            "quick",
            "mnist5k",
            folder / f"learning_rate={rate:g}",
            steps=200,
            learning_rate=rate,
            overrides=changes,
            evaluate_every=50,
            evaluation={"features": "pixels", "samples": 500},
        )
    return folder


def _place(folder):
    return project_folder() / folder


# --- what is shown -----------------------------------------------------------------------------------------


class RunTable:
    """A row per run: the settings in which they differ, how far it came, its losses and scores.

    A table in a notebook, text elsewhere; everything that runs have written is escaped.
    """

    def __init__(self, rows: list[RunRow]):
        rows = list(rows)
        self.settings, titles = varied_settings(rows), score_titles(rows)
        self.head = ["run", *self.settings, "status", "epoch", "seconds", "G loss", "D loss", *titles]
        self.lines = [self._line(row, titles) for row in rows]
        self.protocols = {title: shared_protocol(rows, title) for title in titles}
        best = [best_run(rows, title)[1] for title in titles]
        found = [(row.name, score) for row in rows for score in row.scores.values()]
        self.best = {(name, score.title) for name, score in found for held in best if _same(score, held)}

    def _line(self, row, titles):
        last = row.last
        losses = [f"{last[name]:.3f}" for name in ("generator_loss", "discriminator_loss")] if last else ["", ""]
        progress = [str(last["epoch"]), f"{last['seconds']:.0f}"] if last else ["", ""]
        scores = [describe_value(row.scores[title].value) if title in row.scores else "" for title in titles]
        values = [describe_setting(row.settings.get(name)) for name in self.settings]
        return [row.name, *values, row.status, *progress, *losses, *scores]

    def _note(self):
        protocols = list(dict.fromkeys(self.protocols.values()))
        return f"Measured with: {' / '.join(protocols)}." if protocols else "None of them was evaluated yet."

    def __repr__(self):
        widths = [max(map(len, column)) for column in zip(self.head, *self.lines, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in [self.head, *self.lines]
        ]
        return "\n".join([*lines, self._note()])

    def _repr_html_(self):
        head = "".join(f'<th style="{_LEFT}">{html.escape(text)}</th>' for text in self.head)
        body = ""
        for line in self.lines:
            cells = [
                f'<td style="{_LEFT if place == 0 else _RIGHT}{self._weight(line[0], title)}">{html.escape(text)}</td>'
                for place, (title, text) in enumerate(zip(self.head, line, strict=True))
            ]
            body += f"<tr>{''.join(cells)}</tr>"
        note = f"<p><small>{html.escape(self._note())}</small></p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def _weight(self, run, title):
        return "; font-weight: bold" if (run, title) in self.best else ""


def _same(score, other):
    return (score.title, score.value, score.protocol) == (other.title, other.value, other.protocol)


def show_gifs(rows: list[RunRow], width: int = 300):
    """The GIFs of these runs beside each other, embedded, each under what tells its run apart."""
    from IPython.display import HTML

    figures = ""
    for row, name in zip(rows, short_names(rows), strict=True):
        label = f"<figcaption>{html.escape(name)}</figcaption>"
        if row.run.gif_path.is_file():
            data = base64.b64encode(row.run.gif_path.read_bytes()).decode()
            label += f'<img src="data:image/gif;base64,{data}" width="{width}" alt="the training as a GIF">'
        else:
            label += "<p>no GIF yet</p>"
        figures += f'<figure style="margin: 0 1em 1em 0; max-width: {width}px">{label}</figure>'
    return HTML(f'<div style="display: flex; flex-wrap: wrap">{figures}</div>')


def describe_best(rows: list[RunRow], metric: str | None = None) -> str:
    """The best of these runs by a metric (by default the first that any has), in words, and how it was measured."""
    titles = score_titles(rows)
    if metric is None and not titles:
        return "None of these runs was evaluated: `python -m dcgan_tf evaluate RUN` measures one."
    title = metric or titles[0]
    row, score, others = best_run(rows, title)
    lines = [f"best by {title}: {row.name}, {describe_value(score.value)}", f"measured with: {score.protocol}"]
    earlier = row.best_scores[title]
    if earlier.value != score.value:
        lines.append(f"at step {earlier.step:,} it was better: {describe_value(earlier.value)}")
    measured = [other.name for other in others if title in other.scores]
    if measured:
        lines.append(f"measured otherwise, so not compared: {', '.join(measured)}")
    missing = [other.name for other in others if title not in other.scores]
    if missing:
        lines.append(f"not measured: {', '.join(missing)}")
    if row.status != State.FINISHED:
        lines.append(f"note: it is {row.status}")
    return "\n".join(lines)
