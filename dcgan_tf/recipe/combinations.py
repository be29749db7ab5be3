"""What goes with what: which network fields an architecture has, and which values make no sense together.

Three tables, read from top to bottom; a recipe and a change of one are held against them in fields.py. Predicates
take a recipe. What stands here is the only place for it: the checks, the lists of fields, and the advice that
alarms give all follow from these tables.
"""

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

# --- the networks' fields ----------------------------------------------------------------------------------

# Which of the fields that shape networks each architecture uses; width, latent_dim and minibatch_std are used by
# all. Another one would change nothing, so setting it is refused. A test proves each row from the networks.
NETWORK_FIELDS: dict[str, tuple[str, ...]] = {
    "quick": ("initial_std", "leaky_slope", "self_modulation", "last_doubling", "discriminator_batch_norm"),
    "dcgan": (
        "initial_std",
        "leaky_slope",
        "generator_activation",
        "upsampling",
        "batch_norm",
        "discriminator_batch_norm",
    ),
    "tutorial": ("leaky_slope", "dropout"),
    "vrdl": ("initial_std", "leaky_slope", "dropout", "generator_dropout"),
    "gwu": ("initial_std", "leaky_slope", "discriminator_batch_norm"),
    "sapienza": ("leaky_slope", "dropout"),
    "rpi": ("leaky_slope", "batch_norm", "discriminator_kernel"),
}
_SOME_HAVE = {field for fields in NETWORK_FIELDS.values() for field in fields}


def uses(architecture: str, field: str) -> bool:
    """Whether a field of a recipe changes anything with networks of this architecture."""
    return field not in _SOME_HAVE or field in NETWORK_FIELDS[architecture]


def not_used(architecture: str, field: str) -> str:
    """Why setting this field is refused, and what to do instead."""
    having = ", ".join(name for name, fields in NETWORK_FIELDS.items() if field in fields)
    own = ", ".join(("width", *NETWORK_FIELDS[architecture]))
    return (
        f"the architecture {architecture!r} has no {field}, which would change nothing: leave it out, or take an "
        f"architecture that has it ({having}); the networks' fields of {architecture!r} are {own}"
    )


# --- fields that act only where another is on --------------------------------------------------------------


class Switch(NamedTuple):
    """Some fields, and what must be so for them to change anything."""

    fields: tuple[str, ...]
    acts: Callable  # (recipe) -> bool
    switched_by: tuple[str, ...]  # the fields that decide it
    needs: str  # for people


SWITCHES = (
    Switch(
        ("generator_target",),
        lambda r: r.real_label_low != 1 or r.real_label_high != 1,
        ("real_label_low", "real_label_high"),
        "real_label_low or real_label_high other than 1",
    ),
    Switch(
        ("r1_every", "penalty_sigma", "penalty_share"),
        lambda r: r.r1_gamma > 0 or r.r2_gamma > 0,
        ("r1_gamma", "r2_gamma"),
        "r1_gamma or r2_gamma above 0",
    ),
    Switch(("label_projection",), lambda r: r.conditional, ("conditional",), "conditional=true"),
    Switch(("ema_rampup",), lambda r: r.ema_images > 0, ("ema_images",), "ema_images above 0"),
    Switch(
        ("instance_noise_images", "instance_noise_target"),
        lambda r: r.instance_noise > 0,
        ("instance_noise",),
        "instance_noise above 0",
    ),
    Switch(
        ("first_apart_images",),
        lambda r: r.discriminator_batch == "first_apart",
        ("discriminator_batch",),
        "discriminator_batch=first_apart",
    ),
    Switch(
        ("learning_rate_floor",),
        lambda r: r.learning_rate_schedule != "constant",
        ("learning_rate_schedule",),
        "learning_rate_schedule=linear or cosine",
    ),
    Switch(("beta_1", "beta_2", "adam_epsilon"), lambda r: r.optimizer == "adam", ("optimizer",), "optimizer=adam"),
    Switch(
        ("discriminator_batch_norm",),
        lambda r: r.batch_norm != "none" or r.architecture != "dcgan",
        ("batch_norm",),
        "batch_norm other than none",
    ),
)


def acts(recipe, field: str) -> bool:
    """Whether another value of this field would change what the recipe computes."""
    return uses(recipe.architecture, field) and all(s.acts(recipe) for s in SWITCHES if field in s.fields)


def inert(*recipes: dict) -> set[str]:
    """The fields that are switched off in all of these recipes, each as {field: value} with every field."""
    found = set()
    for switch in SWITCHES:
        with contextlib.suppress(TypeError):  # of a damaged record, a text where a number belongs: said elsewhere
            if not any(switch.acts(SimpleNamespace(**values)) for values in recipes):
                found.update(switch.fields)
    return found


def switched_off(recipe, field: str, given) -> str | None:
    """Why changing this field changes nothing in this recipe; None where it acts.

    `given`: the names of all fields that are changed together: who says `r1_gamma=0` beside `r1_every=16` knows.
    """
    for switch in SWITCHES:
        if field in switch.fields and not switch.acts(recipe) and not set(switch.switched_by) & set(given):
            return f"it changes nothing without {switch.needs}: give that too, or leave {field} out"
    return None


# --- values that make no sense together --------------------------------------------------------------------


class Refusal(NamedTuple):
    """A combination of values that makes no sense."""

    when: Callable  # (recipe) -> bool
    why: str  # with {fields} of the recipe; says what to do


def _smooth_without_batch_norm(field, name, source, way_out="", unless=lambda r: False):
    """A row for what keeps D smooth image by image, which BatchNorm in D undoes."""
    return Refusal(
        lambda r: getattr(r, field) and r.discriminator_has_batch_norm and not unless(r),
        f"{field}={{{field}}}: {name} is about D's answer to each image by itself, and BatchNorm in D makes it depend "
        f"on the whole batch ({source}): set discriminator_batch_norm=false{way_out}",
    )


def _slope_without_batch_norm(field, name):
    """By differences the whole batch moves at once, and D's answers to it are what is kept smooth."""
    return _smooth_without_batch_norm(
        field,
        name,
        "the gradient of one image's logit alone is in Mescheder et al. 2018",
        ", or penalty_sigma=0.1: differences are about the whole batch",
        lambda r: r.penalty_sigma,
    )


REFUSALS = (
    Refusal(
        lambda r: r.real_label_low > r.real_label_high,
        "real_label_low={real_label_low} is above real_label_high={real_label_high}: give low <= high, for example "
        "0.9 and 1.0",
    ),
    Refusal(
        lambda r: r.uses_labels_of_its_own and r.loss not in ("bce", "least_squares"),
        "loss={loss!r} has no labels to smooth or to add noise to: take loss=bce or least_squares, or leave "
        "real_label_low, real_label_high and label_noise alone",
    ),
    Refusal(
        lambda r: r.discriminator_steps > 1 and r.update_rule != "alternating",
        "discriminator_steps={discriminator_steps} with update_rule={update_rule!r}: several steps of D for one of G "
        "are of update_rule=alternating",
    ),
    Refusal(
        lambda r: r.clip_value is not None and r.clip_norm is not None,
        "clip_value={clip_value} and clip_norm={clip_norm} are both set: an optimizer clips in one way, leave one out",
    ),
    Refusal(
        lambda r: (r.learning_rate_schedule == "constant") != (r.learning_rate_images is None),
        "learning_rate_schedule={learning_rate_schedule!r} and learning_rate_images={learning_rate_images}: a schedule "
        "and the images it takes belong together, give both or none",
    ),
    Refusal(
        lambda r: r.learning_rate_decay and r.learning_rate_schedule != "constant",
        "learning_rate_decay={learning_rate_decay} and learning_rate_schedule={learning_rate_schedule!r} are both set: "
        "the rate falls in one way, leave one out",
    ),
    Refusal(
        lambda r: r.instance_noise_target is not None and r.instance_noise_images is None,
        "instance_noise_target={instance_noise_target} and instance_noise_images=None: noise that follows D needs the "
        "images its whole way takes: instance_noise_images=4000, or leave the target out",
    ),
    Refusal(
        lambda r: r.discriminator_batch == "first_apart" and not r.discriminator_has_batch_norm,
        "discriminator_batch='first_apart' is about the first BatchNorm of D, and there is none: take "
        "discriminator_batch=together",
    ),
    Refusal(
        lambda r: r.feature_matching and (r.discriminator_batch == "apart" or not r.discriminator_has_batch_norm),
        "feature_matching={feature_matching} compares features that BatchNorm in D brings to one scale, of real and "
        "generated images in one batch: set discriminator_batch=together, in an architecture with BatchNorm in D",
    ),
    _smooth_without_batch_norm("gradient_penalty", "the penalty", "Gulrajani et al. 2017, section 4"),
    _slope_without_batch_norm("r1_gamma", "R1"),
    _slope_without_batch_norm("r2_gamma", "R2"),
    # A layer of norm 1 is stretched again by BatchNorm's scale over the batch's deviation, without a bound.
    _smooth_without_batch_norm("spectral_norm", "the bound", "Miyato et al. 2018, section 2, has layers, no batches"),
    Refusal(
        lambda r: r.penalty_sigma and uses(r.architecture, "dropout") and r.dropout,
        "penalty_sigma={penalty_sigma} and dropout={dropout}: D would be compared with another D, of other features "
        "dropped: set dropout=0, or leave penalty_sigma out",
    ),
    Refusal(
        lambda r: (
            r.precision == "float16" and (r.gradient_penalty or ((r.r1_gamma or r.r2_gamma) and not r.penalty_sigma))
        ),
        "precision='float16' has too small a range for a gradient of gradients (r1_gamma, r2_gamma, gradient_penalty): "
        "take precision=bfloat16 or float32",
    ),
    Refusal(
        lambda r: r.precision != "float32" and 0 < r.penalty_sigma < 0.05,
        "penalty_sigma={penalty_sigma} with precision={precision!r}: over so small a step the differences of short "
        "floats are mostly rounding: take penalty_sigma=0.1, or precision=float32",
    ),
)


def refusal(recipe) -> str | None:
    """What makes no sense in a recipe, in one line; None where all goes together."""
    for row in REFUSALS:
        if row.when(recipe):
            return row.why.format(**recipe.as_dict())
    return None
