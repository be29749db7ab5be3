"""What a sweep is asked for: settings, typed or from a YAML file, as values that the notebook's parameters hold."""

import json
import os
from pathlib import Path

import yaml

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.notebook.parameters import TYPES, declared_parameters
from dcgan_tf.notebook.saved import parameters_cells
from dcgan_tf.recipe.fields import FIELDS, check_type, parse_text
from dcgan_tf.recipe.values import plain
from dcgan_tf.sweeps.yaml_file import load_yaml
from dcgan_tf.system.errors import UserError, check_dict, in_short, nearest

LENGTHS = ("epochs", "steps")
GIVEN_BY_SWEEP = ("results_dir", "run_name")  # to each run; they are no settings

# --- the notebook ------------------------------------------------------------------------------------------


def read_parameters(notebook) -> dict[str, tuple[str | None, object]]:
    """The parameters a notebook declares: name -> (annotation, default).

    Raises UserError when it is no notebook, or has none, or cannot be told where its run shall go.
    """
    if not isinstance(notebook, str | os.PathLike):
        raise UserError(f"notebook={in_short(notebook)} must be a notebook's path, such as 'notebooks/mnist.ipynb'")
    path = Path(notebook)
    if not path.is_file():
        near = nearest(path.name, sorted(other.name for other in path.parent.glob("*.ipynb")))
        raise UserError(f"there is no notebook {str(notebook)!r}.{near}")
    try:
        sources = parameters_cells(json.loads(path.read_text(encoding="utf-8"))["cells"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{str(notebook)!r} is not a Jupyter notebook, or is damaged") from None
    declared = declared_parameters(sources)[0]
    if not all(name in declared for name in GIVEN_BY_SWEEP):
        raise UserError(
            f"{str(notebook)!r} cannot be swept: it needs a cell tagged `parameters` that declares, with types, "
            "at least results_dir and run_name, where its run goes"
        )
    return declared


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


def values_of(name, values, declared):
    """The values of one setting, each of the type that is needed, none twice."""
    check_known(name, declared)
    if declared.get(name, ("", None))[0] == "list" and not any(isinstance(value, list | str) for value in values):
        values = [values]  # one list of numbers from a YAML file, and no list of lists
    found = []
    for value in values:
        value = one_value(name, value, declared)
        if value in found and type(value) is type(found[found.index(value)]):
            raise UserError(f"{name}={describe_setting(value)} is there twice: give each value once")
        found.append(value)
    if not found:
        raise UserError(f"{name} has no values: give one or more, such as {name}=1,2")
    return found


def check_settings(settings):
    """UserError unless settings are a dict, as Python is given them; "epochs=5" is how they are typed."""
    check_dict("settings", settings, 'name -> value or values, such as {"epochs": [5, 10]}')


def check_known(name, declared):
    """UserError, naming the nearest, unless this is a parameter of the notebook, or a field of its recipe."""
    if name in GIVEN_BY_SWEEP:
        raise UserError(
            f"{name} is given to each run by the sweep itself: --results-dir says where all of them go, and a run's "
            "name is made of its settings"
        )
    fields = list(FIELDS) if "overrides" in declared else []
    if name not in declared and name not in fields:
        known = [known for known in declared if known not in GIVEN_BY_SWEEP]
        also = ", and every field of a recipe" if fields else ""
        raise UserError(
            f"unknown parameter {name!r}.{nearest(name, known + fields)} This notebook has: {', '.join(known)}{also}"
        )


def one_value(name, value, declared):
    """One value of a setting; a text becomes what the parameter, or the field of the recipe, holds."""
    check_known(name, declared)
    value = plain(value)
    if name not in declared:
        value = parse_text(name, _unquoted(value)) if isinstance(value, str) else value
        return check_type(name, value)  # its type and range; whether all go together, later
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
        return load_yaml(text)
    except (yaml.YAMLError, ValueError):
        return text


def _unquoted(text):
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def named_combinations(named, declared) -> dict[str, dict]:
    """Named combinations, name -> {setting: value}, each value of the type that is needed."""
    if not isinstance(named or {}, dict):
        raise UserError(f"named combinations must be a dict, name -> {{setting: value}}, not {named!r}")
    found = {}
    for name, fixed in (named or {}).items():
        is_of_another = str(name) != name and str(name) in named  # 1 beside "1"
        if name is None or isinstance(name, bool) or is_of_another:  # YAML reads yes, on, off, ~ so
            raise UserError(f"runs: one of its names is read as {name!r}, which is no text: put quotes around it")
        if not isinstance(fixed, dict):
            raise UserError(f"runs: {name}: must be settings, such as {{epochs: 5, batch_size: 32}}, not {fixed!r}")
        found[str(name)] = {str(key): one_value(str(key), value, declared) for key, value in fixed.items()}
    return found
