"""What a notebook shows in its page: films, real images, recorded grids, pictures, sheets of latents, source code."""

import base64
import inspect
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.data.images import resize
from dcgan_tf.pictures.films import write_gif
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.pictures.shown import show_images
from dcgan_tf.system.errors import UserError


def show_gif(path, width: int = 480):
    """The GIF or WebP at `path`, embedded, so that the executed notebook needs no other file to show it."""
    from IPython.display import HTML

    return HTML(embedded(path, width))


def embedded(path, width: int) -> str:
    """The GIF or WebP at `path` as an <img> that holds all of it."""
    data = base64.b64encode(Path(path).read_bytes()).decode()
    kind = Path(path).suffix.lower()[1:]
    return f'<img src="data:image/{kind};base64,{data}" width="{width}" alt="the training as a film">'


def show_film(run, width: int = 480):
    """The training of a run as a film, embedded: the lighter of its two files."""
    if run.film_path is None:
        raise UserError(f"run {str(run.path)!r} has no film yet: it is made when the training ends or is interrupted")
    return show_gif(run.film_path, width)


def show_source(function):
    """The code of a function or method as it is run, highlighted: what a lesson shows cannot differ from it."""
    from IPython.display import Code

    return Code(textwrap.dedent(inspect.getsource(function)), language="python")


def show_data(data, count: int = 50, seed: int = 0):
    """A sheet of `count` images of a dataset, drawn at random without repeats, labelled where there are labels."""
    places = np.sort(np.random.default_rng(seed).choice(len(data), min(count, len(data)), replace=False))
    titles = None
    if data.labels is not None and data.labels.ndim == 1:  # attributes, of which an image has many, do not fit
        labels = [int(label) for label in data.labels[places]]
        titles = [data.label_names[label] for label in labels] if data.label_names else labels
    return show_images(data.images[places], titles, title=f"{len(places)} of {len(data):,} real images")


def grids_at(run, steps) -> tuple[list, list[str]]:
    """The recorded grids nearest to these steps, each once, and the last one: (pictures uint8, their titles)."""
    recorded = dict(zip(run.grid_steps(), run.grids(), strict=True))
    last = max(recorded)
    chosen = sorted({min(recorded, key=lambda found: abs(found - step)) for step in steps if step < last} | {last})
    pictures = [decode(recorded[step], channels=3) for step in chosen]
    return pictures, [f"after {step:,} iterations" for step in chosen]


def read_pictures(source, rows) -> list:
    """These pictures of a source (see sources.py) as uint8 [H, W, 3]; those that cannot be read are left out."""
    pictures = []
    for row in rows:
        try:
            pictures.append(decode(source.read(int(row)), channels=3))
        except ImageError:
            continue
    return pictures


def show_pictures(pictures, titles=None, columns: int = 5, title: str | None = None):
    """Pictures uint8 [H, W, 3] of any sizes side by side, each as large as fits; it says so when there are none."""
    if not len(pictures):
        figure = Picture(figsize=(6, 0.5))
        figure.text(0, 0.5, f"{title or 'pictures'}: there are none", va="center", fontsize=11)
        return figure
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    ratios = sorted(picture.shape[1] / picture.shape[0] for picture in pictures)
    width = min(width, round(height * ratios[len(ratios) // 2]))  # one wide picture shall not make all tiles wide
    tiles = np.stack([_fit(picture, height, width) for picture in pictures])
    return show_images(tiles, titles, columns=min(columns, len(tiles)), title=title)


def average_picture(pictures, height: int = 218, width: int = 178):
    """The mean of pictures uint8 [H, W, 3], all brought to one size; white when there are none."""
    if not len(pictures):
        return np.full((height, width, 3), 255, np.uint8)
    return np.mean([_fit(picture, height, width) for picture in pictures], axis=0).round().astype(np.uint8)


def _fit(picture, height, width):
    """The whole picture in the middle of a white one of that size."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = tuple(max(1, round(scale * side)) for side in picture.shape[:2])
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    tile = np.full((height, width, 3), 255, np.uint8)
    tile[top : top + size[0], left : left + size[1]] = resize(picture, size)
    return tile


def show(look, name: str):
    """Display one of VIEWS of an Exploration, sheets and films, or the reason why it cannot be shown of this run."""
    from IPython.display import display

    from dcgan_tf.latent.choices import NotHere
    from dcgan_tf.latent.tour import VIEWS

    try:
        for _, made in VIEWS[name][0](look):
            if isinstance(made, Picture):
                display(made)
            elif isinstance(made, list):
                display(film(made))
    except NotHere as reason:
        print(f"left out: {reason}")


def film(frames: list[np.ndarray], seconds_per_frame: float | None = None):
    """Frames uint8 [H, W, 3] as a GIF in the page that plays for ever."""
    pace = seconds_per_frame or (0.05 if len(frames) > 30 else 0.25)
    with tempfile.TemporaryDirectory() as folder:
        write_gif(Path(folder) / "film.gif", frames, pace, hold_last=pace)
        return show_gif(Path(folder) / "film.gif", frames[0].shape[1])
