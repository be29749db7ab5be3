"""Looking into the latent space of generators whose inside is known, and of a tiny trained run."""

import json
import shutil

import cv2
import imageio.v3 as imageio
import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import dcgan_tf
from dcgan_tf.cli import cli
from dcgan_tf.data.datasets import Dataset
from dcgan_tf.data.images import decode
from dcgan_tf.evaluation import features
from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent import views
from dcgan_tf.latent.directions import attribute_directions, first_layer_directions, jacobian_directions, telling_terms
from dcgan_tf.latent.explore import explore, parse_arithmetic, parse_seeds
from dcgan_tf.latent.projection import project, read_image
from dcgan_tf.latent.space import LatentSpace, open_space
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.pictures.sheets import frame, sheet, write_mp4
from dcgan_tf.run.directory import Run
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

SIZE, DIM, EPOCHS = 16, 6, 12


def with_corners(count=120):
    """Gray images with two attributes: the left half is bright, the upper half has stripes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (count, 2)).astype(np.uint8)
    images = random.integers(30, 70, (count, SIZE, SIZE, 1)).astype(np.uint8)
    images[labels[:, 0] == 1, :, : SIZE // 2] += 150
    images[labels[:, 1] == 1, : SIZE // 2 : 2] //= 2
    return Dataset("corners", images, labels, ("Bright_Left", "Striped_Top"), "corners-1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a second that kept its samples."""
    overrides = {"width": 4, "latent_dim": DIM, "batch_size": 20, "grid_images": 9, "image_size": SIZE}
    overrides |= {"latent_distribution": "normal", "learning_rate": 5e-3, "initial_std": 0.1}
    path = tmp_path_factory.mktemp("runs") / "run"
    return train(
        "radford", with_corners(), path, epochs=EPOCHS, overrides=overrides, keep_samples=True, progress=NoProgress()
    )


@pytest.fixture(scope="module")
def space(trained):
    return open_space(trained.path)


def made_of(weights, distribution="normal", std=1.0, bias=0.0, norm=False):
    """A generator of 4x4 images that are a linear function of the latent: weights [dim, 16]."""
    inputs = keras.Input((len(weights),))
    dense = keras.layers.Dense(16, bias_initializer=keras.initializers.Constant(bias))
    outputs = dense(inputs)
    if norm:
        outputs = keras.layers.BatchNormalization(
            epsilon=0.0, moving_variance_initializer=keras.initializers.Constant(4)
        )(outputs)
    model = keras.Model(inputs, keras.layers.Reshape((4, 4, 1))(outputs))
    dense.kernel.assign(weights)
    return LatentSpace(model, distribution, 0.0, std)


# --- the space --------------------------------------------------------------------------------------------


def test_a_seed_is_the_first_sample_of_that_seed(space, trained, tmp_path):
    from dcgan_tf.run.sampling import sample

    images = space.draw(space.of_seeds([4, 9]))
    np.testing.assert_allclose(images[1].astype(int), sample(trained.path, 1, seed=9)[0], atol=1)
    np.save(tmp_path / "z.npy", space.of_seeds([9])[0])
    np.testing.assert_array_equal(space.of_seeds([4, str(tmp_path / "z.npy")]), space.of_seeds([4, 9]))
    assert space.draw(np.zeros((2, 3, DIM))).shape == (2, 3, SIZE, SIZE, 1)
    for wrong in ("nothing.npy", tmp_path / "short.npy", tmp_path / "objects.npy"):
        np.save(tmp_path / "short.npy", np.zeros(3))
        np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
        with pytest.raises(UserError, match=r"\.npy'.*(numbers|latent)"):
            space.of_seeds([wrong])


def test_uniform_latents_stay_in_their_box():
    box = made_of(np.eye(2, 16), "uniform", std=0.5)
    assert np.abs(box.random(1000, 0)).max() <= 0.5
    a, b = np.float32([0.5, 0.4]), np.float32([0.4, 0.5])
    np.testing.assert_allclose(box.way(a, b, 0.5), [0.45, 0.45])  # straight: round would be outside
    assert np.abs(box.walk(a, np.float32([1, 0]), [-9, 9])).max() == 0.5
    normal = made_of(np.eye(2, 16))
    np.testing.assert_allclose(normal.way(a, b, 0.5), latent.spherical(a, b, 0.5))
    assert normal.walk(a, np.float32([1, 0]), 3.0)[0] == pytest.approx(3.5)
    assert box.walk(a, np.float32([-1, 0]), 1.0)[0] == pytest.approx(0.5 - 0.5 / 3**0.5)


# --- directions -------------------------------------------------------------------------------------------


def test_principal_directions_of_a_linear_generator_are_its_singular_vectors():
    random = np.random.default_rng(0)
    left, right = (np.linalg.qr(random.standard_normal((size, 4)))[0] for size in (4, 16))
    weights = left @ np.diag([4.0, 3, 2, 1]) @ right.T
    for std in (1.0, 0.5):
        found = jacobian_directions(made_of(weights, std=std), random.standard_normal((2, 4)))
        np.testing.assert_allclose(found.values, std * np.array([4, 3, 2, 1]) / 4, rtol=1e-4)  # 16 pixels
        np.testing.assert_allclose(np.abs(np.sum(found.vectors * left.T, axis=1)), 1, rtol=1e-4)
    first = first_layer_directions(made_of(weights))
    np.testing.assert_allclose(first.values, [4, 3, 2, 1], rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(first.vectors * left.T, axis=1)), 1, rtol=1e-4)
    np.testing.assert_allclose(first_layer_directions(made_of(weights, norm=True)).values, [2, 1.5, 1, 0.5], rtol=1e-4)


def test_the_jacobian_of_a_trained_generator_is_that_of_differences(space):
    point = space.random(1, 5)
    found = jacobian_directions(space, point)
    step = 1e-2
    for direction, value in zip(found.vectors[:3], found.values[:3], strict=True):
        ahead, behind = (
            space.generator(latent.move(point, direction, sign * step), training=False).numpy() for sign in (1, -1)
        )
        change = (ahead - behind) / (2 * step)
        assert np.sqrt(np.square(change).mean()) == pytest.approx(value, rel=0.02)
    assert (np.diff(found.values) <= 0).all()


def brightness_judge(names=("Bright_Left", "Bright_Right")):
    """A classifier that is sure of a half's brightness: log-odds 8 times the mean of the half, in [-1, 1]."""

    def compute(images):
        values = tf.cast(images, tf.float32) / 127.5 - 1
        halves = [tf.reduce_mean(values[:, :, :2], axis=[1, 2, 3]), tf.reduce_mean(values[:, :, 2:], axis=[1, 2, 3])]
        return tf.zeros([len(images), 1]), tf.sigmoid(8 * tf.stack(halves, axis=1))

    return FeatureNetwork("judge", "judge", "judge-1", 1, compute, label_names=names, exclusive=False)


def halves_generator(shared=1.0):
    """z0 brightens the left half and, by a share, the right one; z1 the right one; z2 nothing."""
    left, right = np.zeros((4, 4)), np.zeros((4, 4))
    left[:, :2], right[:, 2:] = 0.2, 0.2
    return made_of(np.stack([left.ravel() + shared * right.ravel(), right.ravel(), np.zeros(16)]))


def test_attribute_directions_are_those_built_in():
    found = attribute_directions(halves_generator(), brightness_judge(), 600)
    assert found.names == ("Bright Left", "Bright Right") and found.scores.shape == (600, 2)
    np.testing.assert_allclose(found.directions.vectors[0], [1, 0, 0], atol=0.02)
    np.testing.assert_allclose(found.directions.vectors[1], [0.5**0.5, 0.5**0.5, 0], atol=0.02)
    assert (found.directions.values > 0.98).all()
    assert found.best(5) in ([0, 1], [1, 0])
    np.testing.assert_array_equal(found.held(0, [0, 1]), found.directions.vectors[0])  # too much the same to be held
    apart = found._replace(directions=latent.Directions(np.float32([[1, 0, 0], [0.4, 0.84**0.5, 0]]), np.ones(2)))
    np.testing.assert_allclose(apart.held(0, [0, 1]), [0.84**0.5, -0.4, 0], atol=1e-6)
    assert not (found.scores[found.plainest(3)] > 0).any()


def test_arithmetic_that_tells_comes_out_as_foretold():
    space, judge = halves_generator(0.3), brightness_judge()
    found = attribute_directions(space, judge, 600)
    terms = telling_terms(found)
    assert [sign for sign, _, _ in terms] == [1, -1, 1] and all(len(seeds) == 3 for _, seeds, _ in terms)
    a, b = terms[0][2].split(", ")
    assert [name for _, _, name in terms] == [f"{a}, {b}", f"no {a}, {b}", f"no {a}, no {b}"]
    for (_, seeds, _), signs in zip(terms, ((1, 1), (-1, 1), (-1, -1)), strict=True):
        seen = found.scores[seeds][:, [found.names.index(a), found.names.index(b)]]
        assert (seen * signs > 1).all()
    _, probabilities = judge(space.draw(views.add_up(space, terms)[None]))
    seen = dict(zip(found.names, probabilities[0], strict=True))
    assert seen[a] > 0.5 > seen[b]
    alike = latent.Directions(np.float32([[1, 0, 0], [0.8, 0.6, 0]]), np.ones(2))
    assert telling_terms(found._replace(directions=alike)) is None  # nearly the same attribute twice
    digits = found._replace(scores=np.where(np.arange(600)[:, None] % 2 == [0, 1], 5.0, -5.0))
    assert telling_terms(digits) is None  # of classes, an image has one


# --- projection -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_projecting_a_generated_image_comes_back_to_it(space, distribution):
    space = LatentSpace(space.generator, distribution)
    latents = space.of_seeds([41])
    target = space.draw(latents)[0]
    found = project(space, target, starts=4, steps=120)
    assert found.images.shape == (4, SIZE, SIZE, 1) and found.film.shape[1:] == (DIM,)
    assert (np.diff(found.losses) >= 0).all()
    others = space.draw(space.random(50, 3)).astype(float) - target
    assert found.errors[0] < 3 < np.sqrt(np.square(others).mean(axis=(1, 2, 3))).min()
    np.testing.assert_array_equal(found.images[0], space.draw(found.latents[:1])[0])
    np.testing.assert_array_equal(found.film[-1], found.latents[0])
    if distribution == "uniform":
        assert np.abs(found.latents).max() <= 1


def test_any_picture_becomes_one_of_the_generators_size(space, tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200
    save_png(tmp_path / "wide.png", wide)
    target = read_image(tmp_path / "wide.png", space)
    assert target.shape == (SIZE, SIZE, 1) and (target == 200).all()  # the middle, gray
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(UserError, match=r"no\.png' cannot be projected \(not an image\)"):
        read_image(tmp_path / "no.png", space)


# --- sheets and films -------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_shows_every_cell_unchanged(channels, tmp_path):
    cells = np.zeros((2, 3, 8, 8, channels), np.uint8)
    cells += np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * 40
    picture = sheet(cells, rows=["a", "b"], columns="xyz", texts=[["t"] * 3] * 2, title="T", note="n " * 200)
    (tmp_path / "s.png").write_bytes(picture.png())
    values, counts = np.unique(decode(tmp_path / "s.png", channels=1), return_counts=True)
    scale = 20  # 160 pixels wide
    for value in np.arange(6) * 40:
        assert counts[values == value] >= (8 * scale) ** 2 * 0.98, value
    words = [text.get_text() for text in picture.texts]
    assert {"a", "b", "x", "y", "z", "T"} <= set(words) and words.count("t") == 6


def test_films_become_mp4_that_can_be_played(tmp_path):
    frames = [frame(np.full((2, 16, 16, 1), 40 * n, np.uint8), ["left", "right"], side=64) for n in range(6)]
    assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
    write_mp4(tmp_path / "film.mp4", frames, 0.1)
    film = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    middles = []
    while (read := film.read())[0]:
        assert read[1].shape == frames[0].shape
        middles.append(int(read[1][60, 40, 0]))
    np.testing.assert_allclose(middles, 40 * np.arange(6), atol=6)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(trained, tmp_path_factory):
    """All that `explore` writes of the run: (folder, what was said)."""
    folder, said = tmp_path_factory.mktemp("latent") / "all", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "_CLASSIFIER_STEPS", 150)
        patch.setenv("DCGAN_TF_CACHE", str(folder.parent / "cache"))
        explore(trained, output=folder, dataset=with_corners(), count=20, steps=3, seeds=range(3), say=said.append)
    return folder, said


def test_explore_writes_all_there_is(everything):
    folder, said = everything
    sheets = {path.stem for path in folder.glob("*.png")}
    assert sheets == {
        *("samples", "spreads", "average", "interpolation", "plane", "truncation", "arithmetic", "directions"),
        *("directions_strength", "first_layer", "attributes", "attributes_held", "attributes_explained"),
        *("neighbours", "projection_training_image", "epochs"),
    }
    assert {path.stem for path in folder.glob("*.gif")} == {
        *("interpolation", "plane", "directions", "attributes", "projection_training_image", "epochs")
    }
    assert not [text for text in said if text.startswith("left out")]
    for path in folder.glob("*.png"):
        assert decode(path).std() > 5
    index = (folder / "index.md").read_text()
    for path in folder.iterdir():
        assert path.name in said[0] + index + "index.md" and ".partial" not in path.name


def test_the_films_move_and_close(everything):
    folder, _ = everything
    film = imageio.imread(folder / "interpolation.gif", index=None).astype(int)
    assert len(film) == 3 * 18
    steps = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0).sum() > 45
    assert np.abs(film[0] - film[-1]).mean() < 3 * steps.max()
    assert imageio.imread(folder / "epochs.gif", index=None).shape[0] == EPOCHS


def test_epochs_are_shown_from_what_was_kept(trained, space, tmp_path):
    kept = trained.samples()
    with np.load(kept[-1]) as stored:
        drawn = space.draw(stored["latents"])
        np.testing.assert_allclose(stored["images"].astype(int), drawn, atol=1)  # the last epoch's generator
    (picture,) = [
        path for path in explore(trained, "epochs", output=tmp_path, places="0,8", say=str) if "png" in path.name
    ]
    assert picture.is_file()
    with pytest.raises(UserError, match=r"places=9 is not among the 9 images kept: give numbers from 0 to 8"):
        explore(trained, "epochs", output=tmp_path / "new", places=[9])
    assert not (tmp_path / "new").exists()


def test_arithmetic_and_projection_alone(trained, space, tmp_path):
    save_png(tmp_path / "my photo.png", np.full((30, 20, 3), 90, np.uint8))
    out = tmp_path / "out"
    result = CliRunner().invoke(
        cli,
        ["explore", str(trained.path), "--output", str(out), "--mp4", "--project", str(tmp_path / "my photo.png")]
        + ["--arithmetic", "3,4,5 - 7 + 10,11"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        *("arithmetic.png", "arithmetic_latent.npy", "index.md", "projection_my_photo.gif", "projection_my_photo.mp4"),
        *("projection_my_photo.png", "projection_my_photo_latent.npy"),
    }
    a, b, c = space.of_seeds([3, 4, 5]).mean(axis=0), space.of_seeds([7])[0], space.of_seeds([10, 11]).mean(axis=0)
    np.testing.assert_allclose(np.load(out / "arithmetic_latent.npy"), a - b + c, atol=1e-6)
    explore(trained, "truncation", output=out, seeds=[1, out / "projection_my_photo_latent.npy"], say=str)
    assert (out / "truncation.png").is_file() and "truncation" in (out / "index.md").read_text()


def test_a_run_with_uniform_latents_whose_data_are_gone(trained, tmp_path):
    run = Run(shutil.copytree(trained.path, tmp_path / "run"))
    config = {**run.config, "recipe": {**run.config["recipe"], "latent_distribution": "uniform"}}
    config["dataset"] = {**config["dataset"], "name": str(tmp_path / "gone")}
    run.config_path.write_text(json.dumps(config))
    shutil.rmtree(run.samples_path)
    written = explore(Run(run.path), ["interpolation", "truncation"], seeds="0,1", steps=3, say=str)
    assert written == [
        run.path / "latent" / name for name in ("interpolation.png", "interpolation.gif", "truncation.png")
    ]
    rows = [text.get_text() for text in views.interpolation(open_space(run.path), [0, 1], 3).texts]
    assert any("straight" in row for row in rows) and not any("difference" in row for row in rows)
    for name, reason in (("neighbours", "the data of run"), ("epochs", "--keep-samples")):
        with pytest.raises(UserError, match=f"{name}: .*{reason}"):
            explore(Run(run.path), name)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"only": "avrage"}, r"unknown view 'avrage'\. Did you mean 'average'\? Known are samples, .*"),
        ({"seeds": "1,two"}, r"seeds='two' must be a whole number of at least 0"),
        ({"seeds": "1,,2"}, r"seeds='1,,2' must be numbers with commas between them, such as 1,2,3"),
        ({"seeds": "1", "only": "plane"}, r"seeds=\[1\] are too few: this needs 3"),
        ({"seeds": "nothing.npy"}, r"'nothing\.npy' cannot be read as a latent: give a \.npy file of 6 numbers"),
        ({"means": "0,x"}, r"means='x' must be finite numbers, such as means=0\.5,1"),
        ({"stds": [-1]}, r"stds=-1 must be finite numbers of at least 0, such as stds=0\.5,1"),
        ({"steps": 1}, r"steps=1 must be a whole number of at least 2"),
        ({"count": 0.5}, r"count=0\.5 must be a whole number of at least 1"),
        ({"arithmetic": "1,2 -"}, r"arithmetic='1,2 -' must be sums of seeds, such as .*"),
        ({"arithmetic": "1 - b"}, r"seeds='b' must be a whole number of at least 0"),
        ({"project": "nothing.png"}, r"'nothing\.png' cannot be projected \(no such file\): give a picture file, .*"),
    ],
)
def test_mistakes_are_one_clear_line_before_anything_is_written(trained, tmp_path, options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        explore(trained, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_no_run_and_no_folder(trained, tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        explore(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file: give a folder"):
        explore(trained, "samples", output=tmp_path / "file")


def test_what_people_type():
    assert dcgan_tf.explore is explore
    assert parse_seeds(" 1, 2,a b.npy") == (1, 2, "a b.npy")
    assert parse_arithmetic("3,4 - 7,8 + 10") == [(1, (3, 4), ""), (-1, (7, 8), ""), (1, (10,), "")]
    assert parse_arithmetic("- 1 + x-y.npy") == [(-1, (1,), ""), (1, ("x-y.npy",), "")]
    assert parse_arithmetic("5") == [(1, (5,), "")]
