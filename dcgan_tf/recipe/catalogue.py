"""The recipes by name."""

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.recipe.ours import QUICK, RPI_RESCUED
from dcgan_tf.recipe.published import PUBLISHED
from dcgan_tf.system.errors import UserError, nearest

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (QUICK, *PUBLISHED, RPI_RESCUED)}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises UserError naming the nearest for an unknown one."""
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}.{nearest(name, RECIPES)} Recipes: {', '.join(RECIPES)}")
    return RECIPES[name]
