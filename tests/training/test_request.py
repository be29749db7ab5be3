"""What is asked of train(): made plain, or refused in one line before anything is written."""

import json
from unittest.mock import Mock

import numpy as np
import pandas
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import train as train_module
from dcgan_tf.training.config import describe
from dcgan_tf.training.request import Length, resolve
from dcgan_tf.training.train import train

NOTHING = {
    "epochs": None, "steps": None, "max_seconds": None, "batch_size": None, "learning_rate": None, "overrides": None,
    "seed": 0, "classes": None, "resize": False, "stretch": False, "all_frames": False, "drop_small": False,
    "log_every": 50, "checkpoint_seconds": 5.0, "evaluate_every": None, "evaluation": None, "keep_samples": False,
    "tensorboard": False, "stop_on_alarm": False,
}  # fmt: skip


def ask(recipe="quick", **options):
    return resolve(recipe, **{**NOTHING, **options})


@pytest.fixture(scope="module")
def data():
    return load_dataset("fake")


# Of every argument: what NumPy, pandas or Python give, and the plain value that it is.
NUMBERS = [
    ("seed", np.int64(3), 3),
    ("seed", np.uint8(3), 3),
    ("log_every", np.int32(7), 7),
    ("checkpoint_seconds", np.float32(0.5), 0.5),
    ("checkpoint_seconds", np.int64(2), 2.0),
    ("checkpoint_seconds", 0, 0.0),
    ("evaluate_every", np.int64(5), 5),
    ("resize", np.True_, True),
    ("stretch", np.True_, True),
    ("all_frames", np.False_, False),
    ("keep_samples", np.True_, True),
    ("tensorboard", np.False_, False),
    ("stop_on_alarm", np.bool_(True), True),
    ("evaluation", {"samples": np.int64(60), "metrics": np.str_("fid")}, {"samples": 60, "metrics": "fid"}),
    ("classes", np.array([3, 7]), [3, 7]),
    ("classes", np.array(3), 3),
    ("classes", np.int64(3), 3),
    ("classes", np.array(["cat", "dog"]), ["cat", "dog"]),
    ("classes", (3, np.int64(7)), [3, 7]),
    ("classes", range(3), [0, 1, 2]),
    ("classes", {7, 3}, [3, 7]),
    ("classes", pandas.Series([3, 7]), [3, 7]),
    ("classes", np.str_("3,7"), "3,7"),
    ("classes", ["cat"], ["cat"]),
]


@pytest.mark.parametrize("name, given, plain", NUMBERS)
def test_numpys_values_are_the_plain_ones_they_are(name, given, plain, data):
    request = ask(**{name: given})
    value = getattr(request, name)
    assert value == plain and type(value) is type(plain)
    if isinstance(plain, list):
        assert [type(one) for one in value] == [type(one) for one in plain]
    config = describe(request, data)
    assert json.loads(json.dumps(config)) == config  # what config.json holds is what comes back from it


@pytest.mark.parametrize("number", [np.int64, np.int32, np.float64])
def test_lengths_and_fields_too(number, data):
    assert ask(steps=np.int64(5)).length == Length(None, 5, None)
    assert ask(epochs=np.int16(5)).length == Length(5, None, None)
    assert ask(max_seconds=number(5)).length == Length(None, None, 5.0)
    request = ask(batch_size=np.int64(16), overrides={"width": np.int64(8), "beta_1": np.float32(0.5)},
                  learning_rate=number(1))  # fmt: skip
    assert (request.recipe.batch_size, request.recipe.width, request.recipe.beta_1) == (16, 8, 0.5)
    json.dumps(describe(request, data))


@pytest.mark.usefixtures("compiled_once")
def test_a_run_with_classes_from_numpy_is_the_run_with_a_list(tmp_path):
    """Called again in plain words it is the same run, and complete."""
    options = {
        "steps": 1,
        "resize": True,
        "overrides": {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 50, "ema_images": 500},
    }
    run = train("gwu", "mnist5k", tmp_path / "run", classes=np.array([3, 7]), **options)
    before = run.history_path.read_text()
    assert run.config["dataset"]["classes"] == [3, 7] and run.config["dataset"]["images"] == 1000
    assert train("gwu", "mnist5k", tmp_path / "run", classes=[3, 7], **options).history_path.read_text() == before


def test_quick_is_what_the_images_have_it_be(tmp_path, monkeypatch):
    """By its name; a recipe that is given as an object is taken as it is.

    All is there when the first step would be made, which would compile the networks that test_gan.py trains.
    """
    gans = []
    monkeypatch.setattr(train_module, "Training", lambda run, lease, gan, *more: gans.append(gan) or Mock())
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 3), np.uint8)
    changes = {"width": 2, "latent_dim": 4, "grid_images": 4}
    trained = []
    for recipe, data in (("quick", images), ("quick", images[..., :1]), (get_recipe("quick"), images)):
        run = train(recipe, Dataset("pictures", data), tmp_path / str(len(trained)), steps=1, overrides=changes)
        name, batch = (run.config["recipe"][field] for field in ("name", "discriminator_batch"))
        assert (gans[-1].recipe.name, gans[-1].recipe.discriminator_batch) == (name, batch)
        trained.append((name, batch))
    assert trained == [("quick_colour", "first_apart"), ("quick", "apart"), ("quick", "apart")] and len(gans) == 3
    with pytest.raises(UserError, match=r"instance_noise_target=0\.9 and instance_noise_images=None: "):
        train("quick", Dataset("pictures", images), tmp_path / "none", steps=1,
              overrides={"instance_noise_target": 0.9})  # fmt: skip
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"seed": True}, "seed=True must be a whole number from 0"),
        ({"seed": np.float64(1.5)}, "seed=1.5 must"),
        ({"seed": "3"}, "seed='3' must"),
        ({"log_every": np.int64(0)}, "log_every=0 must be a whole number from 1 to 1000000000000"),
        ({"checkpoint_seconds": np.float32("nan")}, "checkpoint_seconds=nan must be a number of seconds of at least 0"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds=-1"),
        ({"max_seconds": True}, "max_seconds=True must be a number of seconds above 0"),
        ({"max_seconds": np.float64(0)}, "max_seconds=0.0"),
        ({"evaluate_every": 2.5}, "evaluate_every=2.5 must be a whole number from 0 to 1000000000000"),
        ({"keep_samples": 1}, "keep_samples=1 must be True or False"),
        ({"resize": "no"}, "resize='no' must be True or False"),
        ({"classes": np.array([0.5])}, "0.5 is no class"),
        ({"classes": [[3, 7]]}, "is no class, give names or whole numbers"),
        ({"classes": [True]}, "True is no class"),
        ({"overrides": {"epochs": None}}, "nothing says when to stop"),
        ({"overrides": [("width", 8)]}, "overrides=[('width', 8)] must be a dict, such as {'width': 32}"),
        ({"evaluation": "fid"}, "evaluation='fid' must be a dict, such as {'metrics': 'fid'}"),
        (
            {"evaluation": {"metric": "fid"}},
            "'metric' is none of metrics, features, samples, seeds, real_",
        ),
        ({"evaluation": {"metrics": "fdi"}}, "unknown metric 'fdi'. Did you mean 'fid'?"),
        ({"evaluation": {"features": ["pixels"]}}, "unknown features ['pixels']. Did you mean 'pixels'?"),
        ({"evaluation": {"samples": "x"}, "evaluate_every": 0}, "samples='x' must be a whole number from 10"),
        ({"evaluation": {"real_images": 3}}, "real_images=3 must be a whole number from 10"),
        ({"seed": np.zeros((64, 28))}, "seed=ndarray of float64 [64, 28] must be a whole number"),
        ({"recipe": np.zeros(3)}, "unknown recipe ndarray of float64 [3]. Recipes: quick"),
    ],
)
def test_mistakes_are_one_line(options, words):
    with pytest.raises(UserError) as error:
        ask(**options)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_clock_alone_decides_unless_a_length_is_given_too():
    assert ask(max_seconds=9).length == Length(None, None, 9.0)
    assert ask(max_seconds=9, epochs=2).length == Length(2, None, 9.0)
    assert ask().length == Length(get_recipe("quick").epochs, None, None)
    assert Length(3, None, None).total_steps(20) == 60 and Length(None, 7, None).total_steps(20) == 7
    assert Length(None, None, 9.0).total_steps(20) is None
