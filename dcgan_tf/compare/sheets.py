"""The grids of many runs in one picture.

    sheet(rows, "batch_size", "epochs")     a cell per run, settings along rows and columns, scores under each
    timeline(rows, by="seconds")            a line per run: its grids at equal epochs, or equal seconds

Both take rows of comparison.py. Where the seeds differ, so that the recorded grids have other latents, a sheet's
cells are sampled anew from the saved generators, all from the same latents.
"""

import numpy as np

from dcgan_tf.compare.choosing import (
    best_run,
    choose_axes,
    describe_setting,
    differing_settings,
    score_titles,
    setting_values,
    short_names,
    varied_settings,
)
from dcgan_tf.data.decoding import decode
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.pictures.grids import enlarge, grid
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.run.reading import State
from dcgan_tf.system.errors import UserError

_GRAY, _RED = "#666666", "#B00020"
_LATENTS = ("seed", "latent_dim", "latent_distribution", "latent_mean", "latent_std", "grid_images")


# --- a sheet -----------------------------------------------------------------------------------------------


def sheet(rows, row_setting=None, column_setting=None, title=None) -> Picture:
    """The last grids of these runs, each in the cell of its two settings, with its score and how it ended.

    Without settings the two that vary are taken (see choose_axes). Raises UserError when two runs have the
    same cell: then more than these two settings vary; choose fewer runs, or see sheets().
    """
    rows = list(rows)
    if not rows:
        raise UserError("no runs are chosen: a sheet needs one or more")
    if row_setting is None and column_setting is None:
        row_setting, column_setting, _ = choose_axes(rows)
    for name in (row_setting, column_setting):
        if name is not None and not any(name in row.settings for row in rows):
            raise UserError(f"no run has a setting {name!r}: take one of {', '.join(differing_settings(rows))}")
    pictures, note = _pictures(rows)
    captions = _captions(rows)
    across, down = setting_values(rows, column_setting), setting_values(rows, row_setting)
    cells = {}
    for row, picture, caption in zip(rows, pictures, captions, strict=True):
        place = down.index(row.settings.get(row_setting)), across.index(row.settings.get(column_setting))
        if place in cells:
            raise UserError(
                f"runs {cells[place][2]!r} and {row.name!r} have the same {row_setting} and {column_setting}: they "
                f"differ in {', '.join(varied_settings(rows))}; choose runs that differ in two settings"
            )
        cells[place] = (picture, caption, row.name)
    tops = [_label(column_setting, value) for value in across]
    sides = [_label(row_setting, value) for value in down]
    return _draw_table([[cells.get((r, c), (None, "", ""))[:2] for c in range(len(across))] for r in range(len(down))],
                       tops, sides, title, note)  # fmt: skip


def overview(rows, title=None) -> Picture:
    """The last grids of any runs: by two settings where these tell them apart, else one after another."""
    rows = list(rows)
    row_setting, column_setting, further = choose_axes(rows)
    places = {tuple(repr(row.settings.get(name)) for name in (row_setting, column_setting)) for row in rows}
    if column_setting and not further and len(places) == len(rows):
        return sheet(rows, row_setting, column_setting, title)
    return sheet_of_names(rows, title=title)


def sheet_of_names(rows, columns: int | None = None, title=None) -> Picture:
    """The last grids of any runs, one after another, each under its name."""
    rows = list(rows)
    pictures, note = _pictures(rows)
    columns = columns or min(6, len(rows))
    cells = [
        (picture, [(row.name, "black", "bold"), *caption])
        for row, picture, caption in zip(rows, pictures, _captions(rows), strict=True)
    ]
    cells += [(None, [])] * (-len(cells) % columns)
    lines = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return _draw_table(lines, [""] * columns, [""] * len(lines), title, note)


def _label(name, value):
    return "" if name is None else f"{name} = {describe_setting(value)}"


def _pictures(rows):
    """One picture uint8 [H, W, 3] per run, or None, and a line on what they show."""
    latents = {tuple(repr(row.settings.get(name)) for name in _LATENTS) for row in rows if row.run.grids_path.is_dir()}
    if len(latents) <= 1:
        count = next((row.settings.get("grid_images") for row in rows if row.last), None)
        of = f"the same {count} latents" if count else "the same latents"
        return [_last_grid(row.run) for row in rows], f"Each cell: the last recorded grid, of {of}."
    pictures, missing = [], False
    for row in rows:
        picture = _sampled(row)
        pictures.append(picture if picture is not None else _last_grid(row.run))
        missing = missing or (picture is None and pictures[-1] is not None)
    dims = {row.settings.get("latent_dim") for row in rows if row.last}
    note = "Each cell: sampled from the saved generator, all from the same latents (seed 0)."
    note += " Latents of other lengths are other latents." if len(dims) > 1 else ""
    return pictures, note + (" Runs without a saved generator: their last recorded grid." if missing else "")


def _last_grid(run):
    try:
        grids = run.grids()
        return decode(grids[-1], channels=3) if grids else None
    except (UserError, OSError, ValueError, KeyError, TypeError):  # it did not begin, or is damaged
        return None


def _sampled(row):
    from dcgan_tf.system.quiet import tensorflow_quiet

    with tensorflow_quiet():
        from dcgan_tf.run.sampling import sample
    try:
        images = sample(row.run.path, count=row.settings.get("grid_images") or 64, seed=0)
    except UserError:
        return None
    picture = grid(images)
    picture = enlarge(picture, max(1, round(480 / picture.shape[0])))
    return np.broadcast_to(picture, (*picture.shape[:2], 3)) if picture.shape[-1] == 1 else picture


def _captions(rows):
    """Lines (text, colour, weight) under each cell: the newest score, else the losses; and how the run ended."""
    titles = score_titles(rows)
    title = titles[0] if titles else None
    best = best_run(rows, title)[0] if title else None
    others = [id(row) for row in best_run(rows, title)[2]] if title else []
    captions = []
    for row in rows:
        lines = []
        if title in row.scores:
            mark = " (best)" if row is best else " (other protocol)" if id(row) in others else ""
            text = f"{title} {describe_value(row.scores[title].value)}{mark}"
            lines.append((text, "black", "bold" if row is best else "normal"))
        elif row.last:
            losses = f"loss G {row.last['generator_loss']:.3f}  D {row.last['discriminator_loss']:.3f}"
            lines.append((losses, _GRAY, "normal"))
        if row.status != State.FINISHED:
            where = f" after epoch {row.last['epoch']}" if row.last else ""
            lines.append((_short(f"{row.status}{where}: {row.problem}" if row.problem else f"{row.status}{where}"),
                          _RED, "normal"))  # fmt: skip
        captions.append(lines)
    return captions


def _short(text, length=60):
    return text if len(text) <= length else text[: length - 1] + "…"


def _draw_table(cells, tops, sides, title, note):
    """Pictures in rows and columns: cells[row][column] = (picture or None, caption lines)."""
    shapes = [picture.shape for line in cells for picture, _ in line if picture is not None]
    ratio = np.median([height / width for height, width, _ in shapes]) if shapes else 1.0
    width = float(np.clip(15 / len(tops), 1.6, 3.2))
    lines = max([len(caption) for line in cells for _, caption in line] or [0])
    below, height, gap = 0.06 + 0.17 * lines, width * ratio, 0.12
    left = 0.15 + (0.085 * max(map(len, sides)) if any(sides) else 0)
    head, foot = 0.15 + (0.32 if title else 0) + (0.25 if any(tops) else 0), 0.35
    full = max(left + len(tops) * (width + gap), 0.075 * len(note) + 0.3, 0.1 * len(title or "") + 0.3)
    tall = head + len(sides) * (height + below + gap) + foot
    figure = Picture(figsize=(full, tall))
    if title:
        figure.text(0.15 / full, 1 - 0.12 / tall, title, va="top", fontsize=12, weight="bold")
    figure.text(0.15 / full, 0.12 / tall, note, va="bottom", fontsize=8, color=_GRAY)
    for column, text in enumerate(tops):
        x = (left + column * (width + gap) + width / 2) / full
        figure.text(x, 1 - (head - 0.06) / tall, text, ha="center", va="bottom", fontsize=10)
    for row, line in enumerate(cells):
        bottom = tall - head - row * (height + below + gap) - height
        figure.text((left - 0.1) / full, (bottom + height / 2) / tall, sides[row], ha="right", va="center", fontsize=10)
        for column, (picture, caption) in enumerate(line):
            x = left + column * (width + gap)
            axes = figure.add_axes((x / full, bottom / tall, width / full, height / tall))
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color("#dddddd")
            if picture is not None:
                axes.imshow(picture, interpolation="nearest" if min(picture.shape[:2]) < 300 else "antialiased")
                axes.spines[:].set_visible(False)
            elif caption or any(tops) or any(sides):
                axes.text(0.5, 0.5, "no images" if caption else "not in these runs", ha="center", va="center",
                          transform=axes.transAxes, color=_GRAY, fontsize=9)  # fmt: skip
            else:
                axes.set_axis_off()
            for number, (text, colour, weight) in enumerate(caption):
                size = min(8.0, 13.5 * width / max(len(text) / 10, 1))  # small enough for the cell
                place = (x + width / 2) / full, (bottom - 0.05 - 0.17 * number) / tall
                figure.text(*place, text, ha="center", va="top", fontsize=size, color=colour, weight=weight)
    return figure


# --- over time ---------------------------------------------------------------------------------------------


def timeline(rows, by: str = "epoch", points=5, title=None) -> Picture:
    """A line per run: its recorded grids at equal epochs, steps or seconds, from early to late.

    by: "epoch", "step" or "seconds" of training. points: how many, over the time that all of the runs have; or
    a list of moments. Each cell is the newest grid recorded by then, and says when that was.
    """
    if by not in ("epoch", "step", "seconds"):
        raise UserError(f"by={by!r} must be epoch, step or seconds")
    rows = [row for row in rows if row.last and row.run.grids()]
    if not rows:
        raise UserError("none of these runs has a recorded grid: train them first")
    recorded = [_moments(row.run, by) for row in rows]
    if isinstance(points, int):
        end = min(moments[-1][0] for moments in recorded)
        start = min(max(moments[0][0] for moments in recorded), end)
        points = np.geomspace(max(start, 1e-9), end, points)
        points = np.unique(np.round(points)) if by != "seconds" and start >= 1 else np.unique(points)
    cells = []
    for grids in recorded:
        past = [[found for found in grids if found[0] <= point * (1 + 1e-9)] for point in points]
        cells.append(
            [
                (decode(found[-1][1], channels=3), [(_moment(by, found[-1][0]), _GRAY, "normal")])
                if found
                else (None, [])
                for found in past
            ]
        )
    tops = [f"by {_moment(by, point)}" for point in points]
    return _draw_table(cells, tops, short_names(rows), title, "Each cell: the newest grid recorded by then, and when.")


def _moment(by, value):
    return {"seconds": f"{value:,.0f} seconds", "step": f"step {value:,.0f}", "epoch": f"epoch {value:.3g}"}[by]


def _moments(run, by):
    """(moment, path) of each recorded grid; epochs are counted with their fractions."""
    per_epoch = run.config["steps_per_epoch"]
    at = {row["step"]: row["step"] / per_epoch if by == "epoch" else row[by] for row in run.rows()}
    return [(at[step], path) for step, path in zip(run.grid_steps(), run.grids(), strict=True) if step in at]
