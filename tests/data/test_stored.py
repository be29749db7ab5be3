"""Images on disk that are used like an array."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from dcgan_tf.data.stored import StoredImages, value_range


@pytest.fixture
def stored(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 2), np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return StoredImages(tmp_path / "images.npy"), pixels


def test_stored_images_are_used_like_an_array(stored):
    images, pixels = stored
    assert (len(images), images.shape, images.dtype, images.ndim) == (50, pixels.shape, np.uint8, 4)
    for key in (
        *(0, -1, np.int64(7), slice(None), slice(3, 9), slice(9, 3), slice(None, None, -7), slice(45, 99)),
        *([5, 5, -2, 0], np.array([3]), [], np.arange(50) % 3 == 0, np.random.default_rng(1).permutation(50)),
    ):
        wanted = pixels[np.asarray(key, int) if isinstance(key, list) else key]
        assert np.array_equal(images[key], wanted)
        assert images[key].flags.writeable
    assert np.array_equal(np.asarray(images), pixels)
    assert np.array_equal(np.stack(list(images)), pixels)
    for key in (50, -51, [3, 50], np.ones(49, bool)):
        with pytest.raises(IndexError):
            images[key]


def test_a_selection_stays_on_disk_and_can_be_sent_to_another_process(stored):
    images, pixels = stored
    chosen = images.select([30, 2, 40]).select([2, 0])
    assert chosen.shape == (2, 3, 4, 2)
    for one in (chosen, pickle.loads(pickle.dumps(chosen))):
        assert np.array_equal(one[:], pixels[[40, 30]])
        assert np.array_equal(one[1], pixels[30])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads its own memory the Linux way")
def test_reading_everything_holds_little_memory(tmp_path):
    """Of a file of 600 MB (a sparse one), in random order, in a process of its own."""
    with open(tmp_path / "images.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (50_000, 64, 64, 3)}
        )
        file.truncate(file.tell() + 50_000 * 64 * 64 * 3)
    code = (
        "import sys, numpy as np\n"
        "from dcgan_tf.data.stored import StoredImages\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "images = StoredImages(sys.argv[1])\n"
        "order, most = np.random.default_rng(0).permutation(len(images)), 0\n"
        "images[order[:500]]; before = resident()\n"
        "for first in range(0, len(images), 500):\n"
        "    images[order[first : first + 500]]\n"
        "    most = max(most, resident())\n"
        "print(most - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "images.npy"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 20_000_000


def test_readers_do_not_take_each_others_place(stored, monkeypatch):
    """Where there is no positional read, two threads share the place that a descriptor is at."""
    images, pixels = stored
    monkeypatch.delattr(os, "preadv", raising=False)
    wrong = []

    def read(seed):
        rows = np.random.default_rng(seed).integers(0, 50, 3000)
        if not np.array_equal(images[rows], pixels[rows]):
            wrong.append(seed)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read, args=[seed]) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_the_range_of_values_passes_over_single_pixels(stored):
    images = np.full((10, 20, 20, 1), 100, np.uint8)
    images[:, :10] = 130
    images[0, 0, :2, 0] = 0, 255
    assert value_range(images) == (100, 130)
    assert value_range(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)) == (0, 255)
    assert value_range(stored[0])[1] > 245
