"""What images are labelled with: classes, of which each image has one, or attributes, of which it has any number.

A network is told labels as float32 [N, K], a row for each image: one-hot for classes, multi-hot for attributes.
TensorFlow is not imported.
"""

from dataclasses import dataclass

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

    def shares(self) -> np.ndarray:
        """How frequent each class or attribute is, float64 [K] from 0 to 1."""
        return self.told().mean(axis=0, dtype=np.float64)

    def seen(self) -> list[int]:
        """The numbers of those that at least one image has."""
        return np.flatnonzero(self.shares() > 0).tolist()

    def described(self, most: int = 10) -> str:
        """For people: '3 classes: cat (25%), dog (50%), owl (25%)'; at most so many are named."""
        shares, seen = self.shares(), self.seen()
        shown = ", ".join(f"{self.names[i]} ({shares[i]:.0%})" for i in seen[:most])
        return f"{len(seen)} {self._plural}: {shown}" + (", ..." if len(seen) > most else "")

    def in_words(self, told) -> str:
        """What labels float32 [K] of one image say: "class 7", "with Hat, Beard", "with none of the attributes"."""
        names = [self.names[number].replace("_", " ") for number in np.flatnonzero(np.asarray(told) > 0)]
        if self.are_classes:
            return f"class {', '.join(names)}"
        return f"with {', '.join(names)}" if names else "with none of the attributes"

    def number(self, one) -> int:
        """The number of a class or attribute, given by name or number, that at least one image has.

        Raises UserError, naming the nearest, for another.
        """
        by_name, seen, text = {name.casefold(): i for i, name in enumerate(self.names)}, self.seen(), str(one).strip()
        number = by_name.get(text.casefold(), int(text) if text.isdecimal() and int(text) < len(self) else None)
        names = [self.names[i] for i in seen]
        if number is None:
            raise UserError(f"there is no {self.what} {text!r}.{nearest(text, names)} {self._known(names)}")
        if number not in seen:
            raise UserError(
                f"no image of the training had the {self.what} {text!r}, so it was not learned. {self._known(names)}"
            )
        return number

    @property
    def _plural(self):
        return "classes" if self.are_classes else "attributes"

    def _known(self, names):
        return f"The {self._plural} are {', '.join(names)}"


def labels_of(dataset) -> Labels | None:
    """The labels of a Dataset, named by their numbers where it has no names; None where it has no labels."""
    if dataset.labels is None:
        return None
    rows = dataset.labels
    count = int(rows.max()) + 1 if rows.ndim == 1 else rows.shape[1]
    return Labels(rows, dataset.label_names or tuple(map(str, range(count))))
