"""The latent space of a conditional generator: all that looks into it sees the labels that were asked for."""

from functools import partial

import keras
import numpy as np
import pytest
from commands import run_cli
from conditional_runs import ATTRIBUTES, CLASSES, DIM, conditional_run

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.latent import labels as sheets
from dcgan_tf.latent.directions import first_layer_directions, jacobian_directions
from dcgan_tf.latent.explore import explore, look_into
from dcgan_tf.latent.projection import project
from dcgan_tf.latent.space import LatentSpace, open_space
from dcgan_tf.latent.tour import VIEWS
from dcgan_tf.pictures.sheets import sheet
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    return conditional_run(tmp_path_factory.mktemp("runs") / "animals", CLASSES)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return conditional_run(tmp_path_factory.mktemp("runs") / "faces", ATTRIBUTES)


def linear(weights, embedding, latents_first=True):
    """A conditional generator of 4x4 images: tanh of (latents and embedded labels) @ weights, before which 0.01."""
    latents, labels = (keras.Input((size,), name=name) for size, name in ((2, "latents"), (2, "labels")))
    embed, dense = keras.layers.Dense(3, use_bias=False), keras.layers.Dense(16, use_bias=False)
    both = [latents, embed(labels)] if latents_first else [embed(labels), latents]
    images = keras.layers.Reshape((4, 4, 1))(dense(keras.layers.Concatenate()(both)))
    model = keras.Model([latents, labels], keras.layers.Activation("tanh")(images))
    embed.kernel.assign(embedding)
    dense.kernel.assign(weights)
    return model


def test_a_seed_is_the_sample_of_that_seed_and_class(animals, tmp_path):
    space = open_space(animals.path, of_class="eel")
    images = space.draw(space.of_seeds([4, 9]))
    np.testing.assert_array_equal(images[1], sample(animals.path, 1, seed=9, of_class="eel")[0])
    cat = open_space(animals.path)  # the first that occurs
    assert cat.told.tolist() == [1, 0, 0, 0] and np.abs(cat.draw(cat.of_seeds([9])) - images[1]).max() > 20
    other = cat.under([0, 0, 0, 1])
    np.testing.assert_array_equal(other.draw(other.of_seeds([4, 9])), images)
    assert other._samplers is cat._samplers  # compiled once
    each = cat.draw(cat.of_seeds([4, 9]), np.eye(4)[[3, 0]])
    np.testing.assert_array_equal(each[0], images[0])
    np.testing.assert_array_equal(cat.draw(np.zeros((2, 3, DIM)))[1, 2], cat.draw(np.zeros(DIM)))
    assert cat.titled("Samples") == "Samples (class cat)"


def test_attributes_are_asked_for_of_a_run_in_any_kind_of_list(faces):
    expected = sample(faces.path, 3, having="Hat,<b>Beard</b>", without="Eye_Glasses")
    for several in (np.array, iter):
        asked = {"having": several(["Hat", "<b>Beard</b>"]), "without": several(["Eye_Glasses"])}
        np.testing.assert_array_equal(sample(faces, 3, **asked), expected)
    np.testing.assert_array_equal(sample(faces, 3, having=None, without=np.array([])), sample(faces.path, 3))


def test_of_attributes_the_most_frequent_row_is_looked_at(faces):
    assert open_space(faces.path).told.tolist() == [1, 0, 1, 0]
    assert open_space(faces.path, without="Eye_Glasses").told.tolist() == [0, 1, 0, 0]
    assert open_space(faces.path, having=["hat", "<b>Beard</b>"], without=["Eye_Glasses"]).told.tolist() == [1, 1, 0, 0]
    never_together = open_space(faces.path, having="Eye_Glasses,<b>Beard</b>")
    assert never_together.told.tolist() == [1, 1, 1, 0]
    assert never_together.titled("Plane") == "Plane (with Hat, <b>Beard</b>, Eye Glasses)"
    assert open_space(faces.path, without="Hat,<b>Beard</b>").titled("A") == "A (with none of the attributes)"


def test_labels_are_never_left_out_silently(animals, faces, linear_space):
    for options, words in (({"of_class": "dgo"}, "no class 'dgo'"), ({"having": "Hat"}, "knows classes")):
        with pytest.raises(UserError, match=words):
            open_space(animals.path, **options)
    with pytest.raises(UserError, match="--with and --without both name 'Hat'"):
        open_space(faces.path, having="Hat", without="Hat")
    generator, plain = open_space(animals.path).generator, linear_space(np.eye(2, 16)).generator
    for given in (lambda: LatentSpace(generator), lambda: LatentSpace(plain, labels=CLASSES, told=np.eye(4)[0])):
        with pytest.raises(ValueError, match="labels and told belong to a conditional generator"):
            given()
    with pytest.raises(ValueError, match="one number for each of 4 labels"):
        open_space(animals.path).under([1, 0])


def test_labels_of_another_run_are_noticed(animals, tmp_path):
    other = conditional_run(tmp_path / "run", CLASSES)
    other.write_labels(type(CLASSES)(np.array([0, 1]), ("one", "two")))
    for ask in (open_space, lambda path: sample(path, 2)):
        with pytest.raises(UserError, match="takes 4 labels, and the run knows 2 of them"):
            ask(type(other)(other.path).path)


@pytest.mark.parametrize("latents_first", [True, False])
def test_directions_are_those_of_the_latents_alone(latents_first):
    random = np.random.default_rng(0)
    weights, embedding = 0.01 * np.eye(5, 16) * [[3.0], [1], [9], [9], [9]], random.standard_normal((2, 3))
    weights = weights if latents_first else np.roll(weights, 3, axis=0)
    space = LatentSpace(linear(weights, embedding, latents_first), labels=CLASSES, told=np.float32([0, 1]))
    for found in (jacobian_directions(space, np.zeros((2, 2))), first_layer_directions(space)):
        assert np.allclose(np.abs(found.vectors), np.eye(2), atol=1e-3) and found.values[0] > 2 * found.values[1]
    assert first_layer_directions(space).values == pytest.approx([0.03, 0.01])


def test_the_jacobian_is_taken_at_the_labels(animals):
    space = open_space(animals.path, of_class=3)
    point, step = space.random(1, 5), 1e-2
    found = jacobian_directions(space, point)
    for direction, value in zip(found.vectors[:2], found.values[:2], strict=True):
        ahead, behind = (
            space.generator([point + sign * step * direction, np.float32([[0, 0, 0, 1]])], training=False).numpy()
            for sign in (1, -1)
        )
        assert np.sqrt(np.square((ahead - behind) / (2 * step)).mean()) == pytest.approx(value, rel=0.05)
    assert len(first_layer_directions(space).values) == DIM


def test_projection_looks_among_images_with_the_labels(animals):
    space = open_space(animals.path, of_class="eel")
    target = space.draw(space.of_seeds([41]))[0]
    found = project(space, target, starts=3, steps=80)
    np.testing.assert_array_equal(found.images[0], space.draw(found.latents[:1])[0])
    assert found.errors[0] < project(open_space(animals.path), target, starts=3, steps=20).errors[0]


def texts(picture):
    return [text.get_text() for text in picture.texts]


def cells(monkeypatch):
    """What the next sheets are made of: a list of their arrays of images."""
    seen = []
    monkeypatch.setattr(sheets, "sheet", lambda cells, **rest: seen.append(cells) or sheet(cells, **rest))
    return seen


def test_the_sheet_of_classes_has_a_column_for_each_that_occurs(animals, monkeypatch):
    space, drawn = open_space(animals.path), cells(monkeypatch)
    (picture,) = sheets.label_sheets(space, (3, 5))
    assert drawn[0].shape == (2, 3, 16, 16, 3)
    for column, name in enumerate(("cat", "<owl> & 'co'", "eel")):
        assert name in texts(picture)
        np.testing.assert_array_equal(drawn[0][1][column], sample(animals.path, 1, seed=5, of_class=name)[0])
    assert {"seed 3", "seed 5"} < set(texts(picture))


def test_attributes_are_switched_off_and_on_one_by_one(faces, monkeypatch):
    space, drawn = open_space(faces.path), cells(monkeypatch)
    (picture,) = sheets.label_sheets(space, (3, 5))
    headers = ["as it is", "Hat off", "Hat on", "<b>Beard</b> off", "<b>Beard</b> on", "Eye Glasses off",
               "Eye Glasses on"]  # fmt: skip
    assert [text for text in texts(picture) if text in headers] == headers
    assert "The same latents with each attribute off and on (with Hat, Eye Glasses)" in texts(picture)
    rows = [[1, 0, 1, 0], [0, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 1, 0]]
    for column, told in enumerate(rows):
        np.testing.assert_array_equal(drawn[0][1][column], sample(faces.path, seed=5, labels=[told])[0])
    monkeypatch.setattr(sheets, "_ATTRIBUTES_ON_A_SHEET", 2)
    assert [len(drawn[-1][0]) for _ in sheets.label_sheets(space, (3,))] == [5, 3]


def test_between_labels_goes_from_the_one_to_the_other(animals, faces, monkeypatch):
    drawn = cells(monkeypatch)
    space = open_space(animals.path)
    picture = sheets.between_labels(space, (3, 5), steps=3)
    assert "cat to eel\nseed 5" in texts(picture) and {"0", "0.5", "1"} < set(texts(picture))
    latents = space.of_seeds([5])
    for column, told in enumerate(([1, 0, 0, 0], [0.5, 0, 0, 0.5], [0, 0, 0, 1])):
        np.testing.assert_array_equal(drawn[0][1][column], space.under(told).draw(latents)[0])
    space = open_space(faces.path, without="Hat")
    picture = sheets.between_labels(space, (3, 5, 7), [2], steps=3)
    assert len(drawn[1]) == 3 and "Eye Glasses, off to on\nseed 7" in texts(picture)
    for column, much in enumerate((0, 0.5, 1)):
        np.testing.assert_array_equal(drawn[1][0][column], space.under([0, 1, much, 0]).draw(space.of_seeds([3]))[0])
    assert len(sheets.between_labels(space, (3, 5, 7), steps=2) and drawn[2]) == 3 * 2  # of each two latents


def test_explore_looks_at_the_class_that_is_asked_for_and_says_so(animals, tmp_path):
    status, out, _ = run_cli("explore", animals.path, "--only", "labels,between,truncation", "--class", "eel",
                             "--steps", 3, "--seeds", "1,2", "--output", tmp_path)  # fmt: skip
    lines = out.splitlines()
    assert status == 0 and lines[0] == "looking at images of class eel, one of 3 classes (--class chooses)"
    assert lines[1:] == [str(tmp_path / f"{name}.png") for name in ("labels", "between", "truncation")]
    index = (tmp_path / "index.md").read_text()
    assert all(f"({name}.png)" in index for name in ("labels", "between", "truncation"))


def test_explore_shows_everything_of_an_attribute_run(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan_tf.latent.tour.project", partial(project, starts=1, steps=2))
    said = []
    explore(faces.path, output=tmp_path, having="hat", without=["Eye_Glasses"], steps=2, count=10, means=0, stds=1,
            seeds=range(3), say=said.append, project=None, classifier=False)  # fmt: skip
    assert said[0] == "looking at images with Hat, <b>Beard</b>: 2 of 4 attributes (--with and --without choose)"
    left_out = {text.split()[2] for text in said if text.startswith("left out")}
    assert left_out == {"attributes", "epochs"}
    made = {path.stem for path in tmp_path.glob("*.png")}
    assert {"labels", "between", "directions", "first_layer", "neighbours", "projection_training_image"} < made


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"of_class": "cta"}, r"there is no class 'cta'\..* The classes are cat, <owl> & 'co', eel"),
        ({"having": "Hat"}, "--with is for attributes, and this generator knows classes: .*"),
        ({"without": ["Hat"]}, "--without is for attributes, .*"),
    ],
)
def test_labels_that_are_not_there_are_one_line_before_anything_is_written(animals, tmp_path, options, words):
    with pytest.raises(UserError, match=f"^{words}$"):
        explore(animals.path, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_run_without_labels_has_no_sheets_of_them_and_is_not_asked_for_a_class(trained, tmp_path):
    with pytest.raises(UserError, match="is not conditional: it cannot be asked for a class"):
        explore(trained, output=tmp_path, of_class=1)
    with pytest.raises(UserError, match="labels: the run is not conditional: train with --set conditional=true"):
        explore(trained, "labels", output=tmp_path)
    assert sheets.nothing_to_compare(Labels(np.array([1, 1]), ("a", "b"))) == (
        "all images of the training had the same labels"
    )


def test_the_samples_that_a_training_kept_name_their_labels(tmp_path):
    shades = Dataset("shades", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8),
                     np.arange(20) % 2, ("dark", "light"))  # fmt: skip
    settings = {"image_size": 8, "width": 2, "latent_dim": 4, "batch_size": 10, "grid_images": 4, "conditional": True}
    run = train("gwu", shades, tmp_path / "run", steps=2, overrides=settings, progress=NoProgress(), keep_samples=True)
    look = look_into(run, places=[0, 3], say=str)
    (_, picture), _ = VIEWS["epochs"][0](look)
    assert {"place 0\nclass dark", "place 3\nclass light"} < set(texts(picture))
