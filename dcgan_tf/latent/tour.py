"""All there is to show of a run's latent space, each by its name: what `explore` writes and a notebook can show."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import as_list
from dcgan_tf.evaluation.evaluate import training_data
from dcgan_tf.evaluation.features import can_classify, feature_network
from dcgan_tf.latent import labels as label_views
from dcgan_tf.latent import views
from dcgan_tf.latent.choices import Choices, NotHere
from dcgan_tf.latent.directions import (
    Attributes,
    Directions,
    attribute_directions,
    attribute_scores,
    first_layer_directions,
    jacobian_directions,
    telling_terms,
)
from dcgan_tf.latent.projection import project, read_image
from dcgan_tf.latent.space import LatentSpace, open_space
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError

AVERAGE_MEANS = (-1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8)  # the row of the `sapienza` report
SWEEP_MEANS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_SHOWN = 6  # attributes in a film
MOST_STEPS = {"plane": 9, "directions": 7, "first_layer": 7, "attributes": 7}  # more images would not fit in a row
OF_LABELS = ("labels", "between")  # those of VIEWS that are of conditional runs alone


@dataclass(frozen=True)
class Exploration:
    """A run that is being looked at: what several sheets need, made once and only when one does."""

    run: Run
    choices: Choices = field(default_factory=Choices)
    say: Callable = print

    @cached_property
    def space(self) -> LatentSpace:
        asked = self.choices
        return open_space(self.run.path, asked.best, asked.of_class, asked.having, asked.without)

    @cached_property
    def _data_or_why_not(self) -> Dataset | str:
        dataset = self.choices.dataset
        try:
            return training_data(self.run, dataset)
        except UserError as error:
            if dataset is not None:
                raise
            return str(error)

    @property
    def data(self) -> Dataset:
        """What the run was trained on. Raises NotHere when it has gone, UserError when `dataset` is something else."""
        if isinstance(self._data_or_why_not, str):
            raise NotHere(self._data_or_why_not)
        return self._data_or_why_not

    @property
    def labelled_data(self) -> Dataset:
        """The data that a classifier is to be trained on. Raises NotHere when none was wanted, or can be."""
        if not self.choices.classifier:
            raise NotHere("it needs a classifier of the labels, and none was wanted")
        if not can_classify(self.data):
            raise NotHere(f"dataset {self.data.name!r} has no labels that tell its images apart")
        return self.data

    @cached_property
    def attributes(self) -> Attributes:
        return attribute_directions(self.space, self.classifier)

    @cached_property
    def classifier(self):
        return feature_network("classifier", self.labelled_data, say=self.say)

    @cached_property
    def principal(self) -> Directions:
        return jacobian_directions(self.space, self.space.random(8, seed=0))

    def some(self, count: int) -> tuple:
        """Of the choices' seeds."""
        return self.choices.some(count)

    @property
    def amounts(self) -> np.ndarray:
        """How far a strip goes along a direction, in standard deviations; in the middle of it is 0."""
        return np.linspace(-4.5, 4.5, min(self.choices.steps, MOST_STEPS["directions"]) | 1)


# --- what there is: each gives (file name without its ending, a Picture, frames, or an array) ---------------


def _samples(look):
    yield "samples", views.samples(look.space, sorted({*range(60), *(s for s in look.choices.seeds if type(s) is int)}))


def _labels(look):
    for number, made in enumerate(label_views.label_sheets(look.space, _for_labels(look)), 1):
        yield "labels" if number == 1 else f"labels_{number}", made


def _between(look):
    seeds, labels = _for_labels(look), look.space.labels
    asked = [name for names in (look.choices.having, look.choices.without) for name in as_list(names, labels.names)]
    numbers = [labels.number(name) for name in asked]
    yield "between", label_views.between_labels(look.space, seeds, numbers, look.choices.steps)


def _for_labels(look):
    """The seeds for sheets of labels, where the labels differ."""
    if reason := label_views.nothing_to_compare(look.space.labels):
        raise NotHere(reason)
    return look.some(1) + look.choices.seeds[1:6]


def _spreads(look):
    yield "spreads", views.spreads(look.space, look.choices.means or SWEEP_MEANS, look.choices.stds)


def _average(look):
    yield "average", views.averages(look.space, look.choices.means or AVERAGE_MEANS, look.choices.count)


def _interpolation(look):
    yield "interpolation", views.interpolation(look.space, look.some(2) + look.choices.seeds[2:4], look.choices.steps)
    yield "interpolation", views.interpolation_film(look.space, look.choices.seeds[:4])


def _plane(look):
    yield "plane", views.plane(look.space, look.some(3), min(look.choices.steps, MOST_STEPS["plane"]))
    yield "plane", views.plane_film(look.space, look.some(3))


def _truncation(look):
    yield "truncation", views.truncation(look.space, look.choices.seeds[:10])


def _arithmetic(look):
    terms, note = look.choices.arithmetic, ""
    if terms is None:
        terms, note = _arithmetic_that_tells(look)
    yield "arithmetic", views.arithmetic(look.space, terms, note)
    yield "arithmetic_latent", views.add_up(look.space, terms)


def _arithmetic_that_tells(look):
    """Terms whose result can be foretold, with what the classifier says of it; without attributes, any terms."""
    try:
        terms = telling_terms(look.attributes)
    except NotHere:
        terms = None
    if terms is None:
        terms = [(1, (0, 1, 2), ""), (-1, (3, 4, 5), ""), (1, (6, 7, 8), "")]
        return terms, "The first samples there are: choose meaningful ones by their seeds (--arithmetic)."
    result = views.add_up(look.space, terms)
    scores = attribute_scores(look.space, look.classifier, result[None])[0]
    wanted = terms[0][2].split(", ")
    seen = [f"{name} {1 / (1 + math.exp(-scores[look.attributes.names.index(name)])):.0%}" for name in wanted]
    return terms, f"Expected: {wanted[0]}, no {wanted[1]}. The classifier sees in the result: {', '.join(seen)}."


def _directions(look):
    found, count = look.principal, min(6, look.space.dim)
    names = [f"direction {number + 1}" for number in range(look.space.dim)]
    note = "Right singular vectors of the generator's Jacobian, the mean over 8 samples. Steps in standard deviations."
    yield "directions", views.strips(look.space, found.vectors[:count], names[:count], look.some(2), look.amounts,
                                     "The directions that change the images most", note)  # fmt: skip
    title = look.space.titled("How much each direction changes the images")
    yield "directions_strength", views.bars(found, names, title, "change per standard deviation (images in [-1, 1])")
    yield "directions", views.strips_film(look.space, found.vectors[:count], names[:count], look.choices.seeds[0], 3)


def _first_layer(look):
    found, count = _of_first_layer(look), min(6, look.space.dim)
    names = [f"direction {number + 1}" for number in range(count)]
    yield "first_layer", views.strips(
        look.space, found.vectors[:count], names, look.some(2), look.amounts,
        "The directions that the first layer passes on most strongly",
        "Singular vectors of the first layer's weights; no image was needed to find them.",
    )  # fmt: skip


def _of_first_layer(look):
    found = first_layer_directions(look.space)
    if found is None:
        raise NotHere("the generator does not begin with a dense layer")
    return found


def _attributes(look):
    found = look.attributes
    shown = found.shown()
    if not shown:
        raise NotHere("the classifier sees the same in all samples")
    what = "class" if found.exclusive else "attribute"
    seed = look.choices.seeds[0] if look.choices.seeds != Choices.seeds else found.plainest(1)[0]
    names = [found.names[place] for place in shown]
    explained = Directions(found.directions.vectors[shown], found.directions.values[shown])
    labels = [f"{name}\nR² {value:.2f}" for name, value in zip(names, explained.values, strict=True)]
    held = np.stack([found.held(place, shown) for place in shown])
    title = f"{'Classes' if found.exclusive else 'Attributes'}, each along its direction, from {views.named(seed)}"
    how = f"A classifier's scores of {len(found.scores):,} samples, regressed on their latents; R² on held-out ones."
    yield "attributes", views.strips(look.space, explained.vectors, labels, [seed], look.amounts, title, how)
    if not found.exclusive:
        title, how = (
            f"{title}, {found.how_held(shown)}",
            "What a direction shares with those of other attributes was taken away.",
        )
        yield "attributes_held", views.strips(look.space, held, labels, [seed], look.amounts, title, how)
    most = len(names) if found.exclusive else _SHOWN
    yield "attributes", views.strips_film(look.space, held[:most], names[:most], seed, 4)
    title = look.space.titled(f"How well each {what} follows a straight direction")
    label = "R² on held-out samples"
    yield "attributes_explained", views.bars(explained, names, title, label, len(names))


def _neighbours(look):
    yield "neighbours", views.neighbours(look.space, look.choices.seeds, look.data)


def _epochs(look):
    kept, places = _kept(look)
    yield "epochs", views.epochs(kept, places, look.choices.steps, look.run.labels)
    yield "epochs", views.epochs_film(kept, places)


def _kept(look):
    """The files of samples that the training kept, and the places that are followed in them."""
    kept = look.run.samples()
    if not kept:
        raise NotHere("the training kept no samples: train with --keep-samples")
    with np.load(kept[0], allow_pickle=False) as stored:
        count = len(stored["images"])
    places = look.choices.places
    if wrong := [place for place in places if place >= count]:
        if places != Choices.places:
            raise UserError(
                f"places={wrong[0]} is not among the {count} images kept: give numbers from 0 to {count - 1}"
            )
        places = tuple(range(count))
    return kept, places


def _projection(look):
    photos = [(Path(photo).stem, read_image(photo, look.space)) for photo in look.choices.project]
    if not photos:
        photos = [("training image", look.data.images[len(look.data) // 2])]
    stems = []
    for name, target in photos:
        found = project(look.space, target)
        stems.append(_new_name(f"projection_{_file_name(name)}", stems))
        stem = stems[-1]
        yield stem, views.projection(found, target, look.space, name)
        yield stem, views.projection_film(found, target, look.space, name)
        yield f"{stem}_latent", found.latents[0]


VIEWS = {
    "samples": (_samples, "Samples by their seed, to choose from."),
    "labels": (_labels, "The same latents as every class, or with each attribute off and on."),
    "between": (_between, "The same latents while their labels go from one to another."),
    "spreads": (_spreads, "The same latents with other means and standard deviations."),
    "average": (_average, "Average images at mean points."),
    "interpolation": (_interpolation, "From sample to sample, the straight way and the round way."),
    "plane": (_plane, "The plane through three samples."),
    "truncation": (_truncation, "Latents kept nearer and nearer to the middle."),
    "arithmetic": (_arithmetic, "Sums and differences of mean latents."),
    "directions": (_directions, "The directions that change the images most."),
    "first_layer": (_first_layer, "The directions that the generator's first layer passes on most strongly."),
    "attributes": (_attributes, "What a classifier sees, as directions."),
    "neighbours": (_neighbours, "Samples with the training images nearest to them."),
    "projection": (_projection, "The latent that comes closest to a given image."),
    "epochs": (_epochs, "Chosen samples while the generator learned."),
}

NEEDS = {  # what raises NotHere, or a mistake's UserError, where that view cannot be shown; nothing is drawn for it
    "labels": _for_labels,
    "between": _for_labels,
    "interpolation": lambda look: look.some(2),
    "plane": lambda look: look.some(3),
    "directions": lambda look: look.some(2),
    "first_layer": lambda look: (look.some(2), _of_first_layer(look)),
    "attributes": lambda look: look.labelled_data,
    "neighbours": lambda look: look.data,
    "projection": lambda look: look.choices.project or look.data,
    "epochs": _kept,
}


def _file_name(text):
    return "".join(c if c.isalnum() or c in "-." else "_" for c in text)[:60]


def _new_name(wanted, taken):
    """`wanted`, or with a number where a file of that name is written already: a/me.png and b/me.png are two."""
    taken = {name.casefold() for name in taken}  # on some disks Me and me are one file
    numbered = (f"{wanted}_{number}" for number in itertools.count(2))
    return next(name for name in (wanted, *itertools.islice(numbered, len(taken))) if name.casefold() not in taken)
