"""What a search varies, and what stays the same in all its trials.

generator_learning_rate=1e-4..2e-3:log    any number in the range, drawn by its logarithm
dropout=0..0.5, epochs=5..20              any number, any whole number where the setting takes whole ones
batch_size=16,32,64                       one of these
width=32                                  the same in all trials
"""

import itertools
import json
import math
from dataclasses import dataclass, field

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.recipe.values import number_of
from dcgan_tf.sweeps.asked import check_known, one_value, read_parameters, split_values, values_of
from dcgan_tf.sweeps.plan import PlannedRun, plan_sweep
from dcgan_tf.system.errors import UserError

_DIGITS = 4  # of a drawn number: more say nothing, and are hard to read
_MOST_TRIED = 500  # combinations of ends, before a value counts as impossible
_LENGTHS = ("epochs", "steps", "max_seconds")
_MEASURED_BY = ("dataset", "classes", "image_size", "features", "evaluation_samples", "evaluate_every")


@dataclass(frozen=True)
class Range:
    """Any number from low to high, both included."""

    name: str
    low: float
    high: float
    log: bool

    @property
    def ends(self) -> list:
        return [self.low, self.high]

    @property
    def size(self) -> float:
        return self.high - self.low + 1 if isinstance(self.low, int) else math.inf

    def suggest(self, trial):
        suggest = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        suggest(self.name, self.low, self.high, log=self.log)

    def setting(self, drawn):
        """A number as Optuna holds it -> as the training is given it."""
        if isinstance(self.low, int):
            return int(drawn)
        if drawn in self.ends:
            return drawn
        return min(max(float(f"{drawn:.{_DIGITS}g}"), self.low), self.high)

    def __str__(self):
        """As it is typed."""
        return f"{self.low}..{self.high}{':log' * self.log}"


@dataclass(frozen=True)
class Choice:
    """One of some values, which have no order."""

    name: str
    values: list

    @property
    def ends(self) -> list:
        return self.values

    @property
    def size(self) -> float:
        return len(self.values)

    def suggest(self, trial):
        trial.suggest_categorical(self.name, [_plain(value) for value in self.values])

    def setting(self, drawn):
        return next(value for value in self.values if _plain(value) == drawn)

    def __str__(self):
        """As it is typed."""
        return ",".join(map(typed, self.values))


def typed(value) -> str:
    """A value as a command takes it."""
    if isinstance(value, str):
        return f'"{value}"' if "," in value else value
    return "none" if value is None else json.dumps(value)


def _plain(value):
    """Optuna's choices are numbers, texts, true, false and none."""
    return json.dumps(value) if isinstance(value, list | dict) else value


@dataclass(frozen=True)
class Space:
    """All that a search was asked to try with one notebook."""

    notebook: str
    dimensions: list[Range | Choice]
    fixed: dict = field(default_factory=dict)

    @property
    def size(self) -> float:
        """How many different trials there can be."""
        return math.prod(dimension.size for dimension in self.dimensions)

    def draw(self, trial) -> dict:
        """The settings of a trial, by Optuna's sampler; those that it has already are kept."""
        for dimension in self.dimensions:
            dimension.suggest(trial)
        return self.settings(trial.params)

    def settings(self, params: dict) -> dict:
        """What Optuna holds of a trial -> settings; {} for one of which nothing was drawn yet."""
        return {one.name: one.setting(params[one.name]) for one in self.dimensions if one.name in params}

    def plan(self, settings: dict) -> PlannedRun:
        """The run with these settings beside the fixed ones. UserError when they do not go together."""
        values = {name: [value] for name, value in {**self.fixed, **settings}.items()}
        return plan_sweep(self.notebook, values, share=False)[0]

    def check(self):
        """UserError for a value, or the end of a range, that goes together with nothing of the other dimensions."""
        for dimension in self.dimensions:
            others = [other for other in self.dimensions if other is not dimension]
            for value in dimension.ends:
                self._check_possible({dimension.name: value}, others)

    def _check_possible(self, settings, others):
        first = None
        for values in itertools.islice(itertools.product(*(other.ends for other in others)), _MOST_TRIED):
            names = [other.name for other in others]
            try:
                self.plan({**dict(zip(names, values, strict=True)), **settings})
                return
            except UserError as error:
                first = first or error
        raise first


# --- reading it --------------------------------------------------------------------------------------------


def read_space(notebook, settings: dict) -> Space:
    """The space that settings span: name -> a text as it is typed, or a list of values, or one value.

    Raises UserError for the first thing that cannot work.
    """
    declared = read_parameters(notebook)
    dimensions, fixed = [], {}
    for name, given in settings.items():
        found = _read(name, given, declared)
        if isinstance(found, Range):
            dimensions.append(found)
        elif len(found) > 1:
            dimensions.append(Choice(name, found))
        else:
            fixed[name] = found[0]
    for dimension in dimensions:
        _check_comparable(dimension.name)
    if not dimensions:
        raise UserError(
            "nothing is left to search: give at least one setting several values or a range, such as "
            "generator_learning_rate=1e-4..2e-3:log"
        )
    space = Space(str(notebook), dimensions, fixed)
    space.check()
    return space


def _read(name, given, declared) -> Range | list:
    check_known(name, declared)
    if not isinstance(given, str):
        return values_of(name, given if isinstance(given, list) else [given], declared)
    parts = split_values(given)
    ranged = [part for part in parts if ".." in part]
    number = _number_of(name, declared)
    if not ranged or (number is None and not all(map(_is_number, ranged[0].partition(":")[0].split("..")))):
        return values_of(name, parts, declared)  # a path may have two dots, too
    if number is None:
        raise UserError(f"{name}={given!r}: {name} is no number, so it has no range: give its values, as {name}=A,B")
    if len(parts) > 1:
        raise UserError(f"{name}={given!r}: give one range, {name}={ranged[0]}, or values without one, {name}=A,B,C")
    return _range(name, given, declared)


def _range(name, given, declared):
    ends, colon, how = given.partition(":")
    low, _, high = (part.strip() for part in ends.partition(".."))
    if (colon and how != "log") or not low or not high:
        raise UserError(f"{name}={given!r} must be LOW..HIGH or LOW..HIGH:log, for example {name}=1e-4..2e-3:log")
    low, high = (one_value(name, end, declared) for end in (low, high))
    for end in (low, high):
        if end is None or not math.isfinite(end):
            raise UserError(f"{name}={given!r}: the ends of a range are numbers, not {describe_setting(end)}")
    if low >= high:
        raise UserError(f"{name}={given!r}: the first end must be below the second, or give one value, as {name}={low}")
    if how and low <= 0:
        raise UserError(f"{name}={given!r}: a logarithm needs numbers above 0: give another end, or leave :log out")
    return Range(name, low, high, bool(how))


def _number_of(name, declared):
    if name in declared:
        return {"int": int, "float": float}.get(declared[name][0])
    return number_of(Recipe.model_fields[name]) if name in Recipe.model_fields else None


def _is_number(text):
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_comparable(name):
    why = None
    if name == "seed":
        why = "which seed is lucky is no finding: --repeats trains the best few with several, and compares their means"
    elif name in _LENGTHS:
        why = "longer trainings are better ones: give one length for all, and search what to do with it"
    elif name in _MEASURED_BY:
        why = "numbers that were measured otherwise cannot be compared: give one value for all"
    if why:
        raise UserError(f"{name} cannot be searched: {why}")
