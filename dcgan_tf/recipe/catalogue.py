"""The recipes by name."""

from dcgan_tf.recipe.few import FEW, FEW_COLOUR
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.recipe.ours import QUICK, QUICK_COLOUR, RPI_RESCUED
from dcgan_tf.recipe.published import PUBLISHED
from dcgan_tf.system.errors import UserError, in_short, nearest

OURS = (QUICK, QUICK_COLOUR, FEW, FEW_COLOUR)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*OURS, *PUBLISHED, RPI_RESCUED)}
# Whoever names the first gets the second where the images have colour.
IN_COLOUR = {QUICK.name: QUICK_COLOUR.name, FEW.name: FEW_COLOUR.name}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises UserError naming the nearest for an unknown one."""
    if not isinstance(name, str) or name not in RECIPES:
        raise UserError(f"unknown recipe {in_short(name)}.{nearest(name, RECIPES)} Recipes: {', '.join(RECIPES)}")
    return RECIPES[name]


def changed_recipe(name: str, changes: dict, channels: int | None = None) -> Recipe:
    """The recipe of that name for images of so many channels, with these fields changed.

    channels: None where the data are not read yet: what fits neither gray nor colour images is a mistake already then.
    Raises UserError for an unknown recipe, and for a change that makes no sense in it.
    """
    get_recipe(name)
    kinds = [name, IN_COLOUR[name]] if name in IN_COLOUR else [name]
    if channels is not None:
        kinds = [kinds[-1] if channels == 3 else name]
    mistakes = []
    for kind in kinds:
        try:
            return get_recipe(kind).with_fields(changes)
        except UserError as error:
            mistakes.append(error)
    raise mistakes[0]
