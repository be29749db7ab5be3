"""What the tests of data share: pictures made here, as files, as arrays and as sources; also for worker processes."""

import errno
import io
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_tf.data import images
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.preparing import Result, prepare


def encoded(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def noise(seed, height=40, width=30, channels=3):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


def folder_of_classes(path, classes, count, draw):
    """A subfolder for each of `classes`, with `count` PNGs of the pixels that draw(its value) gives, as uint8."""
    for name, value in classes.items():
        (path / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw(value).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")
    return path


class Rows:
    """Images in memory as the source of a prepared dataset."""

    description, ignored, fingerprint = "rows", 0, "1"

    def __init__(self, images):
        self.images, self.names = images, [str(row) for row in range(len(images))]

    def read(self, index):
        return self.images[index]


def prepared_from(path, images, **options):
    return prepare(path, Rows(images), Result, settings={}, workers=1, **options)


def take(batches, count):
    iterator = iter(batches)
    return [next(iterator).numpy() for _ in range(count)]


def decode_small(data, size=8):
    image = decode(data, 3)
    in_worker = os.environ.get("TEST_PROCESS", str(os.getpid())) != str(os.getpid())
    columns = {"tall": image.shape[0] > 12, "tensorflow": in_worker and "tensorflow" in sys.modules}
    return Result(images.resize(images.square(image), size), columns=columns)


class Drawn:
    """Pictures that are drawn, not read: the number is all there is."""

    description, ignored = "drawn", 0

    def __init__(self, count):
        self.names = [f"drawing {index}" for index in range(count)]
        self.fingerprint = str(count)

    def read(self, index):
        return index


def draw(index):
    if index % 7 == 3:
        return Result(None, "seventh: not wanted", {"value": index})
    pixels = np.random.default_rng(index).integers(0, 256, (4, 6, 1), np.uint8)
    return Result(pixels, columns={"value": index, "even": index % 2 == 0, "list": [index, np.float32(0.5)]})


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def picture(seed, height=16, width=12, kind="PNG"):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def break_the_disk(monkeypatch, writes):
    """Of the files that are written in one step, `writes` come through; then the disk is full."""
    left, replace = iter(range(writes)), os.replace

    def full(*paths):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(*paths)

    monkeypatch.setattr("dcgan_tf.system.files.os.replace", full)
