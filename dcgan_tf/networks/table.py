"""recipes(): what there is to be trained, as a table, with the sizes of the networks as they are built."""

import pandas as pd

from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.recipe.catalogue import RECIPES, get_recipe


def recipes(*names: str) -> pd.DataFrame:
    """A row for every recipe, or for those named: recipe, images, generator, discriminator, source, what it is.

    images: height x width x channels that it is made for (colour, where it takes both). generator, discriminator:
    their numbers of parameters, batch statistics included, at that size.

    Raises UserError for an unknown name, with the nearest known one.
    """
    chosen = [get_recipe(name) for name in names] or list(RECIPES.values())
    return pd.DataFrame([_row(recipe) for recipe in chosen])


def _row(recipe):
    shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
    return {
        "recipe": recipe.name,
        "images": "x".join(map(str, shape)),
        "generator": build_generator(recipe, shape).count_params(),
        "discriminator": build_discriminator(recipe, shape).count_params(),
        "source": recipe.source,
        "what it is": recipe.summary,
    }
