"""Games seen from above: what D thinks of each point of a plane, and the ways that two players go."""

import numpy as np
from matplotlib.collections import LineCollection

from dcgan_tf.pictures.curves import running_mean
from dcgan_tf.pictures.picture import DISCRIMINATOR, GENERATOR, GRAY, REAL, TEXT, Picture


def plane_sheet(moments, centres: np.ndarray, edge: float, title: str | None = None) -> Picture:
    """D's scores over a square as colours, generated points, where some are pushed, and the middles of the real ones.

    The arrows' scale is each panel's own: the middle one of them is 0.7 long, and none longer than 1.

    moments: each with step, points and pushes [N, 2], field [H, W], covered and near (see notebook/ring.py).
    """
    columns = min(3, len(moments))
    rows = -(-len(moments) // columns)
    figure = Picture(figsize=(3.3 * columns, 3.5 * rows + 0.3), layout="constrained")
    for axes in (panels := figure.subplots(rows, columns, squeeze=False).ravel())[len(moments) :]:
        axes.set_axis_off()
    for axes, moment in zip(panels, moments, strict=False):
        _draw_field(axes, moment.field, edge)
        axes.plot(*centres.T, "o", markersize=9, markerfacecolor="none", markeredgecolor=REAL, markeredgewidth=1.6)
        axes.plot(*moment.points[:600].T, ".", markersize=2.5, color=GENERATOR)
        sizes = np.linalg.norm(moment.pushes[:24], axis=1, keepdims=True)
        pushes = moment.pushes[:24] * np.minimum(0.7 / (np.median(sizes) + 1e-12), 1.0 / (sizes + 1e-12))
        axes.quiver(
            *moment.points[:24].T, *pushes.T, angles="xy", scale_units="xy", scale=1, width=0.006, color="black"
        )
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", xticks=[], yticks=[])
        axes.set_title(f"step {moment.step:,}: {moment.covered} of {len(centres)} modes, {moment.near:.0%} near one",
                       fontsize=9.5)  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _draw_field(axes, field, edge):
    """Scores as colours around their middle value; far-out ones, which would hide the rest, are all one colour."""
    low, high = np.percentile(field, (5, 95))
    axes.imshow(
        field, origin="lower", extent=(-edge, edge, -edge, edge), cmap="PuOr", alpha=0.55, vmin=low,
        vmax=max(high, low + 1e-6), interpolation="bilinear",
    )  # fmt: skip
    axis = np.linspace(-edge, edge, len(field))
    if field.min() < 0 < field.max():
        axes.contour(axis, axis, field, levels=[0.0], colors=GRAY, linewidths=0.8, linestyles="dashed")


def phase_portraits(portraits) -> Picture:
    """Fields of arrows with the ways of two players through them, the goal (0, 0) in the middle.

    portraits: each (title, axis [N], moves of theta and psi [N, N] each, {name: path [M, 2]}).
    """
    columns = min(3, len(portraits))
    rows = -(-len(portraits) // columns)
    figure = Picture(figsize=(3.3 * columns, 3.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(portraits) :]:
        axes.set_axis_off()
    for axes, (title, axis, across, up, paths) in zip(panels, portraits, strict=False):
        sizes = np.sqrt(across**2 + up**2) + 1e-9
        axes.quiver(axis, axis, across / sizes, up / sizes, sizes, cmap="Greys", clim=(-1, 2.5), scale=24, width=0.005)
        for colour, (name, path) in zip((DISCRIMINATOR, GENERATOR), paths.items(), strict=False):
            axes.plot(*path.T, color=colour, linewidth=1.2, label=name)
            axes.plot(*path[-1], "s", color=colour, markersize=6)
            axes.plot(*path[0], "o", markersize=6, markerfacecolor="white", markeredgecolor=TEXT)
        axes.plot(0, 0, "*", color=REAL, markersize=12, zorder=5)
        axes.set(xlim=(axis[0], axis[-1]), ylim=(axis[0], axis[-1]), aspect="equal", xlabel="theta: what G makes")
        axes.set_ylabel("psi: the slope of D")
        axes.set_title(title, fontsize=10)
    panels[0].legend(frameon=True, fontsize=8, loc="upper right")
    return figure


def loss_portraits(histories: dict) -> Picture:
    """G's loss against D's, of one or more histories by name, as a way through time: from dark to light.

    Each point is the mean of a sixtieth of the rows around it.
    """
    figure = Picture(figsize=(4.2 * len(histories), 3.9), layout="constrained")
    for axes, (name, history) in zip(figure.subplots(1, len(histories), squeeze=False)[0], histories.items(),
                                     strict=True):  # fmt: skip
        steps = np.asarray(history["step"])
        way = np.stack([running_mean(np.asarray(history[f"{network}_loss"], float), max(1, len(steps) // 60))
                        for network in ("discriminator", "generator")], axis=1)  # fmt: skip
        pieces = np.stack([way[:-1], way[1:]], axis=1)
        lines = axes.add_collection(LineCollection(pieces, cmap="viridis", array=steps[1:], linewidths=1.3))
        if len(way):
            axes.plot(*way[0], "o", markerfacecolor="white", markeredgecolor=TEXT, label="the beginning")
            axes.plot(*way[-1], "s", color=GENERATOR, label="the end")
        axes.autoscale()
        axes.set(xlabel="D's loss", ylabel="G's loss")
        axes.set_title(name, fontsize=11)
        axes.grid(color="#e8e8e8", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        figure.colorbar(lines, ax=axes, label="step", aspect=30)
    figure.axes[0].legend(frameon=False, fontsize=9)
    return figure
