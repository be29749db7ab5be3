"""Near-duplicates: pictures that are others once more, recompressed or resized.

They are found by a difference hash of 256 bits: on a raster of 16x16, which areas are clearly brighter than their left
neighbour. It is computed here, since a package for it would bring SciPy and wavelets for these few lines, and the
usual hash of 64 bits lets areas of one colour flip with every noise, of which drawings are full. Photographs of
different people are 50 bits apart and more, the same one recompressed or resized at most 10 or so. Faces put together
from few parts, such as the avatars, truly are that alike. TensorFlow is not imported.
"""

from collections.abc import Iterator

import numpy as np

from dcgan_tf.data.images import resize

RASTER = 16
CLEARLY = 18  # brighter by so much, red, green and blue together
MAX_BITS = 10  # of 256: pictures that differ in no more are taken for the same one


def thumbnail(image: np.ndarray) -> np.ndarray:
    """What the hash is made of: a uint8 image [H, W, C] averaged to uint8 [16, 17, C]."""
    return resize(image, (RASTER, RASTER + 1))


def difference_hash(image: np.ndarray) -> int:
    """256 bits of a uint8 image [H, W, 1 or 3], or of its thumbnail, that recompressing and resizing hardly change.

    The picture is averaged to 16x17 areas; each bit says whether an area is clearly brighter than its left
    neighbour (Krawetz, "Kind of like that", 2013, where any difference counts).
    """
    small = thumbnail(image).astype(np.int32).sum(axis=2) * (3 // image.shape[2])
    return int.from_bytes(np.packbits(small[:, 1:] - small[:, :-1] > CLEARLY).tobytes(), "big")


def near_duplicates(rows, bits: int = MAX_BITS) -> dict[int, str]:
    """Of rows of index.csv, those kept that are nearly a picture before them: {index: reason}.

    A picture that is one itself is no reason to drop another.
    """
    kept = [(index, row["source"], int(row["hash"], 16)) for index, row in enumerate(rows) if row["kept"]]
    like = {}  # of each picture: (bits apart, the one before it)
    for firsts, seconds, apart in similar_pairs([value for _, _, value in kept], bits):
        for first, second, distance in zip(firsts.tolist(), seconds.tolist(), apart.tolist(), strict=True):
            like.setdefault(second, []).append((distance, first))
    dropped = {}
    for place in sorted(like):
        distance, same = min((one for one in like[place] if kept[one[1]][0] not in dropped), default=(None, None))
        if same is not None:
            dropped[kept[place][0]] = f"near-duplicate: of {kept[same][1]}, {distance} of 256 bits apart"
    return dropped


def similar_pairs(hashes: list[int], bits: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs of hashes that differ in at most `bits` bits, each once: (the first's place, the second's, how many).

    Two such hashes agree wholly in one of bits + 1 parts, so only those that share a part are compared: sorted by it,
    with the next, the one after that, and so on. Each part has its share of the bits that tell most, else all
    pictures with an even edge would share one. Of 6,000 avatars a thirtieth of all pairs is compared.
    """
    if len(hashes) < 2:
        return
    packed = np.frombuffer(b"".join(value.to_bytes(RASTER * RASTER // 8, "big") for value in hashes), np.uint8)
    packed = packed.reshape(len(hashes), -1)
    unpacked = np.unpackbits(packed, axis=1)
    telling = np.argsort(np.abs(unpacked.mean(axis=0) - 0.5), kind="stable")
    parts = [np.packbits(unpacked[:, telling[part :: bits + 1]], axis=1) for part in range(bits + 1)]
    # A number for each content; of 32 bits, since it is gathered again and again.
    parts = [np.unique(part, axis=0, return_inverse=True)[1].ravel().astype(np.int32) for part in parts]
    words = packed.view(np.uint64)
    for number, part in enumerate(parts):
        order = np.argsort(part, kind="stable")
        places, step = np.arange(len(order) - 1), 1
        while len(places := places[places + step < len(order)]):
            places = places[part[order[places]] == part[order[places + step]]]
            first, second = order[places], order[places + step]
            apart = _bits_set(words.take(first, axis=0) ^ words.take(second, axis=0))
            near = np.flatnonzero(apart <= bits)
            first, second, apart = first[near], second[near], apart[near]
            new = np.ones(len(near), bool)
            for earlier in parts[:number]:  # those that share that one, too, were found there
                new &= earlier[first] != earlier[second]
            if new.any():
                yield first[new], second[new], apart[new]
            step += 1


def _bits_set(words):
    """How many bits are 1 in each row of uint64 [N, 4]."""
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(words).sum(axis=1, dtype=int)
    return np.unpackbits(words.view(np.uint8), axis=1).sum(axis=1, dtype=int)  # NumPy 1
