"""Recipes: what is trained, and how. A recipe knows no path and no file.

`Recipe` holds every choice with the default this project would make; each entry of `RECIPES` states
only what differs, and where a published report leaves something out, says what was chosen and why.
Nothing here imports TensorFlow, so a mistake in a recipe is reported at once.
"""

import math
import numbers
import types
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dcgan_tf.system.errors import UserError, nearest

AUGMENTATIONS = ("translation", "cutout", "color")  # augmentation.py says what they do


def _field(default, help, *, low=-math.inf, high=math.inf, above=-math.inf):
    """A recipe field with its one-line meaning and the values it accepts: low <= x <= high, x > above."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "above": above})


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training computes, apart from the data, the seed and its length.

    Raises UserError when a field has the wrong type or a value outside its range.
    """

    name: str = _field("custom", "what the recipe is called")
    source: str = _field("", "where it comes from")
    summary: str = _field("", "one line for the table of recipes")

    # The networks.
    architecture: Literal["quick", "dcgan", "tutorial", "vrdl", "gwu", "sapienza", "rpi"] = _field(
        "quick", "which pair of networks of models.py"
    )
    image_size: int = _field(64, "height and width in pixels; for folders, and where it is fixed", low=1, high=1024)
    channels: Literal[1, 3] | None = _field(None, "1 gray, 3 colour; none: the data's own")
    latent_dim: int = _field(100, "length of the latent vector z", low=1, high=65536)
    latent_distribution: Literal["normal", "uniform"] = _field("normal", "N(mean, std), or uniform over mean +- std")
    latent_mean: float = _field(0.0, "mean of every component of z")
    latent_std: float = _field(1.0, "standard deviation (normal) or half-width (uniform) of z", above=0)
    width: int = _field(64, "feature maps next to the image; the other layers follow from it", low=1, high=4096)
    initial_std: float = _field(0.02, "standard deviation of the initial weights, where normal", above=0)
    leaky_slope: float = _field(0.2, "negative slope of LeakyReLU", low=0, high=1)
    generator_activation: Literal["relu", "leaky_relu"] = _field("relu", "inside a `dcgan` generator")
    batch_norm: Literal["paper", "inner", "all", "none"] = _field(
        "paper",
        "`dcgan`: all but G's output and D's input / also not G's input / everywhere / nowhere; `rpi`: in G or not",
    )
    discriminator_batch_norm: bool = _field(True, "BatchNorm in D, in architectures that have it there")
    minibatch_std: bool = _field(False, "D's last features are told how much the images of a batch differ")
    discriminator_kernel: int = _field(5, "kernel size of D's convolutions, in `rpi`", low=1, high=15)
    dropout: float = _field(0.3, "dropout rate, in architectures that have any", low=0, high=0.95)

    # The game.
    loss: Literal["bce", "minimax", "least_squares", "hinge", "wasserstein"] = _field("bce", "loss pair of losses.py")
    real_label_low: float = _field(1.0, "the label of real images is drawn once per step from", low=0, high=2)
    real_label_high: float = _field(1.0, "... U(low, high); equal values: one-sided smoothing", low=0, high=2)
    label_noise: float = _field(0.0, "uniform noise in [0, x) added to every label of D", low=0, high=1)
    update_rule: Literal["simultaneous", "alternating", "loss_gated"] = _field(
        "alternating", "both from one pass / D first, G through the new D / only the one that is behind"
    )
    discriminator_steps: int = _field(1, "steps of D for each step of G", low=1, high=1000)

    # What D is shown, and what keeps it smooth.
    augment: str = _field("none", "DiffAugment of all that D sees: translation, cutout, color, joined by commas")
    horizontal_flips: bool = _field(False, "real images are mirrored half of the time")
    instance_noise: float = _field(0.0, "standard deviation of the normal noise on all that D sees", low=0, high=10)
    instance_noise_images: float | None = _field(
        None,
        "the noise falls to 0 over so many images (none: never); with a target, its whole way takes that long",
        above=0,
    )
    instance_noise_target: float | None = _field(
        None,
        "the noise rises from 0 while D tells real from generated in more than this share of pairs",
        low=0.5,
        high=1,
    )
    r1_gamma: float = _field(0.0, "R1: gamma / 2 times the squared gradient of D at real images", low=0)
    r1_every: int = _field(1, "R1 only on every n-th step, n times as strong", low=1, high=1000)
    gradient_penalty: float = _field(0.0, "WGAN-GP: weight of (|gradient of D| - 1)^2 between real and fake", low=0)
    spectral_norm: bool = _field(False, "D's kernels are kept at spectral norm 1")

    # The optimizers.
    optimizer: Literal["adam", "rmsprop"] = _field("adam", "for both networks")
    generator_learning_rate: float = _field(2e-4, "learning rate of G", above=0)
    discriminator_learning_rate: float = _field(2e-4, "learning rate of D", above=0)
    beta_1: float = _field(0.5, "Adam's first momentum", low=0, high=0.9999)
    beta_2: float = _field(0.999, "Adam's second momentum", low=0, high=0.999999)
    learning_rate_decay: float = _field(0.0, "rate / (1 + decay * step)", low=0)
    learning_rate_schedule: Literal["constant", "linear", "cosine"] = _field("constant", "how both rates fall ...")
    learning_rate_images: float | None = _field(None, "... over so many images", above=0)
    learning_rate_floor: float = _field(0.0, "... to this share of what they began with", low=0, high=1)
    clip_value: float | None = _field(None, "each gradient component is clipped to +- this", above=0)
    clip_norm: float | None = _field(None, "each variable's gradient is clipped to this norm", above=0)
    batch_size: int = _field(64, "real images per step", low=1)

    # The averaged generator (Karras et al. 2018, section 5; half-life and ramp-up of Karras et al. 2020).
    ema_images: float = _field(0.0, "half-life of the average of G's weights, in images; 0: no average", low=0)
    ema_rampup: float = _field(0.05, "the half-life is at most this share of the images seen so far", above=0)

    # How long, and what is drawn meanwhile.
    epochs: int | None = _field(25, "passes over the data, unless `steps` is given", low=1)
    steps: int | None = _field(None, "steps of training, instead of epochs", low=1)
    grid_images: int = _field(64, "images in each grid, always from the same latents", low=1, high=1024)
    grid_every: int | None = _field(None, "steps between grids; none: one per epoch", low=1)
    gif_thinned: bool = _field(False, "GIF frames get rarer: those where round(2*sqrt(frame)) is new")

    # What the processor does with it.
    precision: Literal["float32", "bfloat16", "float16"] = _field(
        "float32", "of the networks' arithmetic (weights stay float32); the shorter ones are for GPUs"
    )
    jit_compile: bool = _field(False, "compile the step with XLA (a different stream of random numbers)")

    def __post_init__(self):
        for name, annotation in get_type_hints(Recipe).items():
            object.__setattr__(self, name, check_value(name, getattr(self, name), annotation))
            _check_range(self, name)
        if self.real_label_low > self.real_label_high:
            raise UserError(
                f"real_label_low={self.real_label_low} is above real_label_high={self.real_label_high}: "
                "give low <= high, for example 0.9 and 1.0"
            )
        if self.uses_labels_of_its_own and self.loss not in ("bce", "least_squares"):
            raise UserError(
                f"loss={self.loss!r} has no labels to smooth or to add noise to: "
                "take loss=bce or least_squares, or leave real_label_low, real_label_high and label_noise alone"
            )
        if self.discriminator_steps > 1 and self.update_rule != "alternating":
            raise UserError(
                f"discriminator_steps={self.discriminator_steps} with update_rule={self.update_rule!r}: "
                "several steps of D for one of G are of update_rule=alternating"
            )
        if self.clip_value is not None and self.clip_norm is not None:
            raise UserError("clip_value and clip_norm are both set: an optimizer clips in one way, leave one out")
        for name in self.augmentations:
            if name not in AUGMENTATIONS:
                raise UserError(
                    f"augment={self.augment!r}: {name!r} is none of {', '.join(AUGMENTATIONS)}."
                    f"{nearest(name, AUGMENTATIONS)} Join several by commas, or give none"
                )
        if (self.learning_rate_schedule == "constant") != (self.learning_rate_images is None):
            raise UserError(
                f"learning_rate_schedule={self.learning_rate_schedule!r} and learning_rate_images="
                f"{self.learning_rate_images}: a schedule and the images it takes belong together, give both or none"
            )
        if self.learning_rate_decay and self.learning_rate_schedule != "constant":
            raise UserError(
                f"learning_rate_decay={self.learning_rate_decay} and learning_rate_schedule="
                f"{self.learning_rate_schedule!r} are both set: the rate falls in one way, leave one out"
            )
        if self.instance_noise_target is not None and self.instance_noise_images is None:
            raise UserError(
                f"instance_noise_target={self.instance_noise_target} and instance_noise_images=None: noise that "
                "follows D needs the images its whole way takes: instance_noise_images=4000, or leave the target out"
            )
        if self.gradient_penalty and self.discriminator_has_batch_norm:
            raise UserError(
                f"gradient_penalty={self.gradient_penalty} is on each image by itself, BatchNorm mixes them "
                "(Gulrajani et al. 2017, section 4): set discriminator_batch_norm=false"
            )
        if self.precision == "float16" and (self.gradient_penalty or self.r1_gamma):
            raise UserError(
                "precision='float16' has too small a range for a gradient of gradients (r1_gamma, gradient_penalty): "
                "take precision=bfloat16 or float32"
            )

    @property
    def depends_on_length(self) -> bool:
        """Whether a short training is not the beginning of a longer one. A field that makes it so belongs here.

        None does today: `epochs` and `steps` say when to stop, and what falls over time counts images or steps.
        """
        return False

    @property
    def uses_labels_of_its_own(self) -> bool:
        return self.real_label_low != 1 or self.real_label_high != 1 or self.label_noise != 0

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`, in the order given."""
        return () if self.augment == "none" else tuple(name.strip() for name in self.augment.split(","))

    @property
    def discriminator_has_batch_norm(self) -> bool:
        if self.architecture == "dcgan" and self.batch_norm == "none":
            return False
        return self.discriminator_batch_norm and self.architecture in ("quick", "dcgan", "gwu")

    def with_fields(self, overrides: dict[str, Any]) -> "Recipe":
        """This recipe with some fields changed; texts such as '0.01' or 'none' become what the field holds.

        `learning_rate` sets both networks' rates. `epochs` and `steps` replace one another.
        Raises UserError for an unknown field (naming the nearest), a wrong type or a value out of range.
        """
        overrides = dict(overrides)
        if "learning_rate" in overrides:
            rate = overrides.pop("learning_rate")
            overrides = {"generator_learning_rate": rate, "discriminator_learning_rate": rate, **overrides}
        hints = get_type_hints(Recipe)
        known = [name for name in hints if name not in ("name", "source", "summary")]
        for name in overrides:
            if name not in known:
                raise UserError(
                    f"unknown field {name!r}.{nearest(name, ['learning_rate', *known])} "
                    "`python -m dcgan_tf train --list-fields` explains all fields of a recipe"
                )
        values = {name: parse_value(name, value, hints[name]) for name, value in overrides.items()}
        if values.get("steps") is not None and values.get("epochs") is not None:
            raise UserError(
                f"epochs={values['epochs']} and steps={values['steps']} are both given: give one of the two"
            )
        if values.get("steps") is not None:
            values["epochs"] = None
        elif values.get("epochs") is not None:
            values["steps"] = None
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def field_help() -> list[tuple[str, str, Any, str]]:
    """(name, type, default, meaning) of every field that can be set, for the command line's help."""
    hints = get_type_hints(Recipe)
    return [
        (f.name, describe_type(hints[f.name]), f.default, f.metadata["help"])
        for f in fields(Recipe)
        if f.name not in ("name", "source", "summary")
    ]


def describe_type(annotation) -> str:
    """An annotation in a user's words: 'a whole number', "one of 'adam', 'rmsprop'", ..."""
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join("none" if a is type(None) else describe_type(a) for a in get_args(annotation))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[annotation]


def parse_value(name: str, value, annotation):
    """`value`, when it is a text, turned into what `annotation` asks for; otherwise left as it is."""
    if not isinstance(value, str):
        return value
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if type(None) in options and value.lower() in ("none", "null", ""):
        return None
    for option in options:
        if get_origin(option) is Literal:
            for choice in get_args(option):
                if str(choice) == value:
                    return choice
        elif option is bool and value.lower() in ("true", "false"):
            return value.lower() == "true"
        elif option in (int, float):
            try:
                return option(value)
            except ValueError:
                pass
    return value  # check_value says what is wrong with it


def check_value(name: str, value, annotation):
    """`value` as `annotation` asks for it (a whole number does for a float), or UserError."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    for option in options:
        if option is type(None):
            if value is None:
                return None
        elif get_origin(option) is Literal:
            if any(type(value) is type(choice) and value == choice for choice in get_args(option)):
                return value
        elif option is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
            return float(value)
        elif option is int and isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return int(value)  # NumPy's whole numbers too
        elif type(value) is option:
            return value
    choices = [c for option in options if get_origin(option) is Literal for c in get_args(option)]
    raise UserError(f"{name}={value!r} must be {describe_type(annotation)}.{nearest(value, choices)}".rstrip("."))


def _check_range(recipe: Recipe, name: str):
    value = getattr(recipe, name)
    if type(value) not in (int, float):
        return
    bounds = Recipe.__dataclass_fields__[name].metadata
    low, high, above = bounds["low"], bounds["high"], bounds["above"]
    if math.isfinite(value) and low <= value <= high and value > above:
        return
    limits = [f"at least {low}"] if low > -math.inf else []
    limits += [f"above {above}"] if above > -math.inf else []
    limits += [f"at most {high}"] if high < math.inf else []
    wanted = " ".join(["a finite number", " and ".join(limits)]).rstrip()
    raise UserError(f"{name}={value!r} must be {wanted} ({bounds['help']})")
