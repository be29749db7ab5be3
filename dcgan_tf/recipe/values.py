"""The values of one field: what it accepts in words, what a text means to it, and what is wrong with a value."""

import types
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from dcgan_tf.system.errors import nearest

STRICT = ConfigDict(strict=True, allow_inf_nan=False)  # True is no number, 1.5 no whole one, "7" a text
_KINDS = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text", type(None): "none"}
_LIMITS = {"ge": "of at least", "gt": "above", "le": "at most"}


def plain(value):
    """NumPy's numbers and texts as Python's; anything else as it is. (Nothing here waits for NumPy.)"""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_scalar else value


def no_bool(value):
    """For choices among numbers: True is no 1, though Python says they are equal."""
    if isinstance(value, bool):
        raise ValueError
    return value


def adapter(field: FieldInfo) -> TypeAdapter:
    """What validates one field by itself."""
    annotation = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(annotation, config=STRICT)


def describe(field: FieldInfo) -> str:
    """'a whole number of at least 1 and at most 16', 'one of adam, rmsprop', 'a finite number above 0 or none', ..."""
    texts = [_describe(option) for option in _options(field)]
    limits = [
        f"{words} {getattr(limit, key):g}"
        for limit in field.metadata
        for key, words in _LIMITS.items()
        if hasattr(limit, key)
    ]
    if limits:
        texts[0] += f" {' and '.join(limits)}"
    return " or ".join(texts)


def parse(field: FieldInfo, text: str, validator: TypeAdapter):
    """A text as the value that the field holds: '0.01' as a number, 'none' as None where that may be.

    validator: its adapter().
    What cannot be such a value is given back as it is, or as the number that it reads as, for an error to name.
    """
    candidates = [None] if text.lower() in ("none", "null", "") else []
    candidates += [text.lower() == "true"] if text.lower() in ("true", "false") else []
    for number in (int, float):
        try:
            candidates.append(number(text))
        except ValueError:
            continue
    for candidate in (*candidates, text):
        try:
            return validator.validate_python(candidate)
        except ValidationError:
            continue
    numbers = [candidate for candidate in candidates if type(candidate) in (int, float)]
    return numbers[0] if numbers and {int, float} & set(_options(field)) else text


def number_of(field: FieldInfo) -> type | None:
    """int or float, for a field that takes any such number in its limits; None for all others."""
    return next((kind for kind in (int, float) if kind in _options(field)), None)


def what_is_wrong(name: str, value, field: FieldInfo) -> str:
    """One line: the value, what was expected, what the field means, the nearest choice."""
    choices = [choice for option in _options(field) for choice in _choices(option)]
    near = nearest(value, choices) if isinstance(value, str) else ""
    return f"{name}={plain(value)!r} must be {describe(field)} ({field.description}){near and '.' + near}"


def _options(field):
    """The parts of a field's type: of `float | None` float and NoneType."""
    is_union = get_origin(field.annotation) in (Union, types.UnionType)
    return get_args(field.annotation) if is_union else (field.annotation,)


def _choices(option):
    option = get_args(option)[0] if get_origin(option) is Annotated else option
    return get_args(option) if get_origin(option) is Literal else ()


def _describe(option):
    choices = _choices(option)
    return "one of " + ", ".join(map(str, choices)) if choices else _KINDS[option]
