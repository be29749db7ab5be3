"""The curves of many runs over one another, with a legend."""

import functools
import itertools
import textwrap
from typing import NamedTuple

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
    title_of,
    varied_settings,
    yardstick,
)
from dcgan_tf.compare.moments import check_by, moments_of, titled
from dcgan_tf.compare.repeats import Repeats, among_settings, by_setting, called
from dcgan_tf.compare.rows import RunRow, runs_of, scores_of
from dcgan_tf.pictures.curves import progress_axis, running_mean
from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.pictures.picture import GRAY, Picture
from dcgan_tf.run.reading import State
from dcgan_tf.system.errors import UserError

# Okabe and Ito's colours without their yellow, which white paper swallows; runs beyond seven change their line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 1.5, 1, 1.5)))
LOOKS = len(COLOURS) * len(LINES)  # more lines would look like others, and hide one another
MOST = 60  # runs that are looked at for lines they share


def overlaid_curves(rows, by: str = "epoch", among=None, metric=None, title=None) -> Picture:
    """Both losses of all these runs at equal epochs, steps, images or seconds, and a metric where they were evaluated.

    Two settings that vary are told apart by colour and by line, and a dot marks where a run ends. A run that is the
    beginning of another is a dot on its line. Repeats of a setting are one line, their mean as far as all of them
    reach, in a band of one standard deviation to each side; those that have not finished are thin lines that end in a
    cross. Of more than can be told apart the best are drawn, which is said; so is a run that has no place on the axis,
    since its config.json is damaged.
    by: one of moments.BY. among: the settings the legend may name; None: all.
    metric: which (see title_of); by default the first there is.
    """
    check_by(by)
    rows = by_setting(rows)
    metric = title_of(rows, metric) if metric else None
    away = [run.name for row in rows for run in runs_of(row) if run.last and not _has_place(run, by)]
    begun = [row for row in rows if _drawn_runs(row, by)]
    begun = sorted(begun, key=lambda row: -max(run.last["step"] for run in _drawn_runs(row, by)))
    rows, which = foremost(begun, MOST, metric, called(begun))
    bundles = _bundles(rows, by)
    if len(bundles) > LOOKS:
        rows, which = foremost(begun, LOOKS, metric, called(begun))
        bundles = _bundles(rows, by)
    without = f"without {', '.join(away[:3])}{' ...' * (len(away) > 3)}, whose config.json is damaged" if away else ""
    among = among_settings(rows, among)
    styles = _styles([bundle.row for bundle in bundles], among)
    titles = [metric] if metric else score_titles(rows)[:1]
    protocol = shared_protocol(rows, titles[0]) if titles else None
    panels = ["generator_loss", "discriminator_loss", *titles]
    figure = Picture(figsize=(4.6 * len(panels) + 2.6, max(3.6, 0.19 * len(bundles) + 0.6)), layout="constrained")
    handles, end = {}, 0.0
    all_axes = figure.subplots(1, len(panels), sharex=True)
    for axes, panel in zip(all_axes, panels, strict=True):
        for bundle, (colour, line), label in zip(bundles, styles, _labels(rows, bundles, among), strict=True):
            draw = functools.partial(_draw, axes, bundle, by, panel, protocol if panel in titles else None)
            handle, reached = draw(color=colour, linestyle=line)
            handles.setdefault(label, handle)
            end = max(end, reached)
        axes.set_ylabel(panel.replace("_", " "))
        if panel in titles:
            axes.set_title("\n".join(textwrap.wrap(protocol, 70)), fontsize=6.5, loc="left", color=GRAY)
            if (real := yardstick(rows, panel, "real")) is not None:
                axes.axhline(real, color=GRAY, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
                place = {"xy": (0.01, real), "xycoords": ("axes fraction", "data"), "ha": "left", "va": "bottom"}
                axes.annotate("real against real", **place, fontsize=7, color=GRAY)
        axes.grid(color="#e8e8e8", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in all_axes:
        progress_axis(axes, {"seconds": "seconds of training", "images": "images seen"}.get(by, by), end, by == "step")
    if handles:
        shown = dict(sorted(handles.items(), key=lambda item: natural(item[0])))
        legend = figure.legend(
            shown.values(), shown.keys(), loc="outside right upper", frameon=False, fontsize=8, handlelength=3,
            title=_about_bands(rows), title_fontsize=8, alignment="left",
        )  # fmt: skip
        legend.get_title().set_color(GRAY)
    figure.suptitle(": ".join(filter(None, [titled(title, by), which, without])), fontsize=11, x=0.01, ha="left")
    return figure


def _drawn_runs(row, by):
    return [run for run in runs_of(row) if run.last and _has_place(run, by)]


def _has_place(row, by):
    """Whether it is known where a run was at a step: that of an epoch, or of images seen, is in its config.json."""
    try:
        return by in ("step", "seconds") or bool(row.run.config)
    except UserError:
        return False


def _about_bands(rows):
    """What lines and bands are, where some are of repeats."""
    repeated = [row for row in rows if isinstance(row, Repeats)]
    thin = "\nthin, to a cross: not finished" if any(row.failures for row in repeated) else ""
    return f"n seeds: line, their mean;\nband, ± 1 standard deviation{thin}" if repeated else None


class _Bundle(NamedTuple):
    """What one line is drawn of: a run, or the repeats of a setting, each with the runs that are its beginning."""

    row: RunRow
    members: list[tuple[RunRow, list[RunRow]]]


def _bundles(rows, by):
    """The bundles of these rows; a row whose runs are all the beginning of others has none of its own."""
    owners = {id(run): row for row in rows for run in runs_of(row)}
    runs = sorted((run for row in rows for run in _drawn_runs(row, by)), key=lambda run: -run.last["step"])
    bundles = {}
    for longest, parts in _lines(runs):
        row = owners[id(longest)]
        bundles.setdefault(id(row), _Bundle(row, [])).members.append((longest, parts))
    return list(bundles.values())


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


def _labels(rows, bundles, among):
    """What tells each line apart, in few words: 'batch_size 32, epochs 2 4 8', and of repeats their number."""
    owners = {id(run): row for row in rows for run in runs_of(row)}
    varied = varied_settings(rows, among)
    groups = []
    for row, members in bundles:
        parts = [owners[id(part)] for _, parts in members for part in reversed(parts)]
        groups.append(list({id(one): one for one in [row, *parts]}.values()))
    labels = [
        ", ".join(f"{name} {' '.join(map(describe_setting, setting_values(group, name)))}" for name in varied)
        for group in groups
    ]
    if not 0 < len(varied) <= 4 or len(set(labels)) < len(labels):
        labels = [", ".join(row.name for row in group) for group in groups]
    return [
        f"{label}, n = {bundle.row.counted}" if isinstance(bundle.row, Repeats) else label
        for label, bundle in zip(labels, bundles, strict=True)
    ]


def _draw(axes, bundle, by, column, protocol, **style):
    """Draw one bundle into one panel: (what stands for it in a legend, where its last line ends)."""
    solid, thin, ends, handle = [], [], [0.0], None
    for run, parts in bundle.members:
        counts = not isinstance(bundle.row, Repeats) or run.status == State.FINISHED
        (solid if counts else thin).append(_curve(run, parts, by, column, protocol))
    for (x, y), _ in thin:
        (handle,) = axes.plot(x, y, **style, linewidth=0.7, alpha=0.7)
        axes.plot(x[-1:], y[-1:], "x", color=style["color"], markersize=5)
        ends += list(x[-1:])
    if solid:
        x, mean, std = _mean_curve([curve for curve, _ in solid])
        (handle,) = axes.plot(x, mean, **style, linewidth=1.5)
        if std is not None and len(x) == 1:
            axes.errorbar(x, mean, std, color=style["color"], linewidth=1.2, capsize=3)
        elif std is not None:
            axes.fill_between(x, mean - std, mean + std, color=style["color"], alpha=0.18, linewidth=0)
        stops = [stop for _, points in solid for stop in points]  # of it, and of the runs that are its beginning
        if std is not None:  # there the mean line has another value than each of them
            stops = [(min(at, x[-1]), float(np.interp(at, x, mean))) for at, _ in stops]
        for at, value in stops:
            axes.plot([at], [value], "o", color=style["color"], markersize=4)
        ends += list(x[-1:])
    return handle, float(max(ends))


def _curve(longest, parts, by, column, protocol):
    """((x, y) of a run, where it and each of its beginnings ends, as points)."""
    curves = [_series(row.run, by, column, protocol) for row in [longest, *parts]]
    x, y = curves[0]
    if protocol is not None:  # each of them may have been evaluated at its end
        points = sorted({point for curve in curves for point in zip(*curve, strict=True)})
        x, y = np.array([x for x, _ in points]), np.array([y for _, y in points])
    return (x, y), [(x[-1], y[-1]) for x, y in curves if len(x)]


def _mean_curve(curves):
    """(x, mean, sample standard deviation) of curves, as far as all of them reach; the last is None of a single one.

    Between its points a curve is straight. Curves that have no part in common, such as one evaluation each after
    other seconds, are the mean of their ends.
    """
    curves = [(np.asarray(x, float), np.asarray(y, float)) for x, y in curves if len(x)]
    if len(curves) <= 1:
        return (*(curves[0] if curves else (np.zeros(0), np.zeros(0))), None)
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if low > high:
        places, values = np.array([np.mean([x[-1] for x, _ in curves])]), np.array([[y[-1]] for _, y in curves])
    else:
        places = np.unique(np.concatenate([x for x, _ in curves]))
        places = places[(places >= low) & (places <= high)]
        values = np.array([np.interp(places, x, y) for x, y in curves])
    return places, values.mean(axis=0), values.std(axis=0, ddof=1)


def _series(run, by, column, protocol):
    """(x, y) of one curve: a metric by one protocol, or a loss, as a running mean where there are many rows."""
    if protocol is None:
        history = even_rows(run.history())
        values = history[column]
        window = len(values) // 25
        x = history["seconds"] if by == "seconds" else np.array(moments_of(run, history["step"], by))
        return x, running_mean(values, window) if window > 1 else values
    lines = [line for line in run.metrics() if line.get("step") is not None]
    points = {}
    for x, line in zip(moments_of(run, [line["step"] for line in lines], by), lines, strict=True):
        for score in scores_of(line):
            if (score.title, score.protocol) == (column, protocol):
                points[x] = score.value
    return np.array(list(points)), np.array(list(points.values()))


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
