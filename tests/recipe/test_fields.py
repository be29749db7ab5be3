"""Recipes: what can be asked for, and what a mistake is told."""

import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest

from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.recipe.fields import Recipe, field_help
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

    hints = get_type_hints(Recipe)
    assert set(get_args(hints["architecture"])) == set(ARCHITECTURES)
    assert set(get_args(hints["loss"])) == set(LOSSES)
    assert set(get_args(hints["update_rule"])) == set(UPDATE_RULES)


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
        ({"width": -4}, ["width=-4"]),
        ({"width": "abc"}, ["width='abc'", "whole number"]),
        ({"width": 2.5}, ["width=2.5", "whole number"]),
        ({"width": True}, ["width=True"]),
        ({"loss": "hing"}, ["loss='hing'", "'hinge'"]),
        ({"learning_rate": "nan"}, ["learning_rate=nan", "above 0"]),
        ({"learning_rate": float("inf")}, ["inf"]),
        ({"learning_rate": 0}, ["learning_rate=0"]),
        ({"learning_rate": "fast"}, ["'fast'", "a number"]),
        ({"batch_size": 0}, ["batch_size=0"]),
        ({"dropout": 1}, ["dropout=1"]),
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
        ({"r1_gamma": 1, "precision": "float16"}, ["float16", "bfloat16"]),
    ],
)
def test_a_mistake_is_one_line_that_names_the_value(changes, words):
    with pytest.raises(UserError) as error:
        get_recipe("quick").with_fields(changes)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(UserError, match=r"'qick'.*'quick'"):
        get_recipe("qick")


def test_every_field_is_explained():
    assert all(meaning for _, _, _, meaning in field_help())


def test_help_and_a_users_mistake_do_not_wait_for_tensorflow():
    code = "import sys, dcgan_tf.cli, dcgan_tf.recipe.fields;assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
