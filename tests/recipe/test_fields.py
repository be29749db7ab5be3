"""Recipes: what can be asked for, and what a mistake is told."""

import math
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from dcgan_tf.recipe.catalogue import RECIPES, changed_recipe, get_recipe
from dcgan_tf.recipe.combinations import NETWORK_FIELDS
from dcgan_tf.recipe.fields import FIELDS, Recipe, check_type, field_help, parse_text
from dcgan_tf.system.errors import UserError


def test_the_reported_settings():
    vrdl, sapienza, rpi, nitk = (RECIPES[name] for name in ("vrdl", "sapienza", "rpi", "nitk"))
    assert (vrdl.real_label_low, vrdl.real_label_high, vrdl.update_rule, vrdl.batch_size) == (
        0.9,
        1.0,
        "loss_gated",
        256,
    )
    assert (sapienza.optimizer, sapienza.clip_value, sapienza.learning_rate_decay) == ("rmsprop", 1.0, 1e-8)
    assert (sapienza.discriminator_learning_rate, sapienza.generator_learning_rate) == (8e-4, 4e-4)
    assert (sapienza.batch_size, sapienza.steps, sapienza.epochs, sapienza.label_noise) == (16, 10_000, None, 0.05)
    assert (rpi.loss, rpi.batch_size, rpi.epochs, rpi.generator_learning_rate) == ("minimax", 1000, 20, 1e-4)
    assert (nitk.batch_size, nitk.epochs, nitk.generator_learning_rate, nitk.beta_1) == (32, 40, 2e-4, 0.5)
    assert RECIPES["gwu"].initial_std == 0.002
    assert RECIPES["tutorial"].update_rule == "simultaneous" and RECIPES["tutorial"].batch_size == 256


def test_the_choices_a_recipe_names_are_those_that_exist():
    from dcgan_tf.game.gan import UPDATE_RULES
    from dcgan_tf.game.losses import LOSSES
    from dcgan_tf.networks.architectures import ARCHITECTURES

    for name, known in (("architecture", ARCHITECTURES), ("loss", LOSSES), ("update_rule", UPDATE_RULES)):
        assert set(get_args(Recipe.model_fields[name].annotation)) == set(known)
    assert set(NETWORK_FIELDS) == set(ARCHITECTURES)


def test_texts_become_what_the_field_holds():
    recipe = get_recipe("quick").with_fields(
        {
            "learning_rate": "1e-4",
            "width": "16",
            "clip_value": "0.5",
            "gif_thinned": "true",
            "channels": "1",
            "steps": "7",
        }
    )
    assert (recipe.generator_learning_rate, recipe.discriminator_learning_rate) == (1e-4, 1e-4)
    assert (recipe.width, recipe.clip_value, recipe.gif_thinned, recipe.channels) == (16, 0.5, True, 1)
    assert (recipe.steps, recipe.epochs) == (7, None)
    assert recipe.with_fields({"epochs": 3}).steps is None
    assert recipe.with_fields({"clip_value": "none"}).clip_value is None
    assert recipe.with_fields({"batch_size": np.int64(8), "beta_1": 0}).batch_size == 8


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"widht": 3}, ["widht", "'width'"]),
        ({"width": 0}, ["width=0", "at least 1"]),
        ({"width": "0"}, ["width=0 must"]),
        ({"width": -4}, ["width=-4"]),
        ({"width": "abc"}, ["width='abc'", "whole number"]),
        ({"width": 2.5}, ["width=2.5", "whole number"]),
        ({"width": True}, ["width=True"]),
        ({"loss": "hing"}, ["loss='hing'", "'hinge'"]),
        ({"learning_rate": "nan"}, ["learning_rate=nan", "above 0"]),
        ({"learning_rate": float("inf")}, ["inf"]),
        ({"learning_rate": 0}, ["learning_rate=0"]),
        ({"learning_rate": "fast"}, ["'fast'", "a finite number above 0"]),
        ({"batch_size": 0}, ["batch_size=0"]),
        ({"architecture": "vrdl", "dropout": 1}, ["dropout=1", "at least 0 and at most 0.95"]),
        ({"channels": 2}, ["channels=2", "1, 3 or none"]),
        ({"jit_compile": "yes"}, ["'yes'", "true or false"]),
        ({"epochs": 3, "steps": 4}, ["epochs=3", "steps=4"]),
        ({"real_label_low": 0.9, "loss": "hinge"}, ["hinge", "no labels"]),
        ({"real_label_low": 1.5}, ["real_label_low=1.5"]),
        ({"clip_value": 1, "clip_norm": 1}, ["clip_value", "clip_norm"]),
        ({"discriminator_steps": 5, "update_rule": "loss_gated"}, ["discriminator_steps=5", "alternating"]),
        ({"name": "x"}, ["unknown field 'name'"]),
        ({"augment": "colour"}, ["'colour'", "translation, cutout, color", "'color'"]),
        ({"augment": "color,,cutout"}, ["augment='color,,cutout'"]),
        ({"learning_rate_schedule": "linear"}, ["learning_rate_images=None", "both"]),
        ({"learning_rate_images": 1000}, ["learning_rate_schedule='constant'", "both"]),
        (
            {"instance_noise_target": 0.6, "instance_noise_images": None},
            ["instance_noise_target=0.6", "whole way takes: instance_noise_images=4000"],
        ),
        ({"gradient_penalty": 10}, ["gradient_penalty=10", "discriminator_batch_norm=false"]),
        ({"r1_gamma": 1}, ["r1_gamma=1", "discriminator_batch_norm=false, or penalty_sigma=0.1"]),
        (
            {"r1_gamma": 1, "penalty_sigma": 0.01, "precision": "bfloat16"},
            ["penalty_sigma=0.01 with precision='bfloat16'", "penalty_sigma=0.1"],
        ),
        ({"r2_gamma": 1}, ["r2_gamma=1", "discriminator_batch_norm=false, or penalty_sigma=0.1"]),
        ({"spectral_norm": True}, ["spectral_norm=True", "discriminator_batch_norm=false"]),
        (
            {"r1_gamma": 1, "precision": "float16", "discriminator_batch_norm": False},
            ["precision='float16'", "precision=bfloat16"],
        ),
        (
            {"discriminator_batch": "first_apart", "discriminator_batch_norm": False},
            ["discriminator_batch='first_apart'", "take discriminator_batch=together"],
        ),
        ({"dropout": 0.3}, ["dropout=0.3", "'quick' has no dropout", "tutorial, vrdl, sapienza"]),
        ({"batch_norm": "none"}, ["batch_norm='none'", "'quick' has no batch_norm", "dcgan, rpi"]),
        ({"discriminator_kernel": "3"}, ["discriminator_kernel=3", "'quick'", "width, initial_std, leaky_slope"]),
        ({"generator_activation": "leaky_relu"}, ["generator_activation='leaky_relu'", "(dcgan)"]),
        ({"r1_every": 4}, ["r1_every=4", "r1_gamma or r2_gamma above 0"]),
        ({"first_apart_images": 8000}, ["first_apart_images=8000", "without discriminator_batch=first_apart"]),
        ({"label_projection": 2}, ["label_projection=2", "without conditional=true"]),
        ({"learning_rate_floor": 0.1}, ["learning_rate_floor=0.1", "learning_rate_schedule=linear or cosine"]),
        ({"ema_rampup": 0.2, "architecture": "dcgan", "ema_images": "zero"}, ["ema_images='zero'", "a finite number"]),
    ],
)
def test_a_mistake_is_one_line_that_names_the_value(changes, words):
    with pytest.raises(UserError) as error:
        get_recipe("quick").with_fields(changes)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


# What no field of that type may be, and what is said of it.
WRONG = {
    int: [(True, "a whole number"), (1.5, "a whole number"), ("abc", "a whole number"), ([1], "a whole number"),
          (math.nan, "a whole number"), ("2.5", "a whole number"), (-1, "at least ")],
    float: [(True, "a finite number"), ("abc", "a finite number"), (math.nan, "a finite number"),
            ([1], "a finite number"), (math.inf, "a finite number"), ("nan", "a finite number"),
            ("1e400", "a finite number")],
    bool: [(1, "true or false"), ("yes", "true or false"), (None, "true or false")],
    str: [(1, "a text"), (None, "a text")],
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_whatever_a_field_cannot_be_is_said_with_its_range_and_meaning(name):
    field = Recipe.model_fields[name]
    options = get_args(field.annotation) or (field.annotation,)
    kinds = [kind for kind in WRONG if kind in options]
    cases = WRONG[kinds[0]] if kinds else [("nonsense", "one of"), (True, "one of"), (2, "one of")]
    cases = [*cases, *([] if type(None) in options else [(None, "")])]
    limits = {key: getattr(limit, key) for limit in field.metadata for key in ("ge", "gt", "le") if hasattr(limit, key)}
    cases += [(limits[key] - 1, f"{limits[key]:g}") for key in ("ge", "gt") if key in limits]
    cases += [(limits["le"] + 1, f"at most {limits['le']:g}")] if "le" in limits else []
    for value, words in cases:
        with pytest.raises(UserError) as error:
            check_type(name, parse_text(name, value) if isinstance(value, str) else value)
        said = str(error.value)
        assert said.startswith(f"{name}=") and words in said and f"({field.description})" in said and "\n" not in said


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("clip_norm", "none", None),
        ("batch_norm", "none", "none"),  # a choice, not the absence of one
        ("augment", "none", "none"),
        ("learning_rate_images", "1e6", 1e6),
        ("generator_learning_rate", "2e-4", 2e-4),
        ("channels", "3", 3),
        ("jit_compile", "TRUE", True),
        ("width", "7", 7),
    ],
)
def test_what_a_text_means_depends_on_the_field(name, text, value):
    parsed = parse_text(name, text)
    assert parsed == value and type(parsed) is type(value)


def test_numpys_values_do_as_well_as_pythons():
    recipe = Recipe(width=np.int64(8), beta_1=np.float32(0.5), jit_compile=np.bool_(True), loss=np.str_("hinge"))
    assert (recipe.width, recipe.beta_1, recipe.jit_compile, recipe.loss) == (8, 0.5, True, "hinge")
    assert {type(value) for value in (recipe.width, recipe.beta_1, recipe.jit_compile, recipe.loss)} == {
        *(int, float, bool, str)
    }


def test_a_recipe_cannot_be_changed_and_describes_itself_to_other_programs():
    with pytest.raises(ValidationError, match="frozen"):
        get_recipe("quick").width = 3
    width = Recipe.model_json_schema()["properties"]["width"]
    assert (width["minimum"], width["maximum"], width["type"]) == (1, 4096, "integer")


def test_with_another_architecture_what_it_does_not_use_is_forgotten():
    recipe = get_recipe("sapienza").with_fields({"architecture": "dcgan", "batch_norm": "all"})
    assert (recipe.dropout, recipe.batch_norm, recipe.leaky_slope) == (0.3, "all", 0.3)


def test_a_field_that_is_switched_off_may_be_set_beside_its_switch():
    """As one of the runs of a sweep over the switch."""
    changes = {"r1_gamma": 0, "r1_every": 16}
    assert get_recipe("tutorial").with_fields(changes).r1_every == 16
    assert get_recipe("sapienza").with_fields({"beta_1": 0.9, "optimizer": "adam"}).beta_1 == 0.9


def test_the_recipe_of_an_older_run_is_read():
    """One that lacks a field, and one that was let to set what its architecture does not use."""
    record = get_recipe("quick").as_dict() | {"dropout": 0.9}
    del record["horizontal_flips"]
    assert Recipe.from_record(record) == get_recipe("quick")
    with pytest.raises(UserError, match="'growth'"):
        Recipe.from_record(record | {"growth": 1})


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(UserError, match=r"'qick'.*'quick'"):
        get_recipe("qick")


def test_quick_is_another_recipe_on_colour_images():
    assert [changed_recipe("quick", {}, channels).name for channels in (1, 3)] == ["quick", "quick_colour"]
    assert [changed_recipe("vrdl", {}, channels).name for channels in (None, 1, 3)] == 3 * ["vrdl"]
    assert changed_recipe("quick_colour", {}, 1).name == "quick_colour"  # who names it has it
    assert changed_recipe("quick", {"width": 7, "penalty_share": 0.25}, 3).width == 7
    of_gray, of_colour = {"instance_noise_target": 0.9}, {"penalty_share": 0.25}
    for changes, channels in ((of_gray, 1), (of_colour, 3)):  # before the images are known, what either takes is taken
        assert changed_recipe("quick", changes) == changed_recipe("quick", changes, channels)
    for changes, channels, said in (
        (of_gray, 3, "instance_noise_target=0.9 and instance_noise_images=None"),
        (of_colour, 1, "without r1_gamma or r2_gamma above 0"),
        ({"dropout": 0.3}, None, "'quick' has no dropout"),
    ):
        with pytest.raises(UserError, match=said):
            changed_recipe("quick", changes, channels)


def test_the_help_of_a_recipe_has_its_own_values_and_the_fields_it_uses():
    assert all(len(meaning) > 10 for _, _, _, meaning in field_help())
    about = {name: (kind, value) for name, kind, value, _ in field_help(get_recipe("quick"))}
    assert about["width"] == ("a whole number of at least 1 and at most 4096", 32)
    assert "dropout" not in about and "dropout" in {name for name, *_ in field_help(get_recipe("vrdl"))}


def test_help_and_a_users_mistake_do_not_wait_for_tensorflow():
    code = "import sys, dcgan_tf.cli, dcgan_tf.recipe.fields;assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
