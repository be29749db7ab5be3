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
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import yaml

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.data.datasets import check_dataset_name
from dcgan_tf.notebook.parameters import TYPES, check_values, declared_parameters
from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.recipe.fields import Recipe, parse_value
from dcgan_tf.system.errors import UserError, nearest

LENGTHS = ("epochs", "steps")
_OWN = ("results_dir", "run_name")  # the sweep gives these to each run itself
_NOT_FIELDS = ("name", "source", "summary")


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep."""

    name: str  # of its folder
    settings: dict  # as asked for: name -> value, fields of the recipe by their own names
    parameters: dict  # as the notebook is given them, but for results_dir and run_name
    family: str | None  # runs of one family differ in their length alone, and may share their work; None: it may not
    length: tuple[str, int] | None  # ("epochs", 10)


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
    for name, value, low in (("repeats", repeats, 1), ("sample", sample, 1), ("sample_seed", sample_seed, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
            raise UserError(f"{name}={value!r} must be a whole number of at least {low}")
    grid = {name: _values(name, values, declared) for name, values in settings.items()}
    named = {name: {key: _one(key, value, declared) for key, value in fixed.items()} for name, fixed in _named(named)}
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
    plan = [_planned(title, fixed, free, varied, declared, share) for title, fixed, free in chosen]
    _check_names(plan)
    return _shorter_first(plan)


# --- the notebook ------------------------------------------------------------------------------------------


def read_parameters(notebook) -> dict[str, tuple[str | None, object]]:
    """The parameters a notebook declares: name -> (annotation, default).

    Raises UserError when it is no notebook, or has none, or cannot be told where its run shall go.
    """
    path = Path(notebook)
    if not path.is_file():
        near = nearest(path.name, sorted(other.name for other in path.parent.glob("*.ipynb")))
        raise UserError(f"there is no notebook {str(notebook)!r}.{near}")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [
            "".join(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{str(notebook)!r} is not a Jupyter notebook, or is damaged") from None
    declared = declared_parameters(sources)[0]
    if not all(name in declared for name in _OWN):
        raise UserError(
            f"{str(notebook)!r} cannot be swept: it needs a cell tagged `parameters` that declares, with types, "
            "at least results_dir and run_name, where its run goes"
        )
    return declared


def read_yaml(path) -> tuple[dict, dict]:
    """(settings, named combinations) of a YAML file: lists are kept, single values become lists of one."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"there is no file {str(path)!r} that can be read") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{str(path)!r} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not content:
        raise UserError(f"{str(path)!r} must hold settings, a line each, such as epochs: [5, 10]")
    named = content.pop("runs", None) or {}
    return {str(name): values if isinstance(values, list) else [values] for name, values in content.items()}, named


def split_values(text: str) -> list[str]:
    """'1,2' -> ['1', '2']; commas inside quotes, brackets or braces do not divide."""
    parts, depth, quote = [""], 0, None
    for character in text:
        if quote:
            quote = None if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{(":
            depth += 1
        elif character in "]})":
            depth -= 1
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


# --- values ------------------------------------------------------------------------------------------------


def _values(name, values, declared):
    """The values of one setting, each of the type that is needed, none twice."""
    _check_known(name, declared)
    if declared.get(name, ("", None))[0] == "list" and not any(isinstance(value, list | str) for value in values):
        values = [values]  # one list of numbers from a YAML file, and no list of lists
    found = []
    for value in values:
        value = _one(name, value, declared)
        if value in found and type(value) is type(found[found.index(value)]):
            raise UserError(f"{name}={describe_setting(value)} is there twice: give each value once")
        found.append(value)
    if not found:
        raise UserError(f"{name} has no values: give one or more, such as {name}=1,2")
    return found


def _check_known(name, declared):
    if name in _OWN:
        raise UserError(
            f"{name} is given to each run by the sweep itself: --results-dir says where all of them go, and a run's "
            "name is made of its settings"
        )
    fields = [field for field in get_type_hints(Recipe) if field not in _NOT_FIELDS] if "overrides" in declared else []
    if name not in declared and name not in fields:
        known = [known for known in declared if known not in _OWN]
        also = ", and every field of a recipe" if fields else ""
        raise UserError(
            f"unknown parameter {name!r}.{nearest(name, known + fields)} This notebook has: {', '.join(known)}{also}"
        )


def _one(name, value, declared):
    """One value of a setting; a text becomes what the parameter, or the field of the recipe, holds."""
    _check_known(name, declared)
    if name not in declared:
        hint = get_type_hints(Recipe)[name]
        value = parse_value(name, _unquoted(value) if isinstance(value, str) else value, hint)
        get_recipe("quick").with_fields({name: value})  # its type and range; whether all go together, later
        return value
    annotation, default = declared[name]
    parsed = _parsed(value, annotation, default) if isinstance(value, str) else value
    called, kind, _ = TYPES.get(annotation, ("", object, ""))
    is_missing = parsed is None and default is None
    if annotation in TYPES and not is_missing:
        is_flag = isinstance(parsed, bool)
        if not isinstance(parsed, kind) or (is_flag and kind is not bool):
            or_none = " or none" if default is None else ""
            raise UserError(f"{name}={value!r} must be {called}{or_none}, for example {name}={_EXAMPLES[annotation]}")
    return parsed


_EXAMPLES = {"int": "10,20", "float": "0.001,2e-4", "bool": "true,false", "str": "text", "list": "[1, 2]",
             "dict": "{width: 32}"}  # fmt: skip


def _parsed(text, annotation, default):
    """A text as a value of the annotated type, or as it is where it cannot be one."""
    if default is None and text.lower() in ("none", "null"):
        return None
    if annotation == "str":
        return _unquoted(text)
    if annotation in ("int", "float"):
        try:
            return int(text) if annotation == "int" else float(text)
        except ValueError:
            return text
    if annotation == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _unquoted(text):
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _named(named):
    for name, fixed in (named or {}).items():
        if not isinstance(fixed, dict):
            raise UserError(f"runs: {name}: must be settings, such as {{epochs: 5, batch_size: 32}}, not {fixed!r}")
        yield str(name), fixed


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


def _planned(title, fixed, free, varied, declared, share):
    settings = {**free, **fixed, **{name: free[name] for name in free if name == "seed"}}
    parameters = {name: value for name, value in settings.items() if name in declared}
    fields = {name: value for name, value in settings.items() if name not in declared}
    if fields:
        parameters["overrides"] = {**(parameters.get("overrides", declared["overrides"][1]) or {}), **fields}
    values = {**{name: default for name, (_, default) in declared.items()}, **parameters}
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
        others = {name: value for name, value in values.items() if name not in (lengths[0], *_OWN)}
        exact = values.get("max_seconds") is None and not (recipe and recipe.depends_on_length)
        if share and exact:
            family = json.dumps([lengths[0], others], sort_keys=True, default=str)
    return PlannedRun(_folder_name(title, in_name) or "run", settings, parameters, family, length)


def _folder_name(title, settings):
    """`paper-epochs=5-batch_size=32`, of letters that any file system takes."""
    parts = [] if title is None else [title]
    parts += [f"{name}={describe_setting(value)}" for name, value in settings.items()]
    text = "-".join(parts)
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_=.+") else "_" for c in text).lstrip(".")
    if name != text or len(name) > 120:  # other texts may come out the same: a few letters tell them apart
        name = f"{name[:110]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}" if name else name
    return name


def _check_names(plan):
    seen = {}
    for run in plan:
        if run.name in seen:
            raise UserError(f"two runs would be called {run.name!r}: give their combinations other names")
        seen[run.name] = run


def _shorter_first(plan):
    """Runs of a family together, where the first of them stands, in the order of their length."""
    first = {}
    for place, run in enumerate(plan):
        first.setdefault(run.family, place)
    order = {run.name: (first[run.family] if run.family else place) for place, run in enumerate(plan)}
    return sorted(plan, key=lambda run: (order[run.name], run.length[1] if run.family else 0))
