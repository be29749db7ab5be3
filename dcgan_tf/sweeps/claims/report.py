"""A claim as a picture (images beside intervals), as rows of a table, and all of them as one page."""

import math
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.data.decoding import decode
from dcgan_tf.pictures.picture import DISCRIMINATOR, GENERATOR, GRAY, REAL, TEXT, Picture
from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.claims.claim import CONTRARY, HERE_ONLY, HOLDS, NOT_SEEN, Claim, Found, _chosen, verdict

COLOURS = {HOLDS: REAL, HERE_ONLY: DISCRIMINATOR, NOT_SEEN: GRAY, CONTRARY: GENERATOR}
_SAID = {"as expected": REAL, "nothing": GRAY, "the contrary": GENERATOR}


def claim_picture(claim: Claim, found: list[Found], table: pd.DataFrame, folder) -> Picture:
    """On the left the last grids of one run of each setting in `shown`, on the right every effect with its interval.

    folder: that of the sweep, where the runs lie. A run without a grid is left out, which its place says.
    """
    grids = [_last_grid(_chosen(table, settings), folder) for settings in claim.shown]
    columns = 1 if len(grids) <= 2 else 2
    lines = max(1, math.ceil(len(grids) / columns))
    width = 3.9 * columns  # half a grid is twice as wide as high
    figure = Picture(figsize=(width + 6.2, max(0.62 * len(found) + 1.4, 2.2 * lines + 0.4)), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[width, 6.2])
    for place, (settings, picture) in enumerate(zip(claim.shown, grids, strict=True)):
        axes = left.add_subplot(lines, columns, place + 1)
        axes.set_axis_off()
        title = ", ".join(f"{name} {describe_setting(value)}" for name, value in settings.items())
        axes.set_title("\n".join(textwrap.wrap(title, 52)), fontsize=8)
        if picture is None:
            axes.text(0.5, 0.5, "no grid", ha="center", color=GRAY, transform=axes.transAxes)
        else:
            axes.imshow(picture, interpolation="nearest")
    draw_effects(right, found)
    said = verdict(found)
    figure.suptitle(f"{claim.report}: {claim.claim}: {said}", fontsize=11, color=COLOURS.get(said, GRAY))
    return figure


def draw_effects(figure, found: list[Found]):
    """Each effect as a dot on its interval, small dots for the pairs, in a row; ratios and differences apart.

    A triangle shows to which side the claim expects it. What does not decide is drawn fainter.
    """
    kinds = [kind for kind in ("ratio", "difference", "correlation") if any(f.effect.kind == kind for f in found)]
    parts = [[one for one in found if one.effect.kind == kind] for kind in kinds]
    axes = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=[len(part) + 0.6 for part in parts])[:, 0]
    for one, kind, part in zip(axes, kinds, parts, strict=True):
        _draw_kind(one, kind, part)


def _draw_kind(axes, kind, found):
    titles = {
        "ratio": "how many times as large (1: no difference)",
        "difference": "how much larger (0: no difference)",
        "correlation": "rank correlation",
    }
    if kind == "ratio":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    for row, one in enumerate(reversed(found)):
        effect, colour = one.effect, _SAID[one.says]
        strength = 1.0 if one.comparison.decides else 0.45
        axes.plot(
            [effect.low, effect.high], [row, row], color=colour, linewidth=3, alpha=strength, solid_capstyle="butt"
        )
        axes.plot([effect.value], [row], "o", color=colour, markersize=7, alpha=strength)
        axes.plot(
            effect.each, np.full(len(effect.each), row - 0.22), ".", color=colour, markersize=4, alpha=0.6 * strength
        )
        side = 1.0 if one.comparison.expected == "larger" else 0.0
        axes.plot(
            [side],
            [row],
            ">" if side else "<",
            color=GRAY,
            markersize=6,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    titles_of = [one.comparison.title.replace(" against ", "\nagainst ").split("\n") for one in reversed(found)]
    names = ["\n".join(part for line in lines for part in textwrap.wrap(line, 60)) for lines in titles_of]
    axes.set_yticks(range(len(found)), names, fontsize=7.5)
    axes.set_ylim(-0.6, len(found) - 0.4)
    axes.axvline(1 if kind == "ratio" else 0, color=TEXT, linewidth=1)
    axes.set_xlabel(titles[kind], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def effects_frame(found: list[Found]) -> pd.DataFrame:
    """A row per comparison: what, value with interval, pairs, failed, what it says."""
    return pd.DataFrame(
        {
            "comparison": one.comparison.title,
            "effect [95% interval]": str(one.effect),
            "pairs": one.effect.pairs,
            "without a figure": one.failed,
            "the claim expects": one.comparison.expected,
            "says": one.says,
            "decides": "yes" if one.comparison.decides else "",
        }
        for one in found
    )


def _last_grid(rows, folder):
    """The last grid of the first of these runs that has one, its upper half if it is square; None where none has."""
    for name in rows["run"]:
        run = Run(Path(folder) / name)
        grids = run.grids() if run.config_path.is_file() else []
        if grids:
            picture = decode(grids[-1], channels=3)
            return picture[: picture.shape[0] // 2]
    return None
