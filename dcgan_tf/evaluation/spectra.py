"""Patterns of two and four pixels, which a generator's strides leave behind, seen in the spectrum."""

import numpy as np


def checkerboard(images: np.ndarray) -> float:
    """How far the power at periods of two and four pixels stands out of its neighbourhood in the spectrum.

    images: uint8 [N, H, W, C] with even H and W of at least 16. About 1 for images without such a pattern: the mean
    power of the lines whose horizontal, or vertical, frequency is exactly that of the period, over that of the lines
    one and two steps beside them. A layer that doubles the size repeats its weights every two pixels, and the doubling
    before it every four, all over the image: what they leave lies on just these lines (Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts"; Durall et al. 2020, arXiv:2003.01826).
    """
    brightness = images.astype(np.float32).mean(axis=-1)
    brightness -= brightness.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(brightness)) ** 2).mean(axis=0)
    return float(np.mean([_stands_out(power), _stands_out(power.T)]))


def _stands_out(power):
    """Of the rows of a spectrum [H, W] at periods of two and four; the image's own even parts, column 0, left out."""
    rows, found = power[:, 1:].mean(axis=1), []
    for period in (2, 4):
        row = len(rows) // period
        beside = [rows[(row + step) % len(rows)] for step in (-2, -1, 1, 2)]
        found.append(rows[row] / max(np.mean(beside), 1e-12))
    return np.mean(found)
