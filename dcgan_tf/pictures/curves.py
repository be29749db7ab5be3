"""What a training does over its steps: losses and scores as curves, a live view; and the losses themselves, drawn."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.pictures.grids import grid
from dcgan_tf.pictures.picture import DISCRIMINATOR, FAKE, GENERATOR, GRAY, REAL, Picture
from dcgan_tf.pictures.shown import draw_image


def curves(history: dict, title: str | None = None) -> Picture:
    """Both losses, and mean D(real) and D(fake), over the steps of a run (`Run.history()`).

    With many rows a running mean is drawn over the faint raw line.
    """
    figure, history = Picture(figsize=(10, 3.6), layout="constrained"), even_rows(history)
    losses, scores = figure.subplots(1, 2)
    _draw_losses(losses, history)
    _draw_scores(scores, history)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def live_view(picture: np.ndarray, history: dict, title: str | None = None, earlier=None, nearest=None) -> Picture:
    """The newest grid (uint8 [H, W, C]) on the left, the curves so far on the right.

    earlier: (the grid of the same latents some time ago, what stands over it), shown on the right; the curves are then
        below. nearest: (images uint8 [N, H, W, C], the real ones [N, H, W, C] below each, a text for each, what stands
        over them all), shown at the bottom.
    """
    high = (7.9 if earlier else 5.0) + (2.75 if nearest else 0)
    figure = Picture(figsize=(10, high))  # places by hand: arranging them takes longer than drawing
    history = even_rows(history)

    def axes_at(left, top, width, height):  # in inches
        return figure.add_axes((left / 10, 1 - (top + height) / high, width / 10, height / high))

    def write(left, top, text, size=10, **how):
        figure.text(left / 10, 1 - top / high, text, va="top", fontsize=size, **how)

    if earlier:
        draw_image(axes_at(0.1, 0.65, 4.8, 4.8), picture)
        draw_image(axes_at(5.1, 0.65, 4.8, 4.8), earlier[0])
        write(0.1, 0.4, "now")
        write(5.1, 0.4, earlier[1])
        losses, scores = axes_at(0.6, 5.95, 4.2, 1.4), axes_at(5.6, 5.95, 4.2, 1.4)
    else:
        draw_image(axes_at(0.1, 0.4, 4.6, 4.5), picture)
        losses, scores = axes_at(5.5, 0.6, 4.4, 1.65), axes_at(5.5, 2.8, 4.4, 1.65)
    _draw_losses(losses, history)
    _draw_scores(scores, history)
    losses.set_xlabel("step" if earlier else "")
    if nearest:
        images, real, texts, over_all = nearest
        write(0.1, high - 2.75, over_all)
        pairs = grid(np.concatenate([images, real]), columns=len(images))
        draw_image(axes_at(0.1, high - 2.5, 9.8, 2.2), pairs)
        apart = min(2.2 / pairs.shape[0], 9.8 / pairs.shape[1]) * (images.shape[2] + 2)
        for place, text in enumerate(texts):
            write(5 + apart * (place - (len(texts) - 1) / 2), high - 0.27, text, size=9, ha="center")
    if title:
        write(0.1, 0.1, title)
    return figure


def _draw_losses(axes, history):
    _draw_line(axes, history, "generator_loss", "generator", GENERATOR)
    _draw_line(axes, history, "discriminator_loss", "discriminator", DISCRIMINATOR)
    _finish_axes(axes, "loss")


def _draw_scores(axes, history):
    _draw_line(axes, history, "discriminator_real", "D(real)", REAL)
    _draw_line(axes, history, "discriminator_fake", "D(fake)", FAKE)
    values = np.concatenate([history["discriminator_real"], history["discriminator_fake"]])
    if np.all((values >= 0) & (values <= 1)):  # probabilities; a critic's scores may be anything
        axes.axhline(0.5, color=GRAY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.set_ylim(-0.03, 1.03)
    _finish_axes(axes, "mean score given by D")


def _finish_axes(axes, label):
    steps = axes.lines[0].get_xdata()
    if not steps.size:
        axes.text(0.5, 0.6, "nothing recorded yet", ha="center", transform=axes.transAxes, color=GRAY)
    axes.set_ylabel(label)
    progress_axis(axes, "step", steps[-1] if steps.size else 0)
    axes.grid(color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=9, borderaxespad=0, bbox_to_anchor=(1, 1.14))


def progress_axis(axes, label: str, last: float, whole: bool = True):
    """The axis of steps, epochs or seconds below curves: from 0 to `last`, in whole numbers where asked for."""
    axes.set_xlabel(label)
    axes.set_xlim(0, max(last, 1 if whole else 1e-9) * 1.02)  # of one step alone, too: no "1 1 1 1 1"
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=whole))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value == round(value) else f"{value:,g}")


def _draw_line(axes, history, column, label, colour):
    steps, values = np.asarray(history["step"]), np.asarray(history[column], float)
    window = len(values) // 25
    marker = "o" if len(values) < 15 else None
    if window > 1:
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
        values = running_mean(values, window)
    axes.plot(steps, values, color=colour, linewidth=1.8, marker=marker, markersize=4, label=label)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the `window` values around each value [N]; near the ends, of those there are."""
    half = window // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def soft_labels(noise: float) -> Picture:
    """D's cross-entropy over its answer, for plain labels and for labels with uniform noise in [0, noise) added.

    The noise is drawn anew for each image, so what counts is its mean, noise / 2.
    """
    figure = Picture(figsize=(10, 3.2), layout="constrained")
    logits = np.linspace(-8, 8, 400)
    answers = 1 / (1 + np.exp(-logits))
    for axes, label, kind in zip(figure.subplots(1, 2), (0, 1), ("a generated image", "a real image"), strict=True):
        for value, colour, name in (
            (label, GRAY, f"label {label}"),
            (label + noise / 2, DISCRIMINATOR, f"label {label} + noise"),
        ):
            loss = -value * np.log(answers) - (1 - value) * np.log(1 - answers)
            axes.plot(logits, loss, color=colour, linewidth=1.8, label=name)
            lowest = loss.argmin()
            if 0 < lowest < len(loss) - 1:
                axes.plot(logits[lowest], loss[lowest], "o", color=colour)
                axes.annotate(f"best: D = {answers[lowest]:.3f}", (logits[lowest], loss[lowest]), (-45, 14),
                              textcoords="offset points", color=colour, fontsize=9)  # fmt: skip
        axes.set_ylim(-0.25, 1.5)
        axes.set_title(kind, fontsize=11, loc="left")
        axes.set(xlabel="D's logit: left fake, right real", ylabel="D's loss")
        axes.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9, loc="upper right" if label else "upper left")
    return figure


def generator_losses() -> Picture:
    """What G can minimise, and how steep it is, over D's logit of a generated image.

    log(1 - D), the minimax loss, has slope -D: none where D is sure. -log D, the non-saturating one, has slope D - 1.
    Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3, the last paragraph.
    """
    figure = Picture(figsize=(10, 3.4), layout="constrained")
    logits = np.linspace(-8, 8, 400)
    answers = 1 / (1 + np.exp(-logits))
    losses, slopes = figure.subplots(1, 2)
    for name, colour, loss, slope in (
        ("log(1 - D), saturating: minimax", GRAY, np.log(1 - answers), answers),
        ("-log D, non-saturating: bce", GENERATOR, -np.log(answers), 1 - answers),
    ):
        losses.plot(logits, loss, color=colour, linewidth=1.8, label=name)
        slopes.plot(logits, slope, color=colour, linewidth=1.8)
    slopes.text(-7.7, 0.8, "G is pushed hard", color=GENERATOR, fontsize=9)
    slopes.text(-7.7, 0.12, "G is hardly moved", color=GRAY, fontsize=9)
    for axes, label in ((losses, "G's loss"), (slopes, "size of its slope")):
        axes.axvspan(-8, -2, color=DISCRIMINATOR, alpha=0.08, linewidth=0)
        axes.set(xlabel="D's logit of a generated image: left fake, right real", ylabel=label, xlim=(-8, 8))
        axes.spines[["top", "right"]].set_visible(False)
    losses.text(-7.7, -7.6, "a beginner's images", color=DISCRIMINATOR, fontsize=9)
    losses.legend(frameon=False, fontsize=9, loc="upper right")
    return figure
