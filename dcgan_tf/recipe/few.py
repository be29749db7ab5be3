"""`few`: what `quick` is for few images, and what is said where images are few."""

from dcgan_tf.recipe.ours import QUICK, QUICK_COLOUR

FEW_IMAGES = 3000  # with fewer, D may come to know each by heart, and G to copy them: worth a watch
VERY_FEW_IMAGES = 100  # of 30, 4% were copies after 1,000 steps of `quick`; of 300, none after 2,000
WATCHED_IMAGES = 2  # from so many on: one image has no spread that generated ones could be compared with
STEPS = 3000  # of a training on few: 25 passes over 300 images would be over after 225
GRID_EVERY = 100  # ... and an epoch too short to draw a grid after each
EVERY = 500  # steps from one look for copies to the next

_FOR_FEW = {
    "augment": "translation,cutout,color",
    "horizontal_flips": True,
    "ema_rampup": 0.3,
    "epochs": None,
    "steps": STEPS,
    "grid_every": GRID_EVERY,
}

# DiffAugment (Zhao et al. 2020, arXiv:2006.10738) of all that D sees, real images mirrored half of the time, and an
# average three times as long. It keeps D from knowing the images by heart, and G from copying them, and is slow: where
# there is no copying yet, `quick` is further after as many steps. See benchmarks/README.md, "Few pictures". In colour
# it was measured with all of D's statistics shared.
FEW = QUICK.with_fields(_FOR_FEW).model_copy(
    update={"name": "few", "summary": "`quick` for few images: all that D sees is augmented, real ones are mirrored"}
)
FEW_COLOUR = QUICK_COLOUR.with_fields(
    {**_FOR_FEW, "discriminator_batch": "together", "first_apart_images": None}
).model_copy(
    update={"name": "few_colour", "summary": "what `few` is on colour images, as `quick_colour` is of `quick`"}
)


def few_note(images: int, recipe, evaluate_every: int | None) -> list[str]:
    """What to say of a training on so many images, in one line; nothing where they are not few, or all is done.

    recipe: a Recipe. evaluate_every: as train() takes it.
    """
    if images >= FEW_IMAGES:
        return []
    parts = []
    if not evaluate_every and images >= WATCHED_IMAGES:
        parts.append(f"--evaluate-every {EVERY} (evaluate_every={EVERY}) watches for copies")
    if recipe.augment == "none" and recipe.name in (QUICK.name, QUICK_COLOUR.name):
        parts.append(
            "against copies, and a D that knows them by heart, --recipe few augments all that D sees, mirrors the real "
            "ones (not digits or letters: --set horizontal_flips=false) and averages longer; it takes more steps"
        )
    elif recipe.augment == "none":
        parts.append(
            "against copies, and a D that knows them by heart, --set augment=translation,cutout,color and, but for "
            "digits and letters, --set horizontal_flips=true"
        )
    return [f"{images:,} images are few: {'; '.join(parts)}"] if parts else []
