"""Images, grids and several grids beside each other as pictures for a notebook's page."""

import numpy as np

from dcgan_tf.pictures.grids import grid
from dcgan_tf.pictures.picture import Picture


def show_images(images: np.ndarray, titles=None, columns: int | None = None, title: str | None = None) -> Picture:
    """Images uint8 [N, H, W, C] side by side, every one of them, with a short text over each where given.

    titles: one for each image, such as its label. columns: by default ten, or fewer for few images.
    """
    images = np.asarray(images)
    columns = columns or min(10, max(len(images), 1))
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images cannot have {len(titles)} titles")
    height, width = images.shape[1:3]
    padding = max(2, width // 14) if titles is None else max(4, height // 3)  # room for the texts
    return show_grid(grid(images, columns, padding), title=title, texts=_places(titles, images, columns, padding))


def _places(titles, images, columns, padding):
    """(x, y, text) of each title, in pixels of the grid: centred over its image."""
    height, width = np.asarray(images).shape[1:3]
    for index, text in enumerate(titles if titles is not None else []):
        row, column = divmod(index, columns)
        yield padding + column * (width + padding) + width / 2, padding + row * (height + padding), str(text)


def show_grid(picture: np.ndarray, title: str | None = None, texts=()) -> Picture:
    """One picture uint8 [H, W, C], such as a grid of samples, to fit a notebook's page; pixels stay sharp.

    texts: (x, y, text) to write above the pixel (x, y).
    """
    inches = min(9.0, picture.shape[1] / 40 + 1.0, 6.5 * picture.shape[1] / picture.shape[0])
    height = inches * picture.shape[0] / picture.shape[1]
    head = 0.35 if title else 0.0
    figure = Picture(figsize=(inches, height + head))
    axes = figure.add_axes((0, 0, 1, height / (height + head)))
    draw_image(axes, picture)
    size = 72 * inches / picture.shape[1]  # points per pixel of the picture
    for x, y, text in texts:
        axes.text(x, y - 1, text, ha="center", va="bottom", fontsize=min(10, max(5, 7 * size)), color="#333333")
    if title:
        figure.text(0.5, 1 - 0.1 / (height + head), title, ha="center", va="top", fontsize=11)
    return figure


def compare_grids(pictures, titles) -> Picture:
    """Pictures uint8 [H, W, C] side by side, such as the first and the last grid of a run."""
    figure = Picture(figsize=(4.5 * len(pictures), 4.8), layout="constrained")
    for axes, picture, title in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, titles, strict=True):
        draw_image(axes, picture)
        axes.set_title(title, fontsize=11)
    return figure


def draw_image(axes, picture: np.ndarray):
    """Draw a picture uint8 [H, W, 1 or 3] into axes, its pixels sharp and its range unchanged."""
    if picture.shape[-1] == 1:
        axes.imshow(picture[..., 0], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    else:
        axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
