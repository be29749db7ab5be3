"""Recipe: every choice that decides what a training computes, with the default this project would make.

Types and ranges are pydantic's; what goes with what is in combinations.py. A recipe knows no path and no file, and
nothing here imports TensorFlow, so a mistake in a recipe is reported at once.
"""

import functools
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dcgan_tf.recipe import values
from dcgan_tf.recipe.combinations import not_used, refusal, switched_off, uses
from dcgan_tf.recipe.values import STRICT, no_bool, plain
from dcgan_tf.system.errors import UserError, nearest

AUGMENTATIONS = ("translation", "cutout", "color")  # game/augmentation.py says what they do
MOST = 10**12  # of steps, epochs and the like: more is a slip, and config.json could not be read back
LAST_SEED = 2**31 - 1  # of a training: TensorFlow takes no larger one everywhere
DESCRIPTION = ("name", "source", "summary")  # what a recipe is called and where it comes from; it decides nothing


def _field(default, meaning, **limits):
    """A field with its one-line meaning and its limits: ge <= x <= le, x > gt."""
    return Field(default=default, description=meaning, **limits)


Channels = Annotated[Literal[1, 3], BeforeValidator(no_bool)]


class Recipe(BaseModel):
    """Everything that decides what a training computes, apart from the data, the seed and its length.

    `Recipe.model_json_schema()` says the same for other programs. Raises UserError when a field has the wrong type
    or a value outside its range, and for values that make no sense together.
    """

    model_config = ConfigDict(**STRICT, frozen=True, extra="forbid")

    name: str = _field("custom", "what the recipe is called")
    source: str = _field("", "where it comes from")
    summary: str = _field("", "one line for the table of recipes")

    # The networks.
    architecture: Literal["quick", "dcgan", "tutorial", "vrdl", "gwu", "sapienza", "rpi"] = _field(
        "quick", "which pair of networks, a file of networks/"
    )
    image_size: int = _field(64, "height and width in pixels; for folders, and where it is fixed", ge=1, le=1024)
    channels: Channels | None = _field(None, "1 gray, 3 colour; none: the data's own")
    latent_dim: int = _field(100, "length of the latent vector z", ge=1, le=65536)
    latent_distribution: Literal["normal", "uniform"] = _field("normal", "N(mean, std), or uniform over mean +- std")
    latent_mean: float = _field(0.0, "mean of every component of z")
    latent_std: float = _field(1.0, "standard deviation (normal) or half-width (uniform) of z", gt=0)
    width: int = _field(64, "feature maps next to the image; the other layers follow from it", ge=1, le=4096)
    initial_std: float = _field(0.02, "standard deviation of the initial weights, where normal", gt=0)
    leaky_slope: float = _field(0.2, "negative slope of LeakyReLU", ge=0, le=1)
    generator_activation: Literal["relu", "leaky_relu"] = _field("relu", "inside a `dcgan` generator")
    batch_norm: Literal["paper", "inner", "all", "none"] = _field(
        "paper",
        "`dcgan`: all but G's output and D's input / also not G's input / everywhere / nowhere; `rpi`: in G or not",
    )
    discriminator_batch_norm: bool = _field(True, "BatchNorm in D, in architectures that have it there")
    minibatch_std: bool = _field(False, "D's last features are told how much the images of a batch differ")
    self_modulation: bool = _field(False, "`quick`'s G: the latents scale and shift the features of every layer")
    last_doubling: Literal["depth_to_space", "bilinear", "by_channels"] = _field(
        "depth_to_space",
        "`quick`'s G reaches the full size by: four pixels at once / enlarging, then convolving / that in colour only",
    )
    conditional: bool = _field(False, "both networks are told the labels, so that images of a kind can be asked for")
    label_projection: float = _field(
        1.0, "`conditional`: D's projection of the labels counts so many times (over the root of its features)", gt=0
    )
    # With 1, D would jump over three quarters of the pixels (and TensorFlow crashes on a batch of 1).
    discriminator_kernel: int = _field(5, "kernel size of D's convolutions, in `rpi`", ge=2, le=15)
    upsampling: Literal["transposed", "resized"] = _field(
        "transposed", "a `dcgan` generator doubles by: transposed convolutions / enlarging, then convolving"
    )
    generator_dropout: Literal["before", "between", "none"] = _field(
        "before",
        "where `vrdl`'s G drops features: before a transposed convolution / between it and BatchNorm / nowhere",
    )
    dropout: float = _field(0.3, "dropout rate, in architectures that have any", ge=0, le=0.95)

    # The game.
    loss: Literal["bce", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"] = _field(
        "bce", "a pair of game/losses.py"
    )
    real_label_low: float = _field(1.0, "real images' label is drawn once per step from U(this, high)", ge=0, le=2)
    real_label_high: float = _field(1.0, "its other end; both equal, below 1: one-sided smoothing", ge=0, le=2)
    generator_target: Literal["as_real", "drawn", "one"] = _field(
        "as_real", "what G wants D to say: the real images' label of the step / a draw of its own / 1 (Salimans et al.)"
    )
    label_noise: float = _field(0.0, "uniform noise in [0, x) added to every label of D", ge=0, le=1)
    update_rule: Literal["simultaneous", "alternating", "loss_gated"] = _field(
        "alternating", "both from one pass / D first, G through the new D / only the one that is behind"
    )
    discriminator_steps: int = _field(1, "steps of D for each step of G", ge=1, le=1000)

    discriminator_loss_weight: float = _field(1.0, "D moves down this times its loss; the log has the loss", gt=0)

    # What D is shown, and what keeps it smooth.
    discriminator_batch: Literal["apart", "first_apart", "together"] = _field(
        "apart",
        "real and generated images pass D as two batches / as one, but each kind with a statistic of its own in D's "
        "first BatchNorm / as one, of one BatchNorm statistic",
    )
    first_apart_images: float | None = _field(
        None, "`first_apart` ends after so many images, and all statistics are shared from then on (none: never)", gt=0
    )
    feature_matching: float = _field(
        0.0, "G also matches mean and deviation of D's normalised features over a batch: weight of the difference", ge=0
    )
    augment: str = _field("none", "DiffAugment of all that D sees: translation, cutout, color, joined by commas")
    horizontal_flips: bool = _field(False, "real images are mirrored half of the time")
    instance_noise: float = _field(0.0, "standard deviation of the normal noise on all that D sees", ge=0, le=10)
    instance_noise_images: float | None = _field(
        None,
        "the noise falls to 0 over so many images (none: never); with a target, its whole way takes that long",
        gt=0,
    )
    instance_noise_target: float | None = _field(
        None,
        "the noise rises from 0 while D tells real from generated in more than this share of pairs",
        ge=0.5,
        le=1,
    )
    r1_gamma: float = _field(0.0, "R1: gamma / 2 times the squared gradient of D at real images", ge=0)
    r2_gamma: float = _field(0.0, "R2: gamma / 2 times the squared gradient of D at generated images", ge=0)
    r1_every: int = _field(1, "R1 and R2 only on every n-th step, n times as strong", ge=1, le=1000)
    penalty_sigma: float = _field(
        0.0, "R1 and R2 from D's differences at noise of this deviation; 0: from its gradient, exactly", ge=0, le=1
    )
    penalty_share: float = _field(1.0, "R1 and R2 on this share of the batch, as strong: cheaper", gt=0, le=1)
    gradient_penalty: float = _field(0.0, "WGAN-GP: weight of (|gradient of D| - 1)^2 between real and fake", ge=0)
    spectral_norm: bool = _field(False, "D's kernels are kept at spectral norm 1")

    # The optimizers.
    optimizer: Literal["adam", "rmsprop"] = _field("adam", "for both networks")
    generator_learning_rate: float = _field(2e-4, "learning rate of G", gt=0)
    discriminator_learning_rate: float = _field(2e-4, "learning rate of D", gt=0)
    beta_1: float = _field(0.5, "Adam's first momentum", ge=0, le=0.9999)
    beta_2: float = _field(0.999, "Adam's second momentum", ge=0, le=0.999999)
    adam_epsilon: float = _field(1e-7, "Adam's epsilon", gt=0, le=1)
    learning_rate_decay: float = _field(0.0, "rate / (1 + decay * step)", ge=0)
    learning_rate_schedule: Literal["constant", "linear", "cosine"] = _field("constant", "how both rates fall")
    learning_rate_images: float | None = _field(None, "images over which a schedule lets the rates fall", gt=0)
    learning_rate_floor: float = _field(0.0, "the share of itself a schedule lets a rate fall to", ge=0, le=1)
    clip_value: float | None = _field(None, "each gradient component is clipped to +- this", gt=0)
    clip_norm: float | None = _field(None, "each variable's gradient is clipped to this norm", gt=0)
    batch_size: int = _field(64, "real images per step", ge=1, le=MOST)

    # The averaged generator (Karras et al. 2018, section 5; half-life and ramp-up of Karras et al. 2020).
    ema_images: float = _field(0.0, "half-life of the average of G's weights, in images; 0: no average", ge=0)
    ema_rampup: float = _field(0.05, "the half-life is at most this share of the images seen so far", gt=0)

    # How long, and what is drawn meanwhile.
    epochs: int | None = _field(25, "passes over the data, unless `steps` is given", ge=1, le=MOST)
    steps: int | None = _field(None, "steps of training, instead of epochs", ge=1, le=MOST)
    grid_images: int = _field(64, "images in each grid, always from the same latents", ge=1, le=1024)
    grid_every: int | None = _field(
        None, "steps between grids; none: one per epoch, of more than 200 ever fewer", ge=1, le=MOST
    )
    gif_thinned: bool = _field(False, "of the epochs, the film has those where round(2*sqrt(epoch)) is new")

    # What the processor does with it.
    precision: Literal["float32", "bfloat16", "float16"] = _field(
        "float32", "of the networks' arithmetic (weights stay float32); the shorter ones are for GPUs"
    )
    jit_compile: bool = _field(False, "compile the step with XLA (a different stream of random numbers)")

    def __init__(self, **given):
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise UserError(_in_one_line(error.errors()[0])) from None

    @model_validator(mode="before")
    @classmethod
    def _plain_numbers(cls, given):
        return {name: plain(value) for name, value in given.items()}

    @model_validator(mode="after")
    def _go_together(self):
        for name in self.augmentations:
            if name not in AUGMENTATIONS:
                raise UserError(
                    f"augment={self.augment!r}: {name!r} is none of {', '.join(AUGMENTATIONS)}."
                    f"{nearest(name, AUGMENTATIONS)} Join several by commas, or give none"
                )
        for name, value in self:
            if not uses(self.architecture, name) and value != default_of(name):
                raise UserError(f"{name}={value!r}: {not_used(self.architecture, name)}")
        problem = refusal(self)
        if problem:
            raise UserError(problem)
        return self

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
        return self.discriminator_batch_norm and uses(self.architecture, "discriminator_batch_norm")

    def with_fields(self, overrides: dict[str, Any]) -> "Recipe":
        """This recipe with some fields changed; texts such as '0.01' or 'none' become what the field holds.

        `learning_rate` sets both networks' rates. `epochs` and `steps` replace one another. With another
        `architecture`, fields that it does not use go back to their defaults.
        Raises UserError for an unknown field (naming the nearest), a wrong type, a value out of range, and a field
        that would change nothing here.
        """
        overrides = dict(overrides)
        if "learning_rate" in overrides:
            rate = overrides.pop("learning_rate")
            overrides = {"generator_learning_rate": rate, "discriminator_learning_rate": rate, **overrides}
        for name in overrides:
            check_field_name(name)
        changes = {name: parse_text(name, v) if isinstance(v, str) else plain(v) for name, v in overrides.items()}
        if changes.get("steps") is not None and changes.get("epochs") is not None:
            raise UserError(
                f"epochs={changes['epochs']} and steps={changes['steps']} are both given: give one of the two"
            )
        if changes.get("steps") is not None:
            changes["epochs"] = None
        elif changes.get("epochs") is not None:
            changes["steps"] = None
        usual = {}
        if "architecture" in changes:
            usual = {n: default_of(n) for n in self.as_dict() if n not in changes and not _may_use(changes, n)}
        changed = Recipe(**{**self.as_dict(), **usual, **changes})
        for name in overrides:
            if not uses(changed.architecture, name):
                raise UserError(f"{name}={changes[name]!r}: {not_used(changed.architecture, name)}")
            why = changes[name] != getattr(self, name) and switched_off(changed, name, overrides)
            if why:
                raise UserError(f"{name}={changes[name]!r}: {why}")
        return changed

    @classmethod
    def from_record(cls, fields: dict[str, Any]) -> "Recipe":
        """The recipe that a run's config.json holds.

        A field that is younger than the run has its default, which changes nothing; so has one that its architecture
        does not use, whatever an older version let it be set to. Raises UserError for a field that is not known.
        """
        for name in fields:
            if name not in cls.model_fields:
                raise UserError(f"its recipe has the field {name!r}, which this version of dcgan_tf does not know")
        return cls(**{name: value for name, value in fields.items() if _may_use(fields, name)})

    def as_dict(self) -> dict[str, Any]:
        return dict(self)


FIELDS = tuple(name for name in Recipe.model_fields if name not in DESCRIPTION)  # those that can be set


def default_of(name: str):
    """What a field is where a recipe does not say."""
    return Recipe.model_fields[name].default


def _may_use(given, name):
    """Whether the architecture that is given uses a field; yes where that is no architecture at all."""
    architecture = given.get("architecture", default_of("architecture"))
    return architecture not in get_args(Recipe.model_fields["architecture"].annotation) or uses(architecture, name)


def check_field_name(name: str):
    """UserError, naming the nearest, unless this is a field that can be set."""
    if name not in FIELDS:
        raise UserError(
            f"unknown field {name!r}.{nearest(name, ['learning_rate', *FIELDS])} "
            "`python -m dcgan_tf train --list-fields` explains all fields of a recipe"
        )


def field_help(recipe: Recipe | None = None) -> list[tuple[str, str, Any, str]]:
    """(name, type and range, value, meaning) of every field that a recipe uses, for the command line's help."""
    recipe = recipe or Recipe()
    return [
        (name, describe_type(name), getattr(recipe, name), Recipe.model_fields[name].description)
        for name in FIELDS
        if uses(recipe.architecture, name)
    ]


def describe_type(name: str) -> str:
    """What a field holds, in a user's words: 'a whole number of at least 1', 'one of adam, rmsprop', ..."""
    return values.describe(Recipe.model_fields[name])


def parse_text(name: str, text: str):
    """A text of a command line or of YAML as the value that a field holds (see values.parse)."""
    return values.parse(Recipe.model_fields[name], text, _validator(name))


@functools.cache
def _validator(name):
    return values.adapter(Recipe.model_fields[name])


def check_type(name: str, value):
    """The value as a field holds it, or UserError: its type and range alone, whatever it goes with."""
    try:
        return _validator(name).validate_python(value)
    except ValidationError as error:
        raise UserError(_in_one_line({**error.errors()[0], "loc": (name,), "input": value})) from None


def _in_one_line(error):
    """One of pydantic's errors as this project says it."""
    wrong = error.get("ctx", {}).get("error")
    if isinstance(wrong, UserError):
        return str(wrong)
    name = error["loc"][0]
    if error["type"] == "extra_forbidden":
        return f"unknown field {name!r}.{nearest(name, Recipe.model_fields)}"
    return values.what_is_wrong(name, error["input"], Recipe.model_fields[name])
