"""The curves of many runs over one another, with a legend."""

import itertools
import textwrap

import numpy as np

from dcgan_tf.compare.choosing import (
    LOSSES,
    choose_axes,
    describe_setting,
    foremost,
    natural,
    score_titles,
    setting_values,
    shared_protocol,
    varied_settings,
)
from dcgan_tf.compare.rows import scores_of
from dcgan_tf.pictures.curves import progress_axis, running_mean
from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.system.errors import UserError

# Okabe and Ito's colours without their yellow, which white paper swallows; runs beyond seven change their line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 1.5, 1, 1.5)))
LOOKS = len(COLOURS) * len(LINES)  # more lines would look like others, and hide one another
MOST = 60  # runs that are looked at for lines they share


def overlaid_curves(rows, by: str = "epoch", among=None, metric=None, title=None) -> Picture:
    """Both losses of all these runs over epochs, steps or seconds, and a metric where runs have been evaluated.

    Two settings that vary are told apart by colour and by line, and a dot marks where a run ends. A run that is the
    beginning of another is a dot on its line. Of more runs than can be told apart the best are drawn, which is said.
    among: the settings the legend may name; None: all.
    metric: which; by default the first there is.
    """
    if by not in ("epoch", "step", "seconds"):
        raise UserError(f"by={by!r} must be epoch, step or seconds")
    begun = sorted([row for row in rows if row.last], key=lambda row: -row.last["step"])
    rows, which = foremost(begun, MOST, metric)
    lines = _lines(rows)
    if len(lines) > LOOKS:
        rows, which = foremost(begun, LOOKS, metric)
        lines = _lines(rows)
    styles = _styles([row for row, _ in lines], among)
    titles = [metric] if metric else score_titles(rows)[:1]
    protocol = shared_protocol(rows, titles[0]) if titles else None
    longest_of_all = max((_series(row.run, by, LOSSES[0], None)[0][-1] for row in rows), default=0)
    panels = ["generator_loss", "discriminator_loss", *titles]
    figure = Picture(figsize=(4.6 * len(panels) + 2.6, max(3.6, 0.19 * len(lines) + 0.6)), layout="constrained")
    handles = {}
    for axes, panel in zip(figure.subplots(1, len(panels), sharex=True), panels, strict=True):
        for (longest, parts), (colour, line), label in zip(lines, styles, _labels(rows, lines, among), strict=True):
            curves = [_series(row.run, by, panel, protocol if panel in titles else None) for row in [longest, *parts]]
            x, y = curves[0]
            if panel in titles:  # each of them may have been evaluated at its end
                points = sorted({point for curve in curves for point in zip(*curve, strict=True)})
                x, y = [x for x, _ in points], [y for _, y in points]
            (handle,) = axes.plot(x, y, color=colour, linestyle=line, linewidth=1.5)
            handles.setdefault(label, handle)
            for x, y in curves:
                axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=4)
        axes.set_ylabel(panel.replace("_", " "))
        if panel in titles:
            axes.set_title("\n".join(textwrap.wrap(protocol, 70)), fontsize=6.5, loc="left", color="#666666")
        progress_axis(axes, by if by != "seconds" else "seconds of training", longest_of_all, whole=by == "step")
        axes.grid(color="#e8e8e8", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    if handles:
        shown = dict(sorted(handles.items(), key=lambda item: natural(item[0])))
        figure.legend(
            shown.values(), shown.keys(), loc="outside right upper", frameon=False, fontsize=8, handlelength=3
        )
    if title or which:
        figure.suptitle(": ".join(filter(None, [title, which])), fontsize=11, x=0.01, ha="left")
    return figure


def _lines(rows):
    """(run, the runs that are its beginning) for each line that is to be drawn; rows: the longest first."""
    losses = [np.stack([row.run.history()[name] for name in ("step", *LOSSES)]) for row in rows]
    lines = []
    for row, mine in zip(rows, losses, strict=True):
        for longest, parts, theirs in lines:
            if row.settings.get("seed") == longest.settings.get("seed") and np.array_equal(
                mine, theirs[:, : mine.shape[1]]
            ):
                parts.append(row)
                break
        else:
            lines.append((row, [], mine))
    return [(row, parts) for row, parts, _ in lines]


def _labels(rows, lines, among):
    """What tells each line apart, in few words: 'batch_size 32, epochs 2 4 8'."""
    varied = varied_settings(rows, among)
    labels = []
    for longest, parts in lines:
        group = [*reversed(parts), longest]
        words = [f"{name} {' '.join(map(describe_setting, setting_values(group, name)))}" for name in varied]
        labels.append(", ".join(words))
    if 0 < len(varied) <= 4 and len(set(labels)) == len(labels):
        return labels
    return [", ".join(row.name for row in [longest, *parts]) for longest, parts in lines]


def _series(run, by, column, protocol):
    """(x, y) of one curve: a metric by one protocol, or a loss, as a running mean where there are many rows."""
    history = run.history()
    if protocol is None:
        history = even_rows(history)
        values = history[column]
        window = len(values) // 25
        x = history["step"] / run.config["steps_per_epoch"] if by == "epoch" else history[by]
        return x, running_mean(values, window) if window > 1 else values
    points = {}
    for line in run.metrics():
        step = line.get("step")
        if step is None:
            continue
        x = {"step": step, "seconds": run.seconds_at([step])[0], "epoch": step / run.config["steps_per_epoch"]}[by]
        for score in scores_of(line):
            if (score.title, score.protocol) == (column, protocol):
                points[x] = score.value
    return list(points), list(points.values())


def _styles(rows, among):
    """(colour, line) of each run: by two settings where two vary, and few values; else one after another."""
    down, across, further = choose_axes(rows, among)
    by_colour, by_line = (down, across) if down else (across, None)
    colours, lines = setting_values(rows, by_colour), setting_values(rows, by_line)
    if not further and len(colours) <= len(COLOURS) and len(lines) <= len(LINES):
        return [
            (COLOURS[colours.index(row.settings.get(by_colour))], LINES[lines.index(row.settings.get(by_line))])
            for row in rows
        ]
    looks = itertools.cycle(itertools.product(LINES, COLOURS))
    return [(colour, line) for (line, colour), _ in zip(looks, rows, strict=False)]
