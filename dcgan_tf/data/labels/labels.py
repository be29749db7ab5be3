"""What images are labelled with: classes, of which each image has one, or attributes, of which it has any number.

A network is told labels as float32 [N, K], a row for each image: one-hot for classes, multi-hot for attributes.
TensorFlow is not imported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dcgan_tf.system.errors import UserError, nearest


@dataclass(frozen=True)
class Labels:
    """The labels of some images, and what they are called.

    rows: whole numbers [N], the class of each image; or uint8 [N, K] of 0 and 1, its attributes.
    names: of the K classes or attributes, in order.
    """

    rows: np.ndarray
    names: tuple[str, ...]

    @property
    def are_classes(self) -> bool:
        return self.rows.ndim == 1

    @property
    def what(self) -> str:
        return "class" if self.are_classes else "attribute"

    def __len__(self):
        return len(self.names)

    def told(self, rows=None) -> np.ndarray:
        """These rows (none given: all) as a network is told them: float32 [N, K] of 0 and 1."""
        rows = self.rows if rows is None else np.asarray(rows)
        if self.are_classes:
            return (rows[:, None] == np.arange(len(self))).astype(np.float32)
        return (rows > 0).astype(np.float32)

    @cached_property
    def shares(self) -> np.ndarray:
        """How frequent each class or attribute is, float64 [K] from 0 to 1."""
        if self.are_classes:
            return np.bincount(self.rows.astype(np.int64), minlength=len(self)) / len(self.rows)
        return (self.rows > 0).mean(axis=0)

    @cached_property
    def seen(self) -> list[int]:
        """The numbers of those that at least one image has."""
        return np.flatnonzero(self.shares > 0).tolist()

    @property
    def spoken(self) -> list[str]:
        """The names as people read them."""
        return [name.replace("_", " ") for name in self.names]

    def described(self, most: int = 10) -> str:
        """For people: '3 classes: cat (25%), dog (50%), owl (25%)'; at most so many are named."""
        shown = ", ".join(f"{self.names[i]} ({self.shares[i]:.0%})" for i in self.seen[:most])
        return f"{len(self.seen)} {self._plural}: {shown}" + (", ..." if len(self.seen) > most else "")

    def in_words(self, told) -> str:
        """What labels float32 [K] of one image say: "class 7", "with Hat, Beard", "with none of the attributes"."""
        names = [self.spoken[number] for number in np.flatnonzero(np.asarray(told) > 0)]
        if self.are_classes:
            return f"class {', '.join(names)}"
        return f"with {', '.join(names)}" if names else "with none of the attributes"

    @cached_property
    def by_name(self) -> dict[str, int]:
        """The number of each by its name in small letters."""
        return {name.casefold(): number for number, name in enumerate(self.names)}

    def number(self, one) -> int:
        """The number of a class or attribute, given by name or number, that at least one image has.

        Raises UserError, naming the nearest, for another.
        """
        text = str(one).strip()
        number = self.by_name.get(text.casefold(), int(text) if text.isdecimal() and int(text) < len(self) else None)
        if number in self.seen:
            return number
        names = [self.names[i] for i in self.seen]
        if number is None:
            raise UserError(f"there is no {self.what} {text!r}.{nearest(text, names)} {self._known(names)}")
        raise UserError(
            f"no image of the training had the {self.what} {text!r}, so it was not learned. {self._known(names)}"
        )

    @property
    def _plural(self):
        return "classes" if self.are_classes else "attributes"

    def _known(self, names):
        return f"The {self._plural} are {', '.join(names)}"


def as_list(names) -> list:
    """Classes or attributes that were asked for: "Eyeglasses,Smiling" as a list; several as they are; one as one."""
    if isinstance(names, str):
        return [text.strip() for text in names.split(",") if text.strip()]
    return list(names) if isinstance(names, Iterable) else [names]


def labels_of(dataset) -> Labels | None:
    """The labels of a Dataset, named by their numbers where it has no names; None where it has no labels."""
    if dataset.labels is None:
        return None
    rows = dataset.labels
    count = int(rows.max()) + 1 if rows.ndim == 1 else rows.shape[1]
    return Labels(rows, dataset.label_names or tuple(map(str, range(count))))
