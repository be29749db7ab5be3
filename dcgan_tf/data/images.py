"""Images as arrays (uint8, height x width x channels): the value range of networks, crops and sizes.

Everything here is a function of arrays and knows nothing of GANs; TensorFlow is not imported.
"""

import numpy as np
from PIL import Image


def to_model_range(images):
    """Bring pixel values 0..255 to [-1, 1].

    `images` is float32, a NumPy array or a TensorFlow tensor (the caller has cast it), of any shape.
    """
    return images / 127.5 - 1.0


def to_uint8(images) -> np.ndarray:
    """Bring values in [-1, 1] to uint8 0..255: rounded and clipped, never stretched by their own range.

    What is not a number becomes the middle gray (128), so that a broken image is seen as one.
    """
    values = np.nan_to_num(np.asarray(images, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(np.rint((values + 1.0) * 127.5), 0, 255).astype(np.uint8)


def _height_and_width(size):
    height, width = (size, size) if isinstance(size, int | np.integer) else size
    if height < 1 or width < 1:
        raise ValueError(f"a size must be at least 1x1, not {height}x{width}")
    return int(height), int(width)


def centre_crop(image: np.ndarray, size) -> np.ndarray:
    """The middle of an image [H, W, C]: `size` is a number (a square) or (height, width).

    Raises ValueError when the image is smaller than that.
    """
    height, width = _height_and_width(size)
    if image.shape[0] < height or image.shape[1] < width:
        raise ValueError(f"cannot crop {height}x{width} out of an image of {image.shape[0]}x{image.shape[1]}")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an image [H, W, C]."""
    return centre_crop(image, min(image.shape[:2]))


def resize(image: np.ndarray, size) -> np.ndarray:
    """A uint8 image [H, W, C] at another size: a number (a square) or (height, width).

    An axis that shrinks is averaged over the exact area of each new pixel (what OpenCV calls INTER_AREA),
    so that every source pixel counts, by as much of it as the new pixel covers. Pillow's BOX takes pixels
    wholly or not at all, which is uneven at the usual ratios of 2 or 3; LANCZOS rings at hard edges.
    The sums are of integers: the same pixels on any machine. An axis that grows is interpolated (bicubic).
    """
    height, width = _height_and_width(size)
    old_height, old_width = image.shape[:2]
    if height < old_height or width < old_width:
        image = _average_areas(image, min(height, old_height), min(width, old_width))
    if image.shape[:2] != (height, width):
        gray = image.shape[2] == 1
        enlarged = Image.fromarray(image[:, :, 0] if gray else image).resize((width, height), Image.BICUBIC)
        image = np.asarray(enlarged).reshape(height, width, image.shape[2])
    return np.ascontiguousarray(image)


def _average_areas(image, height, width):
    total = image.shape[0] * image.shape[1]
    sums = _sum_areas(image, height, np.int32)
    sums = _sum_areas(np.ascontiguousarray(sums.swapaxes(0, 1)), width, np.int64).swapaxes(0, 1)
    return ((2 * sums + total) // (2 * total)).astype(np.uint8)


def _sum_areas(values, count, dtype):
    """Divide the first axis into `count` equal parts and sum each, in units of 1/count of a row."""
    length = values.shape[0]
    edges = np.arange(count + 1, dtype=np.int64) * length
    sums = np.zeros((count, *values.shape[1:]), dtype)
    for tap in range(-(-length // count) + 1):  # a part overlaps at most this many rows
        row = edges[:-1] // count + tap
        weight = np.minimum(edges[1:], (row + 1) * count) - np.maximum(edges[:-1], row * count)
        weight = np.maximum(weight, 0).astype(dtype).reshape(-1, *[1] * (values.ndim - 1))
        sums += values[np.minimum(row, length - 1)] * weight
    return sums
