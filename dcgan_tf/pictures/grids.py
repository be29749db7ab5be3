"""Many images laid out as one picture, and pictures written as PNG files."""

import io
import math

import numpy as np
from PIL import Image

from dcgan_tf.system.files import write_bytes


def grid(images: np.ndarray, columns: int | None = None, padding: int = 2, background=255) -> np.ndarray:
    """Lay images uint8 [N, H, W, C] out, row by row, as one picture uint8 [height, width, C].

    `columns` is by default as square as N allows; places left over in the last row show the background
    (a number or one number per channel), as does the padding between and around the images.
    """
    images = np.asarray(images)
    if images.ndim != 4 or len(images) == 0 or images.dtype != np.uint8:
        raise ValueError(f"expected uint8 images [N, H, W, C], not {images.dtype} {list(images.shape)}")
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    cell_height, cell_width = height + padding, width + padding
    picture = np.empty((rows * cell_height + padding, columns * cell_width + padding, channels), np.uint8)
    picture[:] = background
    for place, image in enumerate(images):
        top = place // columns * cell_height + padding
        left = place % columns * cell_width + padding
        picture[top : top + height, left : left + width] = image
    return picture


def without_gray_axis(image) -> np.ndarray:
    """[H, W, 1] as [H, W], the form in which Pillow and imageio take gray pictures; others as they are."""
    image = np.asarray(image)
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image


def save_png(path, image: np.ndarray) -> None:
    """Write uint8 [H, W, 1 or 3] (or [H, W]) as a PNG; a reader never sees half of it."""
    buffer = io.BytesIO()
    Image.fromarray(without_gray_axis(image)).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Repeat every pixel of [..., H, W, C] `factor` times each way, to look at small images closely."""
    return image.repeat(factor, axis=-3).repeat(factor, axis=-2)
