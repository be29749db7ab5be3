"""Settings in a YAML file: whatever its shape, it becomes settings, or one line that says what is wrong.

PyYAML's safe loader makes no objects, but it lets a name stand twice (the last one wins), and a few lines of aliases
of aliases stand for more values than a memory holds. So the tree of the text is looked through before its values
are made.
"""

import json

import yaml

from dcgan_tf.system.errors import UserError

_MOST_BYTES, _MOST_VALUES = 1_000_000, 10_000


def read_yaml(path) -> tuple[dict, dict]:
    """(settings, named combinations) of a YAML file: lists are kept, single values become lists of one.

    What stands under `about` is for people, and for whoever reads the table afterwards: no settings.
    Raises UserError when the file cannot be read, or is no YAML, or holds something else.
    """
    content = read_mapping(path, "settings, a line each, such as epochs: [5, 10]")
    content.pop("about", None)
    named = content.pop("runs", None)
    if named is not None and not isinstance(named, dict):
        raise UserError(
            f"runs: in {str(path)!r} must be named combinations, such as runs: {{paper: {{batch_size: 32}}}}, "
            f"not {_shown(named)}"
        )
    for name, value in [*content.items(), *(named or {}).items()]:
        _check_plain(path, name, value)
    settings = {str(name): values if isinstance(values, list) else [values] for name, values in content.items()}
    return settings, named or {}


def typed_over(given: dict, named: dict, typed: dict) -> dict:
    """The settings of a file, name -> list of values, with those that were typed in their place.

    Raises UserError for one that a named combination has fixed: there the file would win, and nobody would know.
    """
    for name, values in typed.items():
        fixed = [f"{title} ({one[name]})" for title, one in named.items() if isinstance(one, dict) and name in one]
        if fixed:
            raise UserError(
                f"{name}={','.join(map(str, values))} would not reach what `runs:` has fixed, {', '.join(fixed)}: "
                "change it there, or leave it out here"
            )
    return {**given, **typed}


def read_mapping(path, what: str) -> dict:
    """What a YAML file says, name -> value. Raises UserError when it cannot be read or is no `what`."""
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError:
        raise UserError(f"there is no file {str(path)!r} that can be read") from None
    if len(text) > _MOST_BYTES:
        raise UserError(f"{str(path)!r} is larger than {_MOST_BYTES:,} bytes: it is no list of settings")
    try:
        content = load_yaml(text)
    except yaml.YAMLError as error:
        raise UserError(f"{str(path)!r} is not YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}") from None
    if not isinstance(content, dict) or not content:
        raise UserError(f"{str(path)!r} must hold {what}")
    return content


def load_yaml(text: str | bytes):
    """The value that a YAML text stands for, as yaml.safe_load has it.

    Raises yaml.YAMLError for what is no YAML; ValueError for a name that stands twice in one place, and for
    aliases or a nesting that would grow without bounds.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}, loader) > _MOST_VALUES:
            raise ValueError(f"with its aliases it stands for more than {_MOST_VALUES:,} values")
        return loader.construct_document(node)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ValueError("a value is not of the kind that its tag (!!...) says") from None
    finally:
        loader.dispose()


def _size(node, known, loader):
    """How many values a node stands for, its aliases written out. `known`: node -> its size."""
    if id(node) in known:
        if known[id(node)] is None:
            raise ValueError(f"line {node.start_mark.line + 1} has an alias of what it is a part of")
        return known[id(node)]
    known[id(node)] = None
    parts = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        names = [_name(key, loader) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1:
                quoted = "" if isinstance(name, str) else ", and put quotes around what is meant as a text"
                raise ValueError(
                    f"{name!r} stands there twice (line {node.start_mark.line + 1} and below): give it once{quoted}"
                )
        parts = [part for pair in node.value for part in pair]
    known[id(node)] = 1 + sum(_size(part, known, loader) for part in parts)
    return known[id(node)]


def _name(key, loader):
    """A name as YAML reads it, yes and on as True; but for << and =, which stand for no value of their own."""
    return key.value if key.tag.endswith((":merge", ":value")) else loader.construct_object(key)


def _check_plain(path, name, value):
    """UserError for values that a notebook cannot be given: dates, sets, bytes, and numbers that are none."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise UserError(
            f"{name} in {str(path)!r} must hold texts, numbers, true, false, null, lists and settings, "
            f"not {_shown(value)}: put quotes around what is meant as a text"
        ) from None


def _shown(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
