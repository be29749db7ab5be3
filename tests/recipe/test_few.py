"""What is said where images are few."""

import pytest

from dcgan_tf.recipe.catalogue import changed_recipe, get_recipe
from dcgan_tf.recipe.few import FEW_IMAGES, few_note


@pytest.mark.parametrize(
    "recipe, images, evaluate_every, words",
    [
        (
            "quick",
            300,
            None,
            "300 images are few: --evaluate-every 500 (evaluate_every=500) watches for copies; against",
        ),
        (
            "quick_colour",
            300,
            500,
            "300 images are few: against copies, and a D that knows them by heart, --recipe few",
        ),
        ("gwu", 300, None, "--set augment=translation,cutout,color"),
        ("few", 300, None, "300 images are few: --evaluate-every 500 (evaluate_every=500) watches for copies"),
        ("few", 300, 500, None),
        ("few", 1, None, None),
        ("quick", 1, None, "1 images are few: against copies"),
        ("quick", FEW_IMAGES, None, None),
    ],
)
def test_few_images_are_said_to_be_few_in_one_line(recipe, images, evaluate_every, words):
    notes = few_note(images, get_recipe(recipe), evaluate_every)
    assert [words in note and "\n" not in note for note in notes] == ([] if words is None else [True])


def test_few_is_what_the_images_have_it_be():
    assert [changed_recipe("few", {}, channels).name for channels in (None, 1, 3)] == ["few", "few", "few_colour"]
    few, quick = get_recipe("few_colour"), get_recipe("quick_colour")
    assert few.horizontal_flips and few.steps and (few.width, few.r1_gamma) == (quick.width, quick.r1_gamma)
    assert not changed_recipe("few", {"horizontal_flips": "false"}, 3).horizontal_flips
