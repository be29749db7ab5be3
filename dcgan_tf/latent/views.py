"""What there is to see in a latent space: each a labelled sheet (a Picture) or a film (frames uint8 [H, W, 3])."""

import itertools
import textwrap
from pathlib import Path

import numpy as np

from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.evaluation.alarms import neighbour_sheet
from dcgan_tf.evaluation.neighbours import nearest_real
from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent.directions import Directions
from dcgan_tf.latent.projection import Projection
from dcgan_tf.latent.space import LatentSpace
from dcgan_tf.pictures.films import frame
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.pictures.sheets import sheet
from dcgan_tf.system.saying import counted

_AT_ONCE = 512


def named(seed) -> str:
    """What a sample is called: by its seed, or by the file that its latent came from."""
    if isinstance(seed, int | np.integer):
        return f"seed {seed}"
    return Path(seed).stem.removeprefix("projection_").removesuffix("_latent")


def _rows(images, columns):
    """Images [N, ...] as [rows, columns, ...], white where the last row is not full."""
    missing = -len(images) % columns
    images = np.concatenate([images, np.full((missing, *images.shape[1:]), 255, np.uint8)])
    return images.reshape(-1, columns, *images.shape[1:])


def _text_rows(texts, columns):
    texts = [*texts, *[""] * (-len(texts) % columns)]
    return [texts[start : start + columns] for start in range(0, len(texts), columns)]


def _letters(space):
    return ("N({mean:g}, {std:g}²)" if space.is_normal else "U({mean:g} ± {std:g})").format


# --- samples and their distribution -----------------------------------------------------------------------


def samples(space: LatentSpace, seeds, columns: int = 10) -> Picture:
    """One image per seed, to choose from."""
    images = space.draw(space.of_seeds(seeds))
    texts = [str(seed) if isinstance(seed, int) else named(seed) for seed in seeds]
    return sheet(_rows(images, columns), texts=_text_rows(texts, columns), title=space.titled("Samples by their seed"),
                 note="All other sheets name samples by these numbers.")  # fmt: skip


def spreads(space: LatentSpace, means, stds, seed: int = 0, side: int = 3) -> Picture:
    """The same random numbers with every mean and every std: blocks of side x side images."""
    unit = space.random(side * side, seed)
    blocks = []
    for std, mean in itertools.product(stds, means):
        images = space.draw(latent.respread(unit, mean, std, space.mean, space.std))
        rows = images.reshape(side, side, *space.image_shape)
        blocks.append(np.concatenate(np.concatenate(rows, axis=1), axis=1))
    cells = np.stack(blocks).reshape(len(stds), len(means), *blocks[0].shape)
    spread = "std" if space.is_normal else "half-width"
    return sheet(
        cells,
        rows=[f"{spread} {std:g}" for std in stds],
        columns=[f"mean {mean:g}" for mean in means],
        title=space.titled("Latents with another mean and another spread"),
        note=f"The same {side * side} latents in every block, moved and scaled. "
        f"The training drew them from {_letters(space)(mean=space.mean, std=space.std)}.",
    )


def averages(space: LatentSpace, means, count: int = 500, seed: int = 0) -> Picture:
    """The average image at each mean point: the image of the mean latent, and the mean of `count` images around it."""
    of_means = space.draw(latent.mean_points(means, space.dim))
    unit = space.random(count, seed)

    def images(mean):
        moved = latent.respread(unit, mean, space.std, space.mean, space.std)
        return (space.draw(moved[start : start + _AT_ONCE]) for start in range(0, count, _AT_ONCE))

    mean_images = np.stack([latent.average(images(mean)) for mean in means])
    return sheet(
        np.stack([of_means, mean_images]),
        rows=["image of the mean", f"mean of {counted(count, 'image')}"],
        columns=[f"{mean:g}" for mean in means],
        title=space.titled("Average images at mean points"),
        note=f"Above: the one image of z = (m, m, ..., m). Below: the pixel-wise mean of {counted(count, 'image')} "
        f"whose z has mean m and {'standard deviation' if space.is_normal else 'half-width'} {space.std:g}.",
    )


def truncation(space: LatentSpace, seeds, limits=None) -> Picture:
    """The same samples with their latents kept within fewer and fewer standard deviations."""
    limits = limits or ([3.0, 2.0, 1.5, 1.0, 0.7, 0.4, 0.2] if space.is_normal else [1.0, 0.8, 0.6, 0.4, 0.2])
    latents = space.of_seeds(seeds)
    cut = [latent.truncate(latents, limit, space.distribution, space.mean, space.std) for limit in limits]
    far = "so many standard deviations" if space.is_normal else "such a share of the box's half-width"
    return sheet(
        space.draw(np.stack([latents, *cut])),
        rows=["as drawn", *(f"within {limit:g}" for limit in limits)],
        columns=[named(seed) for seed in seeds],
        title=space.titled("Truncation"),
        note=f"Every component of z within {far} of the mean, each keeping its rank. Safer and "
        "more alike; where the generator learned the scale of z by heart (BatchNorm), also paler.",
    )


# --- between samples --------------------------------------------------------------------------------------


def interpolation(space: LatentSpace, seeds, steps: int = 9) -> Picture:
    """From each sample to the next: the straight way; for normal latents the round way, and their difference."""
    t = np.linspace(0, 1, steps)
    latents, strips, names = space.of_seeds(seeds), [], []
    for (one, other), (start, end) in zip(itertools.pairwise(seeds), itertools.pairwise(latents), strict=True):
        ways = [("straight", latent.linear(start, end, t))]
        if space.is_normal:
            ways.append(("round", latent.spherical(start, end, t, space.mean)))
        for name, path in ways:
            length = np.linalg.norm(path - space.mean, axis=1)
            strips.append(space.draw(path))
            names.append(f"{named(one)} to {named(other).removeprefix('seed ')}, {name}\n|z| {length[0]:.1f} to "
                         f"{length[steps // 2]:.1f} to {length[-1]:.1f}")  # fmt: skip
        if space.is_normal:
            difference = np.abs(strips[-1].astype(int) - strips[-2]).mean(axis=-1, keepdims=True)
            gray = (255 - np.minimum(4 * difference, 255)).astype(np.uint8)
            strips.append(np.broadcast_to(gray, strips[-1].shape))
            names.append("difference, 4 times")
    each = 3 if space.is_normal else 1
    note = (
        "The straight way passes nearer to the middle (|z| shrinks) than latents of the training ever are; the "
        "round way (spherical) keeps the length."
        if space.is_normal
        else "Uniform latents fill a box, and the straight way stays in it. A round way could leave it: it is left out."
    )
    return sheet(
        np.stack(strips),
        rows=names,
        columns=[f"{value:.3g}" for value in t],
        title=space.titled("Interpolation"),
        note=note,
        gaps_after=range(each - 1, len(strips), each) if each > 1 else (),
    )


def interpolation_film(space: LatentSpace, seeds, steps: int = 18) -> list[np.ndarray]:
    """Through all samples and back to the first, for ever; `steps` frames from one to the next."""
    latents = space.of_seeds(seeds)
    films = [space.draw(latent.loop(latents, steps, latent.linear))]
    labels = ["straight"]
    if space.is_normal:
        films.append(space.draw(latent.loop(latents, steps, space.way)))
        labels.append("round")
    return [frame(images, labels, side=128) for images in zip(*films, strict=True)]


def plane(space: LatentSpace, seeds, steps: int = 7) -> Picture:
    """A walk over the plane that three samples span, which are three of its corners."""
    origin, right, down = space.of_seeds(seeds)
    t = np.linspace(0, 1, steps)
    latents = space.inside(latent.plane(origin, right, down, t, t, space.mean if space.is_normal else None))
    names = [named(seed) for seed in seeds]
    rows, columns = [""] * steps, [""] * steps
    rows[0], rows[-1], columns[0], columns[-1] = names[0], names[2], names[0], names[1]
    length = " Latents keep the length of the three." if space.is_normal else ""
    return sheet(
        space.draw(latents), rows=rows, columns=columns, title=space.titled("The plane through three samples"),
        note=f"Upper left {names[0]}, upper right {names[1]}, lower left {names[2]}. The fourth corner is "
        f"{names[1]} + {names[2]} - {names[0]}.{length}",
    )  # fmt: skip


def plane_film(space: LatentSpace, seeds, frames: int = 60) -> list[np.ndarray]:
    """Round and round the middle of the plane through three samples, passing all three."""
    origin, right, down = space.of_seeds(seeds)
    angles = np.arange(frames) / frames * 2 * np.pi + np.pi * 1.25
    points = [
        latent.plane(origin, right, down, [0.5 + np.cos(angle) / 2**0.5], [0.5 + np.sin(angle) / 2**0.5],
                     space.mean if space.is_normal else None)[0, 0]
        for angle in angles
    ]  # fmt: skip
    images = space.draw(space.inside(np.stack(points)))
    return [frame(image[None], ["a round trip"], side=128) for image in images]


def add_up(space: LatentSpace, terms) -> np.ndarray:
    """The latent float32 [dim] of a sum of means of samples; terms: (sign, seeds, name or "")."""
    return space.inside(latent.combine([(sign, space.of_seeds(seeds)) for sign, seeds, _ in terms]))


def arithmetic(space: LatentSpace, terms, note: str = "", seed: int = 0) -> Picture:
    """The samples of each term, their mean, and what `add_up` gives, in the middle of others near it.

    Source: Radford et al. 2016, section 6.3.2 and figure 7: three samples per term, uniform noise of +-0.25.
    """
    groups = [space.of_seeds(seeds) for _, seeds, _ in terms]
    result = add_up(space, terms)
    noise = np.random.default_rng(seed).uniform(-0.25, 0.25, (9, space.dim)) * space.std
    noise[4] = 0
    near = space.draw(space.inside(result + noise.astype(np.float32)))
    most = max(map(len, groups))
    height, width, channels = space.image_shape
    cells = np.full((max(3, len(terms)), most + 4, height, width, channels), 255, np.uint8)
    texts = [[""] * (most + 4) for _ in cells]
    for row, ((_, seeds, _), group) in enumerate(zip(terms, groups, strict=True)):
        cells[row, : len(group)] = space.draw(group)
        cells[row, most] = space.draw(group.mean(axis=0)[None])[0]
        texts[row][: len(group)] = [named(seed) for seed in seeds]
        texts[row][most] = "mean"
    cells[:3, most + 1 :] = near.reshape(3, 3, *space.image_shape)
    texts[1][most + 2] = "= result"
    names = [f"{'+' if sign > 0 else '−'} {name}".strip() for sign, _, name in terms]
    return sheet(
        cells, rows=[*names, *[""] * (len(cells) - len(names))], texts=texts, column_gaps_after=(most - 1, most),
        title=space.titled("Vector arithmetic"),
        note=f"{note} Around the result: the same with a little noise (± 0.25).".strip(),
    )  # fmt: skip


# --- along directions -------------------------------------------------------------------------------------


def strips(space: LatentSpace, directions: np.ndarray, names, seeds, amounts, title: str, note: str = "") -> Picture:
    """Each direction [K, dim] as a strip: the seeds' samples moved along it by these amounts (standard deviations)."""
    latents = space.of_seeds(seeds)
    cells = [space.draw(space.walk(z, direction, amounts)) for direction in directions for z in latents]
    each = len(seeds)
    rows = [name if index == 0 else "" for name in names for index in range(each)]
    columns = [f"{amount:+.3g}σ" if amount else "as drawn" for amount in amounts]
    gaps = range(each - 1, len(cells), each) if each > 1 else ()
    return sheet(np.stack(cells), rows=rows, columns=columns, title=space.titled(title), note=note,
                 gaps_after=gaps)  # fmt: skip


def strips_film(space: LatentSpace, directions: np.ndarray, names, seed, reach: float, frames: int = 32) -> list:
    """One sample moving along each direction, to and fro, side by side."""
    start = space.of_seeds([seed])[0]
    amounts = reach * np.sin(np.arange(frames) / frames * 2 * np.pi)
    films = space.draw(np.stack([space.walk(start, direction, amounts) for direction in directions]))
    columns = -(-len(names) // (2 if len(names) > 4 else 1))
    return [frame(films[:, index], names, side=128, columns=columns) for index in range(frames)]


def bars(directions: Directions, names, title: str, label: str, count: int = 20) -> Picture:
    """How strong the first directions are, or how well each is explained."""
    names, values = list(names)[:count], np.asarray(directions.values)[:count]
    figure = Picture(figsize=(9, 0.6 + 0.21 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(np.arange(len(names)), values, color="#0072B2", height=0.7)
    axes.set_yticks(np.arange(len(names)), names, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.set_title(title, loc="left", fontsize=11, weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e8e8e8")
    axes.set_axisbelow(True)
    return figure


# --- beside other images ----------------------------------------------------------------------------------


def neighbours(space: LatentSpace, seeds, dataset) -> Picture:
    """Each sample with the training image nearest to it, by averaged pixels as the alarm of copies has it."""
    images = space.draw(space.of_seeds(seeds))
    places, ratios = nearest_real(images, dataset)
    what = textwrap.shorten(space.titled("generated images"), 70, placeholder=" ...")
    return neighbour_sheet(images, dataset.images, places, ratios, [named(seed) for seed in seeds], what)


def projection(found: Projection, target: np.ndarray, space: LatentSpace, name: str) -> Picture:
    """The image, the best that was found for it, and what the other starts found."""
    best = min(len(found.images), 7)
    cells = np.concatenate([target[None], found.images[:best]])[None]
    texts = [f"off by {error:.1f}" for error in found.errors[:best]]
    return sheet(
        cells, columns=[name, "closest", *(f"start {number + 1}" for number in range(1, best))], texts=[["", *texts]],
        title=space.titled("Projection: the latent that comes closest"), column_gaps_after=(0, 1),
        note="In the order of the loss that was minimised, which looks at shrunk images, too. Off by: root of the mean "
        "squared difference of the pixels, which go from 0 to 255.",
    )  # fmt: skip


def projection_film(found: Projection, target: np.ndarray, space: LatentSpace, name: str) -> list[np.ndarray]:
    """How the best start came to the image."""
    return [frame(np.stack([target, image]), [name, "closest so far"], side=128) for image in space.draw(found.film)]


def _moment(path):
    """epoch_0007.npz -> 'epoch 7'."""
    kind, number = path.stem.split("_")
    return f"{kind} {int(number):,}"


def epochs(kept, places, steps: int = 9, labels: Labels | None = None) -> Picture:
    """Chosen samples as the generator drew them while it was trained: kept by `Run.samples()`, oldest first.

    kept: paths of .npz files. places: which of a grid's images, counted row by row from 0. labels: of a conditional
    run, which kept what each image was to show.
    """
    chosen = [
        kept[index] for index in sorted({*np.linspace(0, len(kept) - 1, min(steps, len(kept))).round().astype(int)})
    ]
    columns, names = [], []
    for path in chosen:
        with np.load(path, allow_pickle=False) as stored:
            columns.append(stored["images"][np.asarray(places)])
            told = stored["labels"][np.asarray(places)] if labels is not None else ()
        names.append(_moment(path))
    return sheet(
        np.stack(columns, axis=1),
        rows=[
            f"place {place}" + (f"\n{labels.in_words(told[index])}" if labels is not None else "")
            for index, place in enumerate(places)
        ],
        columns=names,
        title="The same latents while the generator learned",
        note="From the samples that the training kept; places are counted in its grids, row by row.",
    )


def epochs_film(kept, places) -> list[np.ndarray]:
    """The same, one frame for each time."""
    frames = []
    for path in kept:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"][np.asarray(places)]
        labels = [_moment(path), *[""] * (len(places) - 1)]
        frames.append(frame(images, labels, side=128, columns=-(-len(places) // 2)))
    return frames
