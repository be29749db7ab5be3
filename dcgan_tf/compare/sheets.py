"""The grids of many runs in one picture.

    sheet(rows, "batch_size", "epochs")     a cell per run, settings along rows and columns, scores under each
    timeline(rows, by="seconds")            a line per run: its grids at equal epochs, or equal seconds

Both take rows of rows.py; how they are laid out is pictures/sheets.py. Where the seeds differ, so that the recorded
grids have other latents, a sheet's cells are sampled anew from the saved generators, all from the same latents.
"""

import numpy as np

from dcgan_tf.compare.choosing import (
    LOSSES,
    best_run,
    choose_axes,
    describe_setting,
    differing_settings,
    foremost,
    score_titles,
    setting_values,
    short_names,
    varied_settings,
)
from dcgan_tf.compare.moments import check_by, describe_moment, moments_of, titled
from dcgan_tf.compare.repeats import Repeats, among_settings, by_setting, called, first_run
from dcgan_tf.compare.rows import runs_of
from dcgan_tf.data.decoding import decode
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.pictures import sheets as layout
from dcgan_tf.pictures.grids import enlarge, grid
from dcgan_tf.pictures.picture import RED, TEXT, Picture
from dcgan_tf.pictures.sheets import Caption
from dcgan_tf.run.reading import State
from dcgan_tf.system.errors import UserError, check_count

MOST_CELLS = 120  # of a sheet of names: a page of more is looked at by nobody, and takes gigabytes to draw
_MOST_LINES = 60  # of a timeline
_LATENTS = ("seed", "latent_dim", "latent_distribution", "latent_mean", "latent_std", "grid_images")


# --- a sheet -----------------------------------------------------------------------------------------------


def sheet(rows, row_setting=None, column_setting=None, title=None) -> Picture:
    """The last grids of these runs, each in the cell of its two settings, with its score and how it ended.

    Repeats of a setting have one cell: the grid of the first seed, and under it mean ± standard deviation (n).
    Without settings the two that vary are taken (see choose_axes). Raises UserError when two runs have the
    same cell: then more than these two settings vary; choose fewer runs, or see sheets().
    """
    rows = by_setting(rows)
    if not rows:
        raise UserError("no runs are chosen: a sheet needs one or more")
    if row_setting is None and column_setting is None:
        row_setting, column_setting, _ = choose_axes(rows, among_settings(rows))
    for name in (row_setting, column_setting):
        if name is not None and not any(name in row.settings for row in rows):
            raise UserError(f"no run has a setting {name!r}: take one of {', '.join(differing_settings(rows))}")
    pictures, note = _pictures(rows)
    captions = _captions(rows)
    across, down = setting_values(rows, column_setting), setting_values(rows, row_setting)
    names = {}
    cells = [["not in these runs"] * len(across) for _ in down]
    below = [[()] * len(across) for _ in down]
    for row, picture, caption in zip(rows, pictures, captions, strict=True):
        r, c = down.index(row.settings.get(row_setting)), across.index(row.settings.get(column_setting))
        if (r, c) in names:
            raise UserError(
                f"runs {names[r, c]!r} and {row.name!r} have the same {row_setting} and {column_setting}: they "
                f"differ in {', '.join(varied_settings(rows))}; choose runs that differ in two settings"
            )
        names[r, c], cells[r][c], below[r][c] = row.name, picture, caption
    tops = [_label(column_setting, value) for value in across]
    sides = [_label(row_setting, value) for value in down]
    return layout.sheet(cells, sides, tops, captions=below, title=title, note=note)


def overview(rows, title=None) -> Picture:
    """The last grids of any runs: by two settings where these tell them apart, else one after another."""
    rows = by_setting(rows)
    row_setting, column_setting, further = choose_axes(rows, among_settings(rows))
    places = {tuple(repr(row.settings.get(name)) for name in (row_setting, column_setting)) for row in rows}
    if column_setting and not further and len(places) == len(rows) <= MOST_CELLS:
        return sheet(rows, row_setting, column_setting, title)
    return sheet_of_names(rows, title=title)


def sheet_of_names(rows, columns: int | None = None, title=None) -> Picture:
    """The last grids of any runs, one after another, each under its name; of many the best, which is said."""
    if columns is not None:
        check_count("columns", columns)
    rows = by_setting(rows)
    rows, which = foremost(rows, MOST_CELLS, what=called(rows))
    pictures, note = _pictures(rows)
    note = f"{which}. {note}" if which else note
    columns = columns or min(6, len(rows))
    missing = -len(rows) % columns
    cells = [*pictures, *[None] * missing]
    captions = [[Caption(row.name, TEXT, True), *lines] for row, lines in zip(rows, _captions(rows), strict=True)]
    captions += [[]] * missing
    starts = range(0, len(cells), columns)
    cells, below = ([all_of[start : start + columns] for start in starts] for all_of in (cells, captions))
    return layout.sheet(cells, captions=below, title=title, note=note)


def _label(name, value):
    return "" if name is None else f"{name} = {describe_setting(value)}"


_NO_GRID = "no grid yet"
_REPEATS = " Repeats: the first seed that has finished; numbers are mean ± standard deviation (n seeds)."


def _pictures(rows):
    """One picture uint8 [H, W, 3] per row, or a text in its place, and a line on what they show."""
    note = _REPEATS if called(rows) == "settings" else ""
    pictures, about = _pictures_of_runs([first_run(row) for row in rows])
    return pictures, about + note + _steps(rows)


def _pictures_of_runs(rows):
    latents = {
        (*(repr(row.settings.get(name)) for name in _LATENTS), bool(row.settings.get("conditional")))
        for row in rows
        if row.run.grids_path.is_dir() and "latent_dim" in row.settings  # a damaged run's are not known, nor its grid
    }
    if len(latents) <= 1:
        # A conditional grid shows a few latents as every class: as many images as elsewhere, and fewer latents.
        plain = [row for row in rows if row.last and not row.settings.get("conditional")]
        count = next((row.settings.get("grid_images") for row in plain), None)
        of = f"the same {count} latents" if count else "the same latents"
        return [_last_grid(row.run) for row in rows], f"Each cell: the last recorded grid, of {of}."
    pictures, missing = [], False
    for row in rows:
        picture = _sampled(row)
        pictures.append(picture if picture is not None else _last_grid(row.run))
        missing = missing or (picture is None and not isinstance(pictures[-1], str))
    dims = {row.settings.get("latent_dim") for row in rows if row.last}
    note = "Each cell: sampled from the saved generator, all from the same latents (seed 0)."
    note += " Latents of other lengths are other latents." if len(dims) > 1 else ""
    note += " Runs without a saved generator: their last recorded grid." if missing else ""
    return pictures, note


def _steps(rows):
    """A sentence on how long the runs trained, where that differs: who trained longer is not to be praised for it."""
    steps = [run.last["step"] for row in rows for run in runs_of(row) if run.last]
    return f" The runs made {min(steps):,} to {max(steps):,} steps." if len(set(steps)) > 1 else ""


def _last_grid(run):
    try:
        grids = run.grids()
        return decode(grids[-1], channels=3) if grids else _NO_GRID
    except (UserError, OSError, ValueError, KeyError, TypeError):  # it did not begin, or is damaged
        return _NO_GRID


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
    """Lines under each cell: the newest score, else the losses; how many steps it made; and how it ended."""
    titles = score_titles(rows)
    title = titles[0] if titles else None
    best, _, others = best_run(rows, title) if title else (None, None, [])
    others = [id(row) for row in others]
    compared = [run for row in rows if id(row) not in others for run in runs_of(row)]
    compared = {run.scores[title].step for run in compared if title in run.scores}
    praise = " (best)" if len(compared) <= 1 else " (best; steps differ)"
    captions = []
    for row in rows:
        lines = []
        if title in row.scores:
            mark = praise if row is best else " (other protocol)" if id(row) in others else ""
            value = row.spreads[title] if isinstance(row, Repeats) else describe_value(row.scores[title].value)
            lines.append(Caption(f"{title} {value}{mark}", TEXT, row is best))
        elif row.last:
            losses = [row.spreads[name] if isinstance(row, Repeats) else f"{row.last[name]:.3f}" for name in LOSSES]
            lines.append(Caption(f"loss G {losses[0]}  D {losses[1]}"))
        if row.last:
            lines.append(Caption(f"{row.last['step']:,.0f} steps in {row.last['seconds']:,.0f} s"))
        standing = row.standing if isinstance(row, Repeats) else str(row.status)
        if standing != State.FINISHED:
            lines.append(Caption(_short(f"{standing}: {row.problem}" if row.problem else standing), RED))
        captions.append(lines)
    return captions


def _short(text, length=60):
    return text if len(text) <= length else text[: length - 1] + "…"


# --- over time ---------------------------------------------------------------------------------------------


def timeline(rows, by: str = "epoch", points=5, title=None) -> Picture:
    """A line per run: its recorded grids at equal epochs, steps, images or seconds, from early to late.

    by: one of moments.BY. points: how many, over the time that all of the runs have; or a list of moments. Each cell
    is the newest grid recorded by then, and says when that was. Of the repeats of a setting the first seed is shown.
    """
    check_by(by)
    if not np.iterable(points):
        check_count("points", points)
    elif not len(points):
        raise UserError("points=[] names no moment: give some, or how many")
    rows = by_setting(rows)
    rows, which = foremost(rows, _MOST_LINES, what=called(rows))
    has_grids = [bool(row.settings and row.last and first_run(row).run.grids()) for row in rows]
    without = [row.name for row, has in zip(rows, has_grids, strict=True) if not has]
    rows = [row for row, has in zip(rows, has_grids, strict=True) if has]
    if not rows:
        raise UserError("none of these runs has a recorded grid: train them first")
    recorded = [_recorded(first_run(row).run, by) for row in rows]
    if not np.iterable(points):
        end = min(moments[-1][0] for moments in recorded)
        start = min(max(next((at for at, _ in moments if at > 0), end) for moments in recorded), end)
        points = np.geomspace(max(start, 1e-9), end, points)
        points = np.unique(np.round(points)) if by != "seconds" and start >= 1 else np.unique(points)
    cells, captions = [], []
    for grids in recorded:
        past = [[found for found in grids if found[0] <= point * (1 + 1e-9)] for point in points]
        cells.append([decode(found[-1][1], channels=3) if found else "no grid by then" for found in past])
        captions.append([[Caption(describe_moment(by, found[-1][0]))] if found else [] for found in past])
    tops = [f"by {describe_moment(by, point)}" for point in points]
    note = (f"{which}. " if which else "") + "Each cell: the newest grid recorded by then, and when."
    note += " Repeats: the first seed that has finished." if called(rows) == "settings" else ""
    note += f" Left out, without a recorded grid: {', '.join(without)}." if without else ""
    names = short_names(rows, among_settings(rows))
    return layout.sheet(cells, names, tops, captions=captions, title=titled(title, by), note=note)


def _recorded(run, by):
    """(moment, path) of each recorded grid."""
    steps = run.grid_steps()
    return list(zip(moments_of(run, steps, by), map(run.grid_path, steps), strict=True))
