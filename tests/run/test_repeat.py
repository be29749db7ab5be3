"""The command that repeats a run: what it makes must be what the run was made with."""

import json
import shlex

import pytest

from dcgan_tf.cli import cli
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.recipe.combinations import acts, inert
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.run.directory import Run
from dcgan_tf.run.repeat import changed_fields, repeat_command
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import request
from dcgan_tf.training import train as training
from dcgan_tf.training.train import train


class Quiet:
    def __getattr__(self, name):
        return lambda *arguments: None


def config_of(recipe, length, **more):
    """A config.json as train() would write it, without training."""
    values = recipe.as_dict()
    del values["epochs"], values["steps"]
    length = {"epochs": None, "steps": None, "max_seconds": None, **length}
    data = {"name": "mnist5k", "fingerprint": "f", "images": 9, "image_shape": [28, 28, 1], "classes": None}
    data |= {"resize": False, **more.pop("dataset", {})}
    return {"format": 1, "recipe": values, "seed": 0, "dataset": data, "log_every": 50, "length": length, **more}


def asked_for(command, monkeypatch):
    """What train() is called with by that command line, or program."""
    calls = []

    def note(recipe="quick", dataset="mnist5k", run_dir="results/run", **options):
        calls.append({"recipe": recipe, "dataset": dataset, "run_dir": str(run_dir), **options})
        return Run(run_dir)

    monkeypatch.setattr(training, "train", note)
    if command.startswith("from"):
        exec(command, {})
    else:
        words = shlex.split(command)
        assert words[:4] == ["python", "-m", "dcgan_tf", "train"]
        cli.main(words[3:], standalone_mode=False)
    (call,) = calls
    named = ("epochs", "steps", "max_seconds", "batch_size", "learning_rate", "overrides")
    recipe, length = request.recipe_and_length(call["recipe"], *(call.get(name) for name in named))
    return recipe, length._asdict(), call


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_with_changes_of_every_kind(name, monkeypatch):
    changes = {
        "width": 8,
        "batch_size": 16,
        "learning_rate": 3e-4,
        "clip_norm": 0.5,
        "clip_value": None,
        "grid_every": 7,
    }
    changes |= {"jit_compile": True, "beta_2": 0.9, "channels": None, "ema_images": 1e7, "batch_norm": "none"}
    changes = {field: value for field, value in changes.items() if acts(RECIPES[name], field)}
    for length, overrides in (
        ({"epochs": 3}, {}),
        ({"steps": 70, "max_seconds": 1.5}, changes),
        ({"max_seconds": 120.0}, {"generator_learning_rate": 1e-9}),
        ({"max_seconds": 20.0}, {"learning_rate": 1e-5, "discriminator_learning_rate": 2.0}),
    ):
        recipe = RECIPES[name].with_fields({**overrides, **{k: v for k, v in length.items() if k != "max_seconds"}})
        config = config_of(recipe, length, seed=7, log_every=10, dataset={"name": "my data/é 'x'.zip"})
        command = repeat_command(config, "results/a b", evaluate_every=300, keep_samples=True)
        made, made_length, call = asked_for(command, monkeypatch)
        assert made == recipe
        assert made_length == config["length"]
        given = {"dataset": "my data/é 'x'.zip", "run_dir": "results/a b", "seed": 7, "log_every": 10}
        assert call.items() >= {**given, "evaluate_every": 300, "keep_samples": True}.items()


def test_only_what_differs_is_said():
    command = repeat_command(config_of(RECIPES["quick"], {"max_seconds": 120.0}), "results/digits")
    start = "python -m dcgan_tf train --recipe quick --dataset mnist5k --run-dir results/digits"
    assert command == f"{start} --max-seconds 120 --seed 0"
    recipe = RECIPES["quick"].with_fields({"learning_rate": 0.002, "width": 8})
    assert repeat_command(config_of(recipe, {"epochs": 2}), "x").endswith("--set width=8 --set learning_rate=0.002")
    assert changed_fields(config_of(recipe, {"epochs": 2})) == {
        "generator_learning_rate": 0.002,
        "discriminator_learning_rate": 0.002,
        "width": 8,
    }


def test_a_field_that_is_switched_off_is_no_change(monkeypatch):
    for conditional, changed in ((False, {}), (True, {"conditional": True, "label_projection": 1.0})):
        config = config_of(RECIPES["quick"].with_fields({"conditional": conditional}), {"steps": 4})
        del config["recipe"]["label_projection"]  # of a version that had none
        assert changed_fields(config) == changed
        made = asked_for(repeat_command(config, "x"), monkeypatch)[0]
        assert made.conditional == conditional and (made.label_projection == 1) == conditional
    assert inert({**RECIPES["quick"].as_dict(), "r1_gamma": "damaged"}) >= {"label_projection", "generator_target"}


def test_the_gray_quick_on_colour_images_is_said_in_python(monkeypatch):
    """As version 0.4 trained it: by its name it would be another recipe now."""
    faces = {"name": "faces.zip", "image_shape": [64, 64, 3]}
    for name, changes, words in (
        ("quick", {}, "from dcgan_tf import Recipe, train"),
        ("quick", {"instance_noise_images": 8000}, "from dcgan_tf import Recipe, train"),
        ("quick_colour", {}, "--recipe quick_colour"),
        ("quick_colour", {"penalty_share": 0.25}, "--set penalty_share=0.25"),
    ):
        recipe = RECIPES[name].with_fields({"steps": 4, **changes})
        command = repeat_command(config_of(recipe, {"steps": 4}, dataset=faces), "x")
        assert words in command
        assert asked_for(command, monkeypatch)[0] == recipe


def test_a_recipe_of_ones_own_is_said_in_python(monkeypatch):
    recipe = Recipe(name="mine", width=12, loss="hinge", epochs=4)
    config = config_of(recipe, {"epochs": 4}, dataset={"classes": ["cat", 3], "resize": True}, log_every=5)
    made, length, call = asked_for(repeat_command(config, "results/it's"), monkeypatch)
    assert made == recipe and length["epochs"] == 4
    assert call["run_dir"] == "results/it's" and call["classes"] == ["cat", 3] and call["resize"] is True


def test_a_class_with_a_comma_in_its_name_is_said_in_python(monkeypatch):
    for classes, words in ((["cat", 3], "--set classes=cat,3"), (["cats, small", 3], "from dcgan_tf import")):
        config = config_of(RECIPES["quick"], {"steps": 5}, dataset={"classes": classes})
        assert words in repeat_command(config, "x")
    _, _, call = asked_for(repeat_command(config, "x"), monkeypatch)
    assert call["classes"] == ["cats, small", 3]


def test_an_older_run_and_a_newer_one():
    config = config_of(RECIPES["quick"], {"steps": 5})
    del config["recipe"]["discriminator_kernel"]  # a field that is younger than the run
    config["recipe"]["summary"] = "as it was described then"
    assert "--set" not in repeat_command(config, "x")
    config["recipe"]["field_of_tomorrow"] = 1
    with pytest.raises(UserError, match="'field_of_tomorrow', which this version of dcgan_tf does not know"):
        repeat_command(config, "x")


def test_data_without_a_name_cannot_be_asked_for():
    for name in ({"name": None}, {}):
        config = config_of(RECIPES["quick"], {"steps": 5})
        config["dataset"] = {"image_shape": [28, 28, 1], **name}
        with pytest.raises(UserError, match="does not say what the run was trained on: give "):
            repeat_command(config, "x")


def test_a_run_from_before_its_recipe_used_a_younger_field_is_repeated_without_it():
    config = config_of(RECIPES["quick_colour"], {"steps": 5})
    del config["recipe"]["ema_rampup"], config["recipe"]["discriminator_kernel"]  # one that it uses and one it does not
    assert changed_fields(config) == {"ema_rampup": 0.05}  # the default, which changed nothing; the recipe has 0.1
    assert repeat_command(config, "x").endswith("--steps 5 --seed 0 --set ema_rampup=0.05")


def test_the_command_really_repeats_a_training(tmp_path):
    """Resized, of some classes, with fields changed: the same config and the same numbers to the last bit."""
    changes = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 4, "learning_rate": 5e-4, "image_size": 8}
    first = train(
        "gwu", "mnist5k", tmp_path / "first", steps=3, seed=5, overrides=changes, classes=[3, 7], resize=True,
        log_every=2, progress=Quiet(),
    )  # fmt: skip
    words = shlex.split(repeat_command(first.config, str(tmp_path / "a second one")))
    cli.main([*words[3:], "--no-progress"], standalone_mode=False)
    second = Run(tmp_path / "a second one")
    configs = [json.loads(run.config_path.read_text()) for run in (first, second)]
    for config in configs:
        del config["started"]
        classes = config["dataset"]["classes"]  # a list there, a text here
        config["dataset"]["classes"] = classes if isinstance(classes, str) else ",".join(map(str, classes))
    assert configs[0] == configs[1]
    losses = [
        [(row["step"], row["generator_loss"], row["discriminator_loss"]) for row in run.rows()]
        for run in (first, second)
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 2
