"""From what was found in some pictures to the command that trains on them. TensorFlow is not imported."""

import shlex
from dataclasses import dataclass

from dcgan_tf.data.survey.values import FAINT
from dcgan_tf.recipe.few import EVERY, FEW, FEW_IMAGES, GRID_EVERY, STEPS, VERY_FEW_IMAGES, WATCHED_IMAGES
from dcgan_tf.recipe.ours import QUICK

SIZES = (64, 48, 32, 28)  # pixels that are suggested, all of them sizes of `quick`
USUAL = QUICK.image_size  # what a folder's pictures are brought to when nothing is said
_SMALLEST, _LARGEST = 28, 128  # of `quick`
_MAY_BE_SMALL = 0.2  # a size that leaves out no more than this share of the pictures is taken at once


@dataclass(frozen=True)
class Advice:
    """How to train on some pictures: what to ask for, and why, a line for each reason.

    size: height and width of the images. images: how many there are then. options: of `train`, a value for each, True
    for what is a flag; `set` holds fields.
    """

    size: int
    images: int
    options: dict
    reasons: tuple[str, ...]

    def command(self, dataset: str) -> str:
        """What to type."""
        words = ["python", "-m", "dcgan_tf", "train", "--dataset", dataset]
        for name, value in self.options.items():
            if name == "set":
                words += [word for field in value.items() for word in ("--set", "=".join(map(str, field)))]
            else:
                words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return shlex.join(words)


def advise(survey, size: int | None = None, is_prepared: bool = False, classes=()) -> Advice:
    """What these pictures need. size: what the images are to be, where somebody asked for one.

    is_prepared: they have their size already, all the same one. classes: the names of their classes.
    """
    usable = survey.usable
    sides = usable[["width", "height"]].min(axis=1)
    options, fields, reasons, images = {}, {}, [], len(usable)
    if is_prepared:
        height, width = int(usable["height"].iloc[0]), int(usable["width"].iloc[0])
        wanted = size or min(max(min(height, width), _SMALLEST), _LARGEST)
        if height != width or wanted != height:
            fields["image_size"], options["resize"] = wanted, True
            reasons.append(f"images of {width}x{height} must be brought to {wanted}x{wanted}: --resize")
    else:
        wanted = size or suggested_size(sides)
        small = int((sides < wanted).sum())
        if wanted != USUAL:
            fields["image_size"] = wanted
        if small > images / 2:
            options["resize"] = True
            reasons.append(f"{small:,} are smaller than {wanted}x{wanted}: --resize enlarges them, which blurs")
        elif small:
            options["drop_small"], images = True, images - small
            reasons.append(
                f"{small:,} are smaller than {wanted}x{wanted}: --drop-small leaves them out, --resize enlarges them"
            )
    if usable["is_gray"].all() and not usable["is_stored_gray"].all():
        fields["channels"], options["resize"] = 1, True
        reasons.append("all are gray, though stored as colour: channels=1 makes them so, which trains faster")
    if survey.values[1] - survey.values[0] < FAINT and not is_prepared:
        options["stretch"] = True
        reasons.append("they use little of the range of values: --stretch spreads it over all")
    if images < FEW_IMAGES:
        if images >= WATCHED_IMAGES:
            options["evaluate_every"] = EVERY
            reasons.append(f"{images:,} are few: --evaluate-every {EVERY} watches for copies of them")
        if images < VERY_FEW_IMAGES:
            options["recipe"] = FEW.name
            reasons.append(f"so few are copied soon: the recipe {FEW.name} augments all that D sees, and mirrors them")
            if classes and all(len(name) == 1 for name in classes):
                fields["horizontal_flips"] = "false"
                reasons.append("digits and letters, which their classes look like, must not be mirrored")
            else:
                reasons.append("where left and right matter (digits, letters): --set horizontal_flips=false")
        else:
            options["steps"], fields["grid_every"] = STEPS, GRID_EVERY
            reasons.append(
                f"if there are copies: --recipe {FEW.name}, which takes more steps (of digits and letters with --set "
                "horizontal_flips=false, since it mirrors)"
            )
    if images < QUICK.batch_size:
        options["batch_size"] = images
        reasons.append(f"{images:,} do not fill a batch of {QUICK.batch_size}")
    if fields:
        options["set"] = fields
    return Advice(wanted, images, options, tuple(reasons))


def not_made(size: int) -> str | None:
    """Why there is no command for images of that size, and what to do; None where there is one."""
    if _SMALLEST <= size <= _LARGEST:
        return None
    return (
        f"{QUICK.name} makes images of {_SMALLEST} to {_LARGEST} pixels, none of {size}: look with an --image-size of "
        "these, or train with a recipe that makes them (python -m dcgan_tf recipes)"
    )


def suggested_size(sides) -> int:
    """Of SIZES the largest that few pictures are smaller than; else than half of them are; else the smallest.

    sides: the shorter side of each. Where all have one of these, or one between, they keep it.
    """
    if sides.min() == sides.max() and _SMALLEST <= sides.min() <= USUAL:
        return int(sides.min())
    shares = {size: (sides < size).mean() for size in SIZES}
    for most in (_MAY_BE_SMALL, 0.5):
        for size, share in shares.items():
            if share <= most:
                return size
    return SIZES[-1]
