"""Faces that are turned away, planted: what a filter for complete faces is to find, where no photographs are at hand.

Cartoon faces look straight ahead, and a Haar cascade knows none of them. So half of the pictures are moved sideways out
of their frame, as faces in profile lose a half, and a detector is played: it is the surer the less is missing, and it
errs. This is no face detection; it asks what leaving pictures out does to a GAN, and nothing else.
"""

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import labels_of
from dcgan_tf.system.errors import UserError

TOLD = ("Complete", "Turned_Left", "Turned_Right")  # the attributes that the images get
_FURTHEST = 0.5  # of the width
_ERRS = 0.15  # standard deviation of how sure the detector is
_UNHURT = 0.05  # what may be missing of a face that counts as complete


def turned_away(data: Dataset, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    """Images of which half lost up to half of their width, and how sure the detector is of each.

    data: with attributes as labels, such as avatars; classes are left out. The rest of a moved picture repeats its last
    column. The images get the attributes TOLD beside theirs. Sureness: float [N], about 1 for a whole face and about 0
    for a half one.
    """
    chance = np.random.default_rng([seed, 20])
    moved = np.where(chance.random(len(data)) < 0.5, chance.uniform(0, _FURTHEST, len(data)), 0.0)
    sides, noise = chance.integers(2, size=len(data)), chance.normal(0, _ERRS, len(data))
    images = np.array(data.images[: len(data)])
    width = images.shape[2]
    for index, (share, side) in enumerate(zip(moved, sides, strict=True)):
        pixels = round(share * width)
        columns = np.clip(np.arange(width) + (pixels if side else -pixels), 0, width - 1)
        images[index] = images[index][:, columns]
    has_attributes = data.labels is not None and not labels_of(data).are_classes
    known, names = ([data.labels], labels_of(data).names) if has_attributes else ([], ())
    whole = moved <= _UNHURT
    labels = np.column_stack([*known, whole, ~whole & (sides == 1), ~whole & (sides == 0)]).astype(np.uint8)
    changes = {"name": f"{data.name}, turned", "images": images, "labels": labels, "label_names": (*names, *TOLD)}
    everything = data.changed(**changes)
    return everything, 1 - moved / _FURTHEST + noise


def through_filter(everything: Dataset, sureness: np.ndarray, threshold: float) -> Dataset:
    """Those the detector is at least so sure of: with 0 nearly all, with 0.9 half of the complete and few others.

    threshold: what one_run.ipynb calls filter_above. Raises UserError where it is so sure of none.
    """
    kept = np.flatnonzero(sureness >= threshold)
    if not len(kept):
        raise UserError(
            f"filter_above={threshold:g} drops all {len(sureness):,} images: the detector is at most "
            f"{sureness.max():.2f} sure, give less"
        )
    images, labels = np.asarray(everything.images[kept]), everything.labels[kept]
    return everything.changed(name=f"{everything.name}, sureness {threshold:g}", images=images, labels=labels)
