"""Random pictures as a source for prepare(), in a module of their own so that worker processes can import it."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.data.preparing import Result


class Noise:
    """A source of random pictures: picture i follows from i alone (see dcgan_tf/sources.py)."""

    ignored = 0
    description = "random pictures"

    def __init__(self, count):
        self.names, self.fingerprint = [f"{i:06d}" for i in range(count)], f"noise {count}"

    def read(self, index):
        return np.random.default_rng(index).integers(0, 256, (64, 64, 3), np.uint8)


def as_it_is(picture):
    return Result(picture)
