"""What bounds preparing and reading very many pictures, and what a prepared format in shards would change.

    python benchmarks/shards.py [--gigabytes 4] [--pictures 3000] [--output results/benchmarks]

Preparing: JPEG pictures are decoded, listed and put together by the project's own code, in one process. Reading: images
of 64x64 in one file of so many gigabytes, which is put out of the system's memory before each reading (where the
system can do that: Linux), row by row as a training does, and in blocks of neighbours. Shards are simulated on the same
file. What the disk below a virtual machine keeps in its own memory, nobody here can put out of it.
"""

import argparse
import io
import itertools
import json
import os
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from dcgan_tf.data.chunks import Chunks, write_images, write_index
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.folders import to_square
from dcgan_tf.data.sources import FolderSource
from dcgan_tf.data.stored import StoredImages, fingerprint_of

SIZE, ROW = 64, 64 * 64 * 3
SECONDS = 5  # of each reading


def measured(call) -> float:
    """Processor seconds of a call: what it takes on a core of its own."""
    start = time.process_time()
    call()
    return time.process_time() - start


# --- preparing ---------------------------------------------------------------------------------------------


def photographs(folder: Path, count: int):
    """JPEG files of 178x218 with shapes and a little grain, about 8 kB each, as cropped faces are."""
    draw = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (9, 7, 3), np.uint8)).resize((178, 218), Image.BICUBIC)
        picture = np.asarray(coarse, np.int16) + draw.integers(-6, 7, (218, 178, 1))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{number:07d}.jpg", quality=90)


def to_64(data):
    return to_square(data, SIZE, 3)


def preparing(folder: Path, count: int) -> dict:
    """Pictures per second and core of each part of preparing a folder."""
    pictures = folder / "pictures"
    pictures.mkdir()
    photographs(pictures, count)
    found = {"listed_per_second": count / measured(lambda: FolderSource(pictures))}
    tracemalloc.start()
    source = FolderSource(pictures)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    chunks = Chunks(folder / "partial", "0" * 64, source, to_64, 256)
    chunks.partial.mkdir()
    data = source.read(0)
    size = Image.open(io.BytesIO(data)).size
    found |= {"file_bytes": round(sum(path.stat().st_size for path in pictures.iterdir()) / count), "file_size": size}
    found |= {"names_bytes_each": held / count, "names_bytes_each_at_most": most / count}
    found["decoded_per_second"] = count / measured(lambda: chunks.complete(1, False))
    index = {}
    found["indexed_per_second"] = count / measured(
        lambda: index.update(kept=write_index(folder / "i", chunks, None)[0])
    )
    joined = measured(lambda: write_images(folder / "images.npy", chunks, index["kept"]))
    found["put_together_per_second"] = count / joined
    found["index_bytes_each"] = (folder / "i").stat().st_size / count
    images = StoredImages(folder / "images.npy")
    found["fingerprint_per_second"] = count / measured(lambda: fingerprint_of(images, None))
    return found


# --- the order of an epoch ---------------------------------------------------------------------------------


def orders(counts) -> dict:
    """Seconds and bytes that the order of an epoch takes, as Dataset.batches draws it."""
    found = {}
    for count in counts:
        start = time.perf_counter()
        order = np.random.default_rng([0, 0]).permutation(count)
        found[count] = {"seconds": time.perf_counter() - start, "bytes": order.nbytes}
        del order
    return found


# --- reading -----------------------------------------------------------------------------------------------


def write_rows(path: Path, count: int):
    """An images.npy of noise."""
    block = np.random.default_rng(0).integers(0, 256, (1000, ROW), np.uint8)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (count, SIZE, SIZE, 3)}
        )
        for first in range(0, count, 1000):
            file.write(block[: min(1000, count - first)])
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path):
    """Put a file out of the system's memory."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_blocks(images: StoredImages, block: int, order: np.ndarray) -> float:
    """Pictures per second when blocks of neighbours are read in this order, for SECONDS at most."""
    start, count = time.perf_counter(), 0
    for number in order:
        count += len(images[int(number) * block : (int(number) + 1) * block])
        if time.perf_counter() - start > SECONDS:
            break
    return count / (time.perf_counter() - start)


def row_by_row(images: StoredImages, batch: int = 128) -> float:
    """Pictures per second as a training gathers its batches: rows from all over the file."""
    rows = np.random.default_rng(1).permutation(len(images))
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS and count + batch <= len(rows):
        count += len(images[rows[count : count + batch]])
    return count / (time.perf_counter() - start)


def batches(images: StoredImages, batch: int = 128) -> float:
    """Pictures per second that Dataset.batches gives."""
    given = iter(Dataset("rows", images, fingerprint="x").batches(batch, seed=0))
    next(given)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        count += len(next(given))
    return count / (time.perf_counter() - start)


def reading(path: Path, count: int) -> dict:
    write_rows(path, count)
    images, found = StoredImages(path), {"gigabytes": count * ROW / 1e9}
    forget(path)
    found["rows from the disk"] = row_by_row(images)
    forget(path)
    found["batches() from the disk"] = batches(images)
    for block in (8, 64, 512, 8192):
        forget(path)
        order = np.random.default_rng(2).permutation(count // block)
        found[f"blocks of {block} from the disk"] = in_blocks(images, block, order)
    forget(path)
    found["one after another from the disk"] = in_blocks(images, 1000, np.arange(count // 1000))
    few = StoredImages(path, np.arange(min(count, 50_000)))
    few[:]
    found["rows from memory"] = row_by_row(few)
    found["batches() from memory"] = batches(few)
    return found


# --- how well shards are mixed -----------------------------------------------------------------------------


def mixing(shards: int = 200, rows: int = 1000, batch: int = 128) -> dict:
    """How uneven batches are when several shards are read at a time and shuffled together, by how many those are.

    The data have ten classes, one after another, and fill the shards in that order, or in a random one. The number is
    the standard deviation of a class's share in a batch, as a multiple of what independent draws have: 1 is ideal.
    """
    draw, found = np.random.default_rng(0), {}
    classes = np.repeat(np.arange(10), shards * rows // 10)
    filled = {"as they come": classes, "in a random order": draw.permutation(classes)}
    for (how, data), together in itertools.product(filled.items(), (1, 4, 16, 64, shards)):
        order, data = draw.permutation(shards), data.reshape(shards, rows)
        shares = []
        for first in range(0, shards - together + 1, together):
            mixed = draw.permutation(data[order[first : first + together]].ravel())
            whole = mixed[: len(mixed) // batch * batch].reshape(-1, batch)
            shares.append((whole[..., None] == np.arange(10)).mean(1))
        found[f"{how}, {together} at a time"] = np.concatenate(shares).std(0).mean() / np.sqrt(0.1 * 0.9 / batch)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--orders", default="1000000,10000000,100000000,200000000")
    parser.add_argument("--output", default="results/benchmarks")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="shards-") as folder:
        parts = {
            "preparing": lambda: preparing(Path(folder), options.pictures),
            "orders": lambda: orders(map(int, options.orders.split(","))),
            "reading": lambda: reading(Path(folder) / "rows.npy", int(options.gigabytes * 1e9 / ROW)),
            "mixing": mixing,
        }
        for name, part in parts.items():
            found[name] = part()
            print(json.dumps({name: found[name]}, indent=1), flush=True)
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "shards.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
