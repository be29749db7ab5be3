"""From settings to runs: what a sweep will do, checked before any of it is done.

    epochs=5,10 batch_size=32,64            every combination, four runs
    a YAML file with the same names         lists are the grid, single values are the same in all runs, and
                                            `runs:` holds named combinations, each of which meets the grid

Nothing here starts a process or writes a file.
"""

import hashlib
import itertools
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.data.datasets import check_dataset_name
from dcgan_tf.notebook.parameters import check_values
from dcgan_tf.sweeps.asked import GIVEN_BY_SWEEP, LENGTHS, named_combinations, read_parameters, values_of
from dcgan_tf.system.errors import UserError, check_count

FILES = ("sweep.csv", "repeats.csv", "sheet.png", "curves.png")  # that a sweep writes beside its runs
_TAKEN = (*FILES, "logs", "config.json")  # what has the last of these in it is taken for a run


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    name: str  # of its folder
    settings: dict  # as asked for: name -> value, fields of the recipe by their own names
    parameters: dict  # as the notebook is given them, but for results_dir and run_name
    family: str | None  # runs of one family differ in their length alone, and may share their work; None: it may not
    length: tuple[str, int] | None  # ("epochs", 10)
    resolved: dict  # all that decides what is trained: the fields of the recipe, its length, the other parameters
    notebook: str = ""  # its name
    defaults: dict = field(default_factory=dict)  # of the notebook's parameters


def plan_sweep(
    notebook, settings: dict, named: dict | None = None, *, repeats=1, sample=None, sample_seed=0, share=True
) -> list[PlannedRun]:
    """The runs of a sweep, in the order in which they are best made: of one family, the shorter first.

    notebook: the path of a notebook with a `parameters` cell. settings: name -> list of values (texts are parsed
    as the parameter needs), a name being a parameter, or a field of the recipe where the notebook has `overrides`.
    named: name -> {setting: value}: combinations, each made with every one of the grid.
    repeats: each of them with so many seeds. sample: only so many of the grid, drawn at random.

    Raises UserError, for the first of whatever cannot work in any of the runs.
    """
    declared = read_parameters(notebook)
    repeats, sample_seed = check_count("repeats", repeats), check_count("sample_seed", sample_seed, 0)
    sample = None if sample is None else check_count("sample", sample)
    if sample is None and sample_seed:
        raise UserError(f"sample_seed={sample_seed} is only of use with sample: give --sample as well, or leave it out")
    grid = {name: values_of(name, values, declared) for name, values in settings.items()}
    named = named_combinations(named, declared)
    chosen = []
    for title, fixed in named.items() or [(None, {})]:
        free = {name: values for name, values in grid.items() if name not in fixed}
        for values in itertools.product(*free.values()):
            chosen.append((title, fixed, dict(zip(free, values, strict=True))))
    if sample is not None and sample < len(chosen):  # a larger sample holds every smaller one
        order = random.Random(sample_seed).sample(range(len(chosen)), len(chosen))
        chosen = [chosen[place] for place in sorted(order[:sample])]
    if repeats > 1:
        chosen = _repeated(chosen, repeats, declared, grid)
    varied = [name for name, values in grid.items() if len(values) > 1 or not named]
    if repeats > 1 and "seed" not in varied:
        varied.append("seed")
    name = Path(notebook).name
    plan = [_planned(title, fixed, free, varied, name, declared, share) for title, fixed, free in chosen]
    _check_different(plan)
    return _shorter_first(plan)


# --- runs --------------------------------------------------------------------------------------------------


def _repeated(chosen, repeats, declared, grid):
    if "seed" not in declared:
        raise UserError(f"repeats={repeats} needs a notebook with a parameter seed")
    if len(grid.get("seed", [])) > 1:
        raise UserError(f"repeats={repeats} and several seeds are both given: give one of the two")
    return [
        (title, fixed, {**free, "seed": first + repeat})
        for title, fixed, free in chosen
        for first in [fixed.get("seed", free.get("seed", declared["seed"][1]))]
        for repeat in range(repeats)
    ]


def _planned(title, fixed, free, varied, notebook, declared, share):
    settings = {**free, **fixed, **{name: free[name] for name in free if name == "seed"}}
    parameters = {name: value for name, value in settings.items() if name in declared}
    fields = {name: value for name, value in settings.items() if name not in declared}
    for name in sorted((parameters.get("overrides") or {}).keys() & fields.keys()):
        raise UserError(
            f"{name}={describe_setting(fields[name])} and overrides={parameters['overrides']} both say what {name} is: "
            "give it in one of them"
        )
    if fields:
        parameters["overrides"] = {**(parameters.get("overrides", declared["overrides"][1]) or {}), **fields}
    defaults = {name: default for name, (_, default) in declared.items()}
    values = {**defaults, **parameters}
    in_name = {name: value for name, value in free.items() if title is None or name in varied}
    try:
        recipe = check_values(values)
        if isinstance(values.get("dataset"), str):
            check_dataset_name(values["dataset"])
    except UserError as error:
        raise UserError(f"{_folder_name(None, settings) or 'the run'}: {error}") from None
    lengths = [name for name in LENGTHS if values.get(name) is not None]
    family, length = None, None
    if len(lengths) == 1:
        length = (lengths[0], values[lengths[0]])
        others = {name: value for name, value in values.items() if name not in (lengths[0], *GIVEN_BY_SWEEP)}
        exact = values.get("max_seconds") is None and not (recipe and recipe.depends_on_length)
        if share and exact:
            family = json.dumps([lengths[0], others], sort_keys=True, default=str)
    resolved = _resolved(values, recipe)
    name = _folder_name(title, in_name) or "run"
    return PlannedRun(name, settings, parameters, family, length, resolved, notebook, defaults)


def _resolved(values, recipe):
    """What a notebook with these parameters trains. A length that is not given is the notebook's to choose."""
    others = {name: value for name, value in values.items() if name not in GIVEN_BY_SWEEP}
    if recipe is None:
        return others
    fields = {name: value for name, value in recipe.as_dict().items() if name not in LENGTHS}
    lengths = {name: (others.get("overrides") or {}).get(name, others.get(name)) for name in LENGTHS}
    for name in ("overrides", "recipe", "learning_rate"):
        others.pop(name, None)
    return {**others, **fields, **lengths}


def _folder_name(title, settings):
    """`paper-epochs=5-batch_size=32`, of letters that any file system takes."""
    parts = [] if title is None else [title]
    return file_name("-".join([*parts, *(f"{name}={describe_setting(value)}" for name, value in settings.items())]))


def file_name(text: str, most: int = 120) -> str:
    """A text as the name of a file, of letters that any file system takes; other texts have other names."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_=.+") else "_" for c in text).lstrip(".")
    if name != text or len(name) > most:  # other texts may come out the same: a few letters tell them apart
        name = f"{name[: most - 10]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}" if name else name
    return name


def _check_different(plan):
    """UserError when a run's folder is another's, or the sweep's own, or two would be one and the same training."""
    names, trainings = {}, {}
    for run in plan:
        folded = run.name.casefold()  # some file systems tell no capitals apart
        if folded in _TAKEN or (folded.startswith("sheet-") and folded.endswith(".png")):
            raise UserError(f"a run cannot be called {run.name!r}, as the sweep's own files are: give it another name")
        other = names.setdefault(folded, run)
        if other is not run:
            raise UserError(f"two runs would be called {other.name!r}: give their combinations other names")
        other = trainings.setdefault(json.dumps(run.resolved, sort_keys=True, default=str), run)
        if other is not run:
            asked = {**other.settings, **run.settings}
            differing = [name for name in asked if other.settings.get(name) != run.settings.get(name)]
            made = {name: run.resolved[name] for name in differing if name in run.resolved}
            equal = ", ".join(f"{name} is {describe_setting(value)}" for name, value in made.items())
            why = f"in both {equal}" if equal else "all their settings are equal"
            raise UserError(
                f"{other.name!r} and {run.name!r} would be one and the same training ({why}): leave one of them out"
            )


def _shorter_first(plan):
    """Runs of a family together, where the first of them stands, in the order of their length."""
    first = {}
    for place, run in enumerate(plan):
        first.setdefault(run.family, place)
    order = {run.name: (first[run.family] if run.family else place) for place, run in enumerate(plan)}
    return sorted(plan, key=lambda run: (order[run.name], run.length[1] if run.family else 0))
