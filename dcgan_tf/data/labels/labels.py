"""What images are labelled with: classes, of which each image has one, or attributes, of which it has any number.

A network is told labels as float32 [N, K], a row for each image: one-hot for classes, multi-hot for attributes.
TensorFlow is not imported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dcgan_tf.data.labels.label_files import as_text
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.saying import counted


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
        return f"{counted(len(self.seen), self.what)}: {shown}" + (", ..." if len(self.seen) > most else "")

    def in_words(self, told) -> str:
        """What labels float32 [K] of one image say: "class 7", "with Hat, Beard", "with none of the attributes"."""
        names = [self.spoken[number] for number in np.flatnonzero(np.asarray(told) > 0)]
        if self.are_classes:
            return f"class {', '.join(names)}"
        return f"with {', '.join(names)}" if names else "with none of the attributes"

    def number(self, one) -> int:
        """The number of a class or attribute, given by name or number, that at least one image has.

        Raises UserError, naming the nearest, for another, and where two may be meant.
        """
        text, number = str(one).strip(), number_of(one, self.names, range(len(self)))
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


def number_of(one, names, places=()) -> int | None:
    """The number of the class or attribute that is meant, of these names in order; None where there is none.

    A name may be given in other capitals, without the spaces around it, a whole number without zeros in front; as it is
    written (é as one character or two) it goes before those. Else a number is one of `places`, unless all names are
    whole numbers themselves: there it would be another name's.

    Raises UserError where two names are meant alike.
    """
    numbers = {as_text(name): number for number, name in enumerate(names)}
    for text in (as_text(str(one)), as_text(str(one).strip())):  # a folder's name may end with a space
        if text in numbers:
            return numbers[text]
    alike = [name for name in numbers if _folded(name) == _folded(text)]
    if len(alike) > 1:
        raise UserError(f"{text!r} may be {' or '.join(map(repr, alike))}: write it as the one that is meant")
    if alike:
        return numbers[alike[0]]
    are_numbers = numbers and all(name.lstrip("+-").isdecimal() for name in numbers)
    return int(text) if text.isdecimal() and not are_numbers and int(text) in places else None


def _folded(name):
    name = name.strip()
    return str(int(name)) if name.isdecimal() else name.casefold()


def as_list(names, known=()) -> list:
    """Names that were asked for: "Eyeglasses,Smiling" as a list; several as they are; one as one; None as none.

    known: names that there are: a text that is one of them, commas, spaces and all, is that one.
    """
    if names is None:
        return []
    if isinstance(names, str) and number_of(names, known) is not None:
        return [names]
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
