"""Alarms: what goes wrong with a GAN, seen in its history or in its images, and said in one line.

Each is a function of numbers that a run directory holds; nothing here stops or changes a training.

    discriminator_has_won, oscillation    of history.csv; not with the loss wasserstein, whose scores have no scale
    mode_collapse, memorisation           of what `look_at` found in generated images, evaluation by evaluation
    labels_ignored                        of what label_agreement.py found in those of a conditional generator

alarm_log.py writes them down while a training runs.
"""

import functools
import math
from dataclasses import asdict, dataclass, replace

import numpy as np

from dcgan_tf.evaluation import metrics
from dcgan_tf.pictures.even_rows import even_rows
from dcgan_tf.recipe.fields import FIELDS, Recipe, default_of
from dcgan_tf.system.errors import UserError

WON = 0.97  # D(real) above, and D(fake) below 1 minus this; by as much nearer where labels are smoothed or noisy
WON_STEPS = 500  # for so many steps
SWING = 0.5  # D(real) - D(fake) has gone up or down by so much since its last turn
SWINGS = 5  # so many of them, up and down by turns ...
SWING_ROWS = 20  # ... none later than so many rows after the one before it
DIVERSITY = 0.5  # of what real images have
START_STEPS = 1000  # every generator begins with images that are all alike, and may take so long to leave that
COPY = 0.5  # of the distance to its own nearest neighbour is how near to a real image a copy is
HEARD = 0.2  # of the way from the agreement of permuted labels to that of real images
TOLD_APART = 0.1  # the least such way: below, the classifier cannot tell who hears
COPIED_SHARE = 0.05  # of real images that are new to the dataset, about 0.002 are so near

# What D is trained to say of real and of generated images. A Wasserstein critic's scores have no such scale.
_IDEAL_SCORES = {"bce": (1, 0), "minimax": (1, 0), "least_squares": (1, 0), "hinge": (1, -1), "relativistic": (1, 0)}
# Where scores are no probabilities, their mean does not say that all images are told apart; D's loss does. On
# digits it was 0.09 and 0.5 for healthy runs, 0.004 and 0.000 for a D that had won.
_NOTHING_LEFT = {"least_squares": 0.015, "hinge": 0.06}


@dataclass(frozen=True)
class Alarm:
    """What was seen, since which step, and what people usually try; its text is one line."""

    name: str
    seen: str
    since: int
    remedies: str

    def __str__(self):
        return f"alarm: {self.name} since step {self.since:,} ({self.seen}); people usually try {self.remedies}"

    def as_dict(self) -> dict:
        return asdict(self)


def alarms_of(history: dict, looks: list[dict], loss: str = "bce", recipe: dict | None = None) -> list[Alarm]:
    """All alarms that are on at the end of a run.

    history: Run.history(). looks: what `look_at` found, oldest first, each with its "step". loss: the recipe's.
    recipe: its fields, as in config.json: they say what D is told, and which remedies it takes that are not in force.
    """
    history = even_rows(history)  # the last step of an epoch, by itself, says little
    found = (
        discriminator_has_won(history, loss, recipe),
        oscillation(history, loss),
        mode_collapse(looks),
        memorisation(looks),
        labels_ignored(looks),
    )
    return [replace(alarm, remedies=advice(alarm.remedies, recipe)) for alarm in found if alarm is not None]


def advice(remedies: str, recipe: dict | None) -> str:
    """Of remedies, joined by "; ", those that the recipe takes and that change something in it, as a text: a, b or c.

    recipe: its fields, as in config.json; all are kept where it is none that this version knows.
    """
    try:
        known = Recipe.from_record(recipe) if recipe else None
    except UserError:
        known = None
    kept = [remedy for remedy in remedies.split("; ") if known is None or _acts(remedy, known)]
    return " or ".join(filter(None, [", ".join(kept[:-1]), kept[-1]]))


@functools.lru_cache(1000)
def _acts(remedy, recipe):
    """Whether the recipe can be changed as the remedy says, and is not there, or beyond it, already.

    A number that a remedy names is lower than those it is for: real_label_low=0.9 is no remedy at 0.8. One that names
    none ("more dropout") is tried with the next number. An augmentation would take the place of those that are there.
    """
    words = remedy.split()
    field, has_value, value = (words[0] if "=" in words[0] else words[-1]).partition("=")
    if field not in FIELDS:  # more data, another seed
        return True
    now = getattr(recipe, field)
    if ("instead" in words and str(now) != words[-1]) or (field == "augment" and recipe.augmentations):
        return False
    if not has_value and not isinstance(now, int | float):  # another loss
        return True
    if not has_value:
        up = {"more", "larger"} & set(words)
        value = now + (1 if up else -1) if isinstance(now, int) else math.nextafter(now, math.inf if up else 0)
    try:
        then = getattr(recipe.with_fields({field: value}), field)
    except UserError:
        return False
    beyond = has_value and isinstance(then, float) and now is not None and now < then
    return then != now and not beyond


# --- of the history ---------------------------------------------------------------------------------------


def discriminator_has_won(history: dict, loss: str = "bce", recipe: dict | None = None) -> Alarm | None:
    """D tells all real from all generated images up to now, for long: the generator learns nothing any more.

    That is D(real) near 1 and D(fake) near 0, or near what the recipe's labels are on average; with least_squares and
    hinge, a loss of D near 0, or near what is left where labels are drawn by chance.
    """
    if loss not in _IDEAL_SCORES or len(history["step"]) < 2:
        return None
    steps, real, fake = (history[name] for name in ("step", "discriminator_real", "discriminator_fake"))
    of_real, of_fake, by_chance = _labels(recipe or {})
    if loss in _NOTHING_LEFT:
        won = history["discriminator_loss"] < _NOTHING_LEFT[loss] + by_chance
    else:
        won = (real > of_real - (1 - WON)) & (fake < of_fake + (1 - WON))
    lost = np.flatnonzero(~won)
    first = lost[-1] + 1 if len(lost) else 0
    since = int(steps[first - 1]) if first else 0  # a row is about the steps after the row before it
    if first == len(steps) or steps[-1] - since < WON_STEPS:
        return None
    seen = f"D(real) {real[first:].mean():.2f}, D(fake) {fake[first:].mean():.2f}"
    if loss in _NOTHING_LEFT:
        seen += f", D's loss {history['discriminator_loss'][first:].mean():.3f}"
    remedies = ["a lower discriminator_learning_rate", "more instance_noise", "augment=translation"]
    remedies += ["real_label_low=0.9"] if loss in ("bce", "least_squares") else []
    remedies += ["more dropout", "a smaller width" if loss == "hinge" else "loss=hinge"]
    return Alarm(
        "the discriminator has won",
        f"{seen} for {steps[-1] - since:,} steps",
        since,
        "; ".join(remedies),
    )


def _labels(recipe):
    """What the labels of real (at most 1) and of generated images are on average, and the loss of least_squares that is
    left to a D which says just that: half of both variances. They are drawn as in game/losses.py."""
    low, high, noise = (
        recipe.get(name, default_of(name)) for name in ("real_label_low", "real_label_high", "label_noise")
    )
    return min(1, (low + high + noise) / 2), noise / 2, ((high - low) ** 2 + 2 * noise**2) / 24


def oscillation(history: dict, loss: str = "bce") -> Alarm | None:
    """The discriminator's lead, D(real) - D(fake), goes far up and far down again and again.

    It is measured in parts of what D is trained to make it: 1, or 2 with hinge; more than that counts no more.
    """
    if loss not in _IDEAL_SCORES:
        return None
    of_real, of_fake = _IDEAL_SCORES[loss]
    lead = (history["discriminator_real"] - history["discriminator_fake"]) / (of_real - of_fake)
    lead = np.clip(lead, -1, 1)
    recent = []
    for row in reversed(_swings(lead)):  # the unbroken chain of swings that reaches up to now
        if (recent[-1] if recent else len(lead) - 1) - row > SWING_ROWS:
            break
        recent.append(row)
    if len(recent) < SWINGS:
        return None
    seen = lead[recent[-1] :]
    return Alarm(
        "the training oscillates",
        f"the lead of D swung {len(recent)} times between about {seen.min():.2f} and {seen.max():.2f}",
        int(history["step"][recent[-1]]),
        "a lower learning_rate; beta_1=0.5; batch_norm=paper instead of all; a larger batch_size; clip_norm=1",
    )


def _swings(values):
    """The rows at which a series has gone down by SWING from its last peak, or up from its last trough, by turns."""
    rows, low, high, falling = [], np.inf, -np.inf, None
    for row, value in enumerate(values):
        low, high = min(low, value), max(high, value)
        if falling is not True and high - value >= SWING:
            rows.append(row)
            falling, low = True, value
        elif falling is not False and value - low >= SWING:
            rows.append(row)
            falling, high = False, value
    return rows


# --- of images --------------------------------------------------------------------------------------------


class RealNeighbours:
    """Real features [N, D], and how far from its nearest other one each is; computed when asked for, once."""

    def __init__(self, features: np.ndarray):
        self.features = np.asarray(features, np.float64)
        self._own = np.full(len(self.features), np.nan)

    def nearest_to(self, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each generated feature [M, D]: the row of the nearest real one, and how near it is, relative to the
        distance of that one to its own nearest neighbour: below COPY, the image is nearly a copy."""
        rows, distances = metrics.nearest(generated, self.features)
        unknown = np.unique(rows[np.isnan(self._own[rows])])
        self._own[unknown] = metrics.neighbour_distances(self.features, 1, unknown)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = distances / self._own[rows]
        return rows, np.where(distances == 0, 0.0, ratios)


def look_at(generated: np.ndarray, real: RealNeighbours, ratios: np.ndarray | None = None) -> dict[str, float]:
    """Three numbers about generated features [M, D], best of averaged pixels (see features.py).

    ratios: how near some of them are to a real image, where there are more of these than `real` has.

    spread: root of the total variance, relative to that of as many real images.
    neighbours: median distance to the nearest other generated image, relative to that among as many real ones.
    copied: share of images that are nearer to a real image than COPY times its own nearest neighbour is. A
        ratio of such distances tells copies apart: see Carlini et al. 2023 (arXiv:2301.13188), section 4.
    """
    generated = np.asarray(generated, np.float64)
    rows = np.random.default_rng(0).permutation(len(real.features))[: len(generated)]
    some_real, generated_part = real.features[rows], generated[: len(rows)]
    between = np.median(metrics.neighbour_distances(some_real, 1))
    if ratios is None:
        _, ratios = real.nearest_to(generated)
    return {
        "spread": _ratio(np.sqrt(generated.var(axis=0).sum()), np.sqrt(some_real.var(axis=0).sum())),
        "neighbours": _ratio(np.median(metrics.neighbour_distances(generated_part, 1)), between),
        "copied": float((ratios <= COPY).mean()),
    }


def _ratio(value, of):
    return float(value / of) if of else 1.0


def mode_collapse(looks: list[dict]) -> Alarm | None:
    """Generated images are much more alike than real ones are.

    Not before START_STEPS, unless they were diverse already.
    """
    streak = _streak(looks, lambda look: min(look["spread"], look["neighbours"]) < DIVERSITY)
    if not streak:
        return None
    if len(streak) == len(looks) and streak[-1]["step"] < START_STEPS:
        return None
    last = streak[-1]
    return Alarm(
        "mode collapse",
        f"generated images spread {last['spread']:.0%} as far as real ones, "
        f"and the nearest two are {last['neighbours']:.0%} as far apart",
        streak[0]["step"],
        "minibatch_std=true; another seed; a lower generator_learning_rate; a larger batch_size; loss=hinge",
    )


def memorisation(looks: list[dict]) -> Alarm | None:
    """Generated images are copies of training images."""
    streak = _streak(looks, lambda look: look["copied"] > COPIED_SHARE)
    if not streak:
        return None
    return Alarm(
        "memorisation",
        f"{streak[-1]['copied']:.0%} of generated images are nearly copies of training images",
        streak[0]["step"],
        "more data; augment=translation; a smaller width; fewer epochs; more dropout",
    )


def labels_ignored(looks: list[dict]) -> Alarm | None:
    """The images of a conditional generator are hardly what was asked for: nearly as if labels were permuted.

    Not before START_STEPS, unless labels were heard already. Looks that say nothing of labels are passed over.
    """
    looks = [look for look in looks if "labels" in look]
    streak = _streak(looks, lambda look: _way_to_hearing(look["labels"]) < HEARD)
    if not streak:
        return None
    if len(streak) == len(looks) and streak[-1]["step"] < START_STEPS:
        return None
    last = streak[-1]["labels"]
    return Alarm(
        "labels are ignored",
        f"the classifier's agreement with what was asked for is {last['agreement']:.0%}, with permuted labels "
        f"{last['permuted']:.0%}, with those of real images {last['real']:.0%}",
        streak[0]["step"],
        "more epochs; self_modulation=true; loss=hinge; a larger discriminator_learning_rate; a larger batch_size",
    )


def _way_to_hearing(labels):
    """How far the agreement is from that of permuted labels (0) to that of real images (1); 1 where none can tell."""
    real, chance = labels.get("real"), labels["permuted"]
    if real is None or real - chance < TOLD_APART:
        return 1.0
    return (labels["agreement"] - chance) / (real - chance)


def _streak(looks, bad):
    """The unbroken row of bad looks that reaches up to now, oldest first."""
    streak = []
    for look in reversed(looks):
        if not bad(look):
            break
        streak.insert(0, look)
    return streak


def neighbour_sheet(images, real_images, nearest: np.ndarray, ratios: np.ndarray, names=None, what="generated images"):
    """A picture of pairs: each generated image, and right of it the real image that is nearest.

    images: uint8 [N, H, W, C]; nearest, ratios [N]: the row in real_images, and how near it is, as
    RealNeighbours.nearest_to gives them; names: texts over the generated images; what they are, for the title.
    """
    from dcgan_tf.pictures.shown import show_images

    pairs = np.stack([images, real_images[np.asarray(nearest)]], axis=1).reshape(-1, *images.shape[1:])
    told = [f"{ratio:.2f}{' copy' if ratio <= COPY else ''}" for ratio in ratios]
    titles = [text for pair in zip(names or ["made"] * len(images), told, strict=True) for text in pair]
    title = f"{what}, each with the nearest real one right of it; {COPY} or less: nearly a copy"
    return show_images(pairs, titles, columns=8, title=title)


def looks_of(lines) -> list[dict]:
    """What these alarms want to know of evaluations, lines of metrics.jsonl: by their steps.

    The best generator, an earlier one, may be measured after the last one.
    """
    about = ("step", "while_training")
    return [
        {
            **line["look"],
            **{key: line.get(key, 0) for key in about},
            **({"labels": line["labels"]} if "labels" in line else {}),
        }
        for line in sorted(lines, key=lambda line: line.get("step", 0))
        if "look" in line
    ]
