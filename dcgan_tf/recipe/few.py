"""`few`: what `quick` is for few images, and what is said where images are few."""

from dcgan_tf.recipe.ours import QUICK, QUICK_COLOUR

FEW_IMAGES = 3000  # with fewer, D soon knows each of them by heart, and G learns nothing new from it
EVERY = 500  # steps from one look for copies to the next, where that is suggested

_FOR_FEW = {
    "augment": "translation,cutout,color",
    "horizontal_flips": True,
    "ema_rampup": 0.3,
    "epochs": None,
    "steps": 3000,  # an epoch is too short to count in, and to draw a grid after each
    "grid_every": 100,
}

# DiffAugment (Zhao et al. 2020, arXiv:2006.10738) of all that D sees, real images mirrored half of the time, and an
# average three times as long: see benchmarks/README.md, "Few pictures".
FEW = QUICK.with_fields(_FOR_FEW).model_copy(
    update={"name": "few", "summary": "`quick` for few images: all that D sees is augmented, real ones are mirrored"}
)
FEW_COLOUR = QUICK_COLOUR.with_fields(_FOR_FEW).model_copy(
    update={"name": "few_colour", "summary": "what `few` is on colour images, as `quick_colour` is of `quick`"}
)


def few_note(images: int, recipe, evaluate_every: int | None) -> list[str]:
    """What to say of a training on so many images, in one line; nothing where they are not few, or all is done.

    recipe: a Recipe. evaluate_every: as train() takes it.
    """
    if images >= FEW_IMAGES or (recipe.augment != "none" and evaluate_every):
        return []
    watch = f"--evaluate-every {EVERY} (evaluate_every={EVERY}) watches for copies"
    if recipe.augment != "none":
        return [f"{images:,} images are few: {watch}"]
    if recipe.name in (QUICK.name, QUICK_COLOUR.name):
        how = "--recipe few is meant for so many (all that D sees is augmented, real images are mirrored, which --set "
        how += "horizontal_flips=false leaves out for digits and letters)"
    else:
        how = "--set augment=translation,cutout,color and, but for digits and letters, --set horizontal_flips=true help"
    return [f"{images:,} images are few: {how}; {watch}"]
