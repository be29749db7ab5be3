"""What a conditional generator makes of its labels: sheets of the same latents under different ones."""

from collections.abc import Iterator

import numpy as np

from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.latent.views import named
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.pictures.sheets import sheet

_CLASSES_ON_A_SHEET, _ATTRIBUTES_ON_A_SHEET = 40, 8
_STRIPS = 4  # attributes that go from off to on


def varying(labels: Labels) -> list[int]:
    """The numbers of the attributes that some images have and some do not: of others only one side was learned."""
    return np.flatnonzero((labels.shares > 0) & (labels.shares < 1)).tolist()


def nothing_to_compare(labels: Labels | None) -> str:
    """Why there are no sheets of these labels; empty where there are."""
    if labels is None:
        return "the run is not conditional: train with --set conditional=true"
    differ = len(labels.seen) > 1 if labels.are_classes else varying(labels)
    return "" if differ else "all images of the training had the same labels"


def switched(space: LatentSpace, number: int, on: bool) -> np.ndarray:
    """The labels float32 [K] of a space with one attribute on or off."""
    told = space.told.copy()
    told[number] = float(on)
    return told


def label_sheets(space: LatentSpace, seeds) -> Iterator[Picture]:
    """The same latents as every class; or with each attribute off and on, some attributes to a sheet."""
    if space.labels.are_classes:
        yield _classes(space, seeds)
        return
    numbers = varying(space.labels)
    for start in range(0, len(numbers), _ATTRIBUTES_ON_A_SHEET):
        yield _attributes(space, seeds, numbers[start : start + _ATTRIBUTES_ON_A_SHEET])


def _classes(space, seeds):
    numbers = space.labels.seen
    shown = numbers[:_CLASSES_ON_A_SHEET]
    left_out = f" The first {len(shown)} of {len(numbers)} classes." if len(shown) < len(numbers) else ""
    return sheet(
        _under_each(space, seeds, space.labels.told(shown)),
        rows=[named(seed) for seed in seeds],
        columns=[space.labels.spoken[number] for number in shown],
        title="The same latents as every class",
        note=f"A row for each latent: what it keeps from class to class is what the classes share.{left_out}",
    )


def _attributes(space, seeds, numbers):
    rows = [space.told, *(switched(space, number, on) for number in numbers for on in (False, True))]
    names = [space.labels.spoken[number] for number in numbers]
    return sheet(
        _under_each(space, seeds, np.stack(rows)),
        rows=[named(seed) for seed in seeds],
        columns=["as it is", *(f"{name} {state}" for name in names for state in ("off", "on"))],
        title=space.titled("The same latents with each attribute off and on"),
        note="A row for each latent. First with the labels as they are; then one of them is switched off, and on, "
        "and all others stay.",
        column_gaps_after=range(0, 2 * len(numbers), 2),
    )


def between_labels(space: LatentSpace, seeds, numbers=(), steps: int = 9) -> Picture:
    """The same latents while their labels go from one to another: of classes, from the first to the last.

    numbers: of the attributes that go from off to on, each in strips of its own; none: those nearest to half of the
    images'.
    """
    ends, names = _ends(space, numbers)
    seeds = seeds if len(ends) == 1 else seeds[:2]
    t = np.linspace(0, 1, steps)[:, None]
    strips = [_under_each(space, seeds, (1 - t) * start + t * end) for start, end in ends]
    return sheet(
        np.concatenate(strips),
        rows=[f"{name}\n{named(seed)}" for name in names for seed in seeds],
        columns=[f"{value:.3g}" for value in t[:, 0]],
        title="From labels to labels, each latent staying as it is"
        if space.labels.are_classes
        else space.titled("From labels to labels, each latent staying as it is"),
        note="The labels are mixed as numbers, such as half of one and half of another. Of those in between the "
        "training told the generator nothing.",
        gaps_after=range(len(seeds) - 1, len(seeds) * len(ends), len(seeds)),
    )


def _ends(space, numbers):
    """Pairs of labels [K] to go between, and what each pair is called."""
    labels, names = space.labels, space.labels.spoken
    if labels.are_classes:
        first, last = labels.seen[0], labels.seen[-1]
        return [labels.told([first, last])], [f"{names[first]} to {names[last]}"]
    shares = labels.shares
    numbers = numbers or sorted(varying(labels), key=lambda number: abs(shares[number] - 0.5))[:_STRIPS]
    pairs = [tuple(switched(space, number, on) for on in (False, True)) for number in numbers]
    return pairs, [f"{names[number]}, off to on" for number in numbers]


def _under_each(space, seeds, told):
    """Images [S, L, H, W, C]: each seed's latent with each of the labels [L, K]."""
    latents = space.of_seeds(seeds)
    return space.draw(np.repeat(latents[:, None], len(told), axis=1), np.repeat(told[None], len(latents), axis=0))
