"""Generators made elsewhere: what can be loaded is, with the right shape and range, and the rest is named."""

import json
import shutil
import warnings

import keras
import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.networks.architectures import build_generator
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run import generators
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import _range_of, load_generator
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.beginning.start_from import Start

layers = keras.layers


def network(*ends, taken=(4,), size=12):
    """A small generator whose last layers are `ends`; its values before them are spread around 0."""
    random = keras.initializers.RandomNormal(stddev=1.0, seed=1)
    latents = keras.Input(taken)
    x = layers.Dense(size, kernel_initializer=random)(layers.Flatten()(latents))
    for end in [layers.Reshape((2, 2, size // 4)), *ends]:
        x = end(x)
    return keras.Model(latents, x)


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_generators_are_taken_as_they_are(name):
    recipe = RECIPES[name]
    shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
    assert _range_of(build_generator(recipe, shape).outputs[0]) == (-1.0, 1.0)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("taken", [(4,), (1, 1, 4), (4, 1, 1)])
def test_latents_of_any_shape_and_both_files_give_the_same_images(tmp_path, ending, taken):
    plain, other = network(layers.Activation("tanh")), network(layers.Activation("tanh"), taken=taken)
    other.set_weights(plain.get_weights())
    plain.save(tmp_path / "plain.keras")
    other.save(tmp_path / f"other{ending}")
    np.testing.assert_array_equal(sample(tmp_path / f"other{ending}", 5), sample(tmp_path / "plain.keras", 5))


ENDS = {
    "sigmoid": [layers.Activation("sigmoid")],
    "sigmoid of a layer": [layers.Dense(3, activation="sigmoid", kernel_initializer="identity")],
    "sigmoid, then another shape": [layers.Activation("sigmoid"), layers.Reshape((2, 2, 3))],
    "0 to 255": [layers.Activation("sigmoid"), layers.Rescaling(255.0)],
    "made -1 to 1 already": [layers.Activation("sigmoid"), layers.Rescaling(2.0, -1.0)],
    "within another network": [keras.Sequential([keras.Input((2, 2, 3)), layers.Activation("sigmoid")])],
    "channels first": [layers.Activation("sigmoid"), layers.Permute((3, 1, 2))],
}


@pytest.mark.parametrize("ends", ENDS)
def test_a_sigmoid_is_black_at_0_and_white_at_1(tmp_path, ends):
    latents = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
    expected = np.rint(255 * network(*ENDS["sigmoid"]).predict(latents, verbose=0))
    network(*ENDS[ends]).save(tmp_path / "g.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = sample(tmp_path / "g.keras", 64)
    np.testing.assert_allclose(images.astype(int), expected, atol=1)
    assert images.min() < 30 and images.max() > 225


def test_an_end_without_limits_is_said(tmp_path):
    network().save(tmp_path / "g.keras")
    with pytest.warns(UserWarning, match=r"does not end in tanh or sigmoid: its values are taken to lie in \[-1, 1\]"):
        load_generator(tmp_path / "g.keras")


def test_weights_that_are_no_numbers_are_said(tmp_path):
    run = write_run(tmp_path / "run")
    generator = network(layers.Activation("tanh"))
    weights = generator.get_weights()
    weights[1][2] = np.nan
    generator.set_weights(weights)
    generator.save(run.generator_path)
    with pytest.raises(UserError, match="weights that are no numbers, in 1 of its 2 arrays"):
        sample(run.path, 4)


def test_values_that_are_no_numbers_are_said(tmp_path):
    generator = network(layers.Rescaling(0.0), layers.Activation("tanh"))
    generator.set_weights([np.full_like(weight, 3e38) for weight in generator.get_weights()])  # infinite, times 0
    generator.save(tmp_path / "g.keras")
    with pytest.warns(UserWarning, match="values that are no numbers"):
        assert (sample(tmp_path / "g.keras", 200) == 128).any()


def write(path, kind):
    if kind == "weights":
        network().save_weights(path.with_suffix(".weights.h5"))
        return path.with_suffix(".weights.h5")
    if kind == "lambda":
        network(layers.Lambda(lambda x: x)).save(path.with_suffix(".h5"))
        return path.with_suffix(".h5")
    if kind == "cut":
        network().save(path.with_suffix(".h5"))
        path.with_suffix(".h5").write_bytes(path.with_suffix(".h5").read_bytes()[:3000])
        return path.with_suffix(".h5")
    if kind == "saved model":
        path.mkdir()
        (path / "saved_model.pb").touch()
        return path
    if kind == "conditional":
        inputs = [keras.Input((4,)), keras.Input((10,))]
        keras.Model(inputs, layers.Reshape((1, 14, 1))(layers.Concatenate()(inputs))).save(path.with_suffix(".keras"))
        return path.with_suffix(".keras")
    path.with_suffix(f".{kind}").write_bytes(b"x")
    return path.with_suffix(f".{kind}")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize(
    "kind, said",
    [
        ("weights", "holds weights only"),
        ("lambda", "a Lambda layer, which is code"),
        ("cut", "damaged"),
        ("saved model", "is a TensorFlow SavedModel"),
        ("conditional", "takes or gives several arrays"),
        ("pth", "is a PyTorch file"),
        ("onnx", "is an ONNX file"),
        ("txt", "is a .txt file"),
        ("h5", "not a generator that can be loaded, or is damaged"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path, kind, said):
    path = write(tmp_path / "g", kind)
    with pytest.raises(UserError) as error:
        load_generator(path)
    assert said in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_run_that_diverged_at_once_is_not_to_be_resumed(tmp_path):
    run = write_run(tmp_path / "run", whole=False)
    with pytest.raises(UserError, match=r"no generator\.keras yet: let its training finish, or resume it"):
        load_generator(run.path)
    run.diverged_path.write_text("a loss is no longer a finite number\n")
    for ask in (load_generator, lambda path: Start(Run(path))):
        with pytest.raises(UserError, match="diverged before anything was saved, so train anew, with other settings"):
            ask(run.path)


def test_a_network_of_other_shapes_is_described(tmp_path):
    keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)]).save(tmp_path / "c.keras")
    with pytest.raises(UserError, match=r"is a network \[N, 28, 28, 1\] -> \[N, 10\]: a generator takes latents"):
        load_generator(tmp_path / "c.keras")


def test_a_network_of_another_run_is_said(tmp_path):
    run, tanh = write_run(tmp_path / "run", whole=False, latent_dim=4), layers.Activation("tanh")
    for path in (run.generator_path, run.best_generator_path):
        network(tanh).save(path)
    for best, anew in ((False, ", or remove it, .* writes it anew"), (True, "")):
        said = f"images of 2x2x3 without .* of 28x28x1 without labels from 4 latents: put the .* own back{anew}$"
        with pytest.raises(UserError, match=said):
            load_generator(run.path, best)
    assert load_generator(run.generator_path)[0].output_shape == (None, 2, 2, 3)  # as a file it is of itself
    network(layers.Flatten(), layers.Reshape((28, 28, 1)), tanh, size=784).save(run.generator_path)
    latent_dim = load_generator(run.path)[0].input_shape[1]
    for recorded in (latent_dim, latent_dim + 1):
        other = write_run(tmp_path / str(recorded), whole=False, latent_dim=recorded)
        shutil.copy(run.generator_path, other.generator_path)
    with pytest.raises(UserError, match=f"without labels from {latent_dim} latents, .* from {recorded} latents: put"):
        load_generator(other.path)
    assert load_generator(tmp_path / str(latent_dim))
    told = write_run(tmp_path / "told", whole=False, conditional=True, latent_dim=4)
    shutil.copy(run.generator_path, told.generator_path)
    with pytest.raises(
        UserError, match="without labels from 4 latents, and this run is of images of 28x28x1 with labels"
    ):
        load_generator(told.path)


def test_a_generator_that_is_replaced_while_it_is_loaded_comes_with_its_own_step(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", whole=False, latent_dim=4, scores=[(10, 5.0), (20, 4.0)])
    left = [json.dumps({**line, "epoch": 1, "best": True}) for line in run.metrics()]
    run.metrics_path.unlink()
    generator, load = network(layers.Reshape((2, 6, 1)), layers.Activation("tanh")), generators.load_network
    run.write_config({**run.config, "dataset": {**run.config["dataset"], "image_shape": [2, 6, 1]}})

    def keep():
        generator.set_weights([weight + 1 for weight in generator.get_weights()])
        generator.save(run.best_generator_path)
        with open(run.metrics_path, "a") as file:
            file.write(left.pop(0) + "\n")

    def load_slowly(path, what):
        loaded = load(path, what)
        if left:
            keep()
        return loaded

    monkeypatch.setattr(generators, "load_network", load_slowly)
    keep()
    loaded, _, moment = generators.load_with_moment(run.path, best=True)
    assert moment == {"step": 20, "epoch": 1} and np.array_equal(loaded.get_weights()[1], generator.get_weights()[1])


def test_the_last_generator_comes_with_its_own_step_too(tmp_path, monkeypatch):
    """A longer training ends while the one before is loaded; it writes the step down in another process."""
    run, load, loads = write_run(tmp_path / "run", whole=False, latent_dim=4), generators.load_network, []
    generator = network(layers.Reshape((2, 6, 1)), layers.Activation("tanh"))
    run.write_config({**run.config, "dataset": {**run.config["dataset"], "image_shape": [2, 6, 1]}})

    def keep(step):
        generator.set_weights([weight + 1 for weight in generator.get_weights()])
        generator.save(run.generator_path)
        Run(run.path).note_results(step)

    def load_slowly(path, what):
        loaded = load(path, what)
        loads.append(path)
        if len(loads) == 1:
            keep(20)
        return loaded

    monkeypatch.setattr(generators, "load_network", load_slowly)
    keep(10)
    loaded, _, moment = generators.load_with_moment(run.path)
    assert moment == {"step": 20, "epoch": 2} and np.array_equal(loaded.get_weights()[1], generator.get_weights()[1])


def test_only_true_asks_for_the_best(tmp_path):
    for best in ("no", 1, None):
        with pytest.raises(UserError, match=f"^best={best!r} must be True or False$"):
            load_generator(tmp_path, best)


def test_a_disk_that_is_away_is_not_called_damage(tmp_path, monkeypatch):
    import builtins
    import errno

    network(layers.Activation("tanh")).save(tmp_path / "g.keras")
    opened = builtins.open

    def stale(path, *more, **options):
        if str(path).endswith("g.keras"):
            raise OSError(errno.ESTALE, "Stale file handle")
        return opened(path, *more, **options)

    monkeypatch.setattr("builtins.open", stale)
    monkeypatch.setattr("keras.saving.load_model", stale)
    with pytest.raises(UserError, match="cannot be read at the moment"):
        load_generator(tmp_path / "g.keras")
    monkeypatch.undo()
    shutil.copy(tmp_path / "g.keras", tmp_path / "h.keras")
    load_generator(tmp_path / "h.keras")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"latent_mean": "0"}, r"latent_mean='0' must be a number from"),
        ({"latent_std": np.ones(8)}, r"latent_std=ndarray of float64 \[8\] must be a number from 0 to"),
        ({"run": None}, "None is no path"),
        ({"output": 5}, "5 is no path"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_generator_is_sought(options, said):
    with pytest.raises(UserError, match=said):
        sample(**{"run": "nowhere", "count": 1, **options})
