"""What the notebooks need besides the package's own functions: a check of their parameters, paths, the GIF.

The cell tagged `parameters` declares each parameter with its type, `epochs: int = None`. Papermill writes the
values it was given into a cell of its own behind that one, misspelt names too, and only warns. So the next
cell calls `check_parameters(globals())`, which knows both cells from Jupyter's list `In` of the cells run so far.
"""

import ast
import base64
import math
import numbers
from pathlib import Path

from dcgan_tf import runs
from dcgan_tf.errors import UserError, nearest
from dcgan_tf.quiet import tensorflow_quiet
from dcgan_tf.recipes import get_recipe

# --- parameters -------------------------------------------------------------------------------------------


def check_parameters(namespace: dict):
    """Stop before anything is trained when a parameter is misspelt, or its value cannot be right.

    namespace: the notebook's `globals()`. Parameters that name a field of a recipe are checked as the recipe
    checks them; one declared without a type is left to whoever uses it.
    Raises UserError, in one line: the value, what was expected, how to give it.
    """
    declared, injected = _parameters(namespace.get("In", []))
    for name in injected:
        if name not in declared:
            raise UserError(
                f"unknown parameter {name!r}.{nearest(name, declared)} This notebook has: {', '.join(declared)}"
            )
    values = {name: namespace[name] for name in declared}
    for name, value in values.items():
        _check_type(name, value, *declared[name])
    for name, value in (values.get("overrides") or {}).items():
        if name in declared:
            raise UserError(
                f"overrides has {name}={value!r}, but {name} is a parameter of this notebook: use -p {name} {value}"
            )
    for name, low in (("max_seconds", 0), ("learning_rate", 0), ("seed", -1)):
        value = values.get(name)
        if value is not None and not (math.isfinite(value) and value > low):
            raise UserError(f"{name}={value!r} must be {'at least' if low else 'a finite number above'} 0")
    if "recipe" in values:
        try:
            recipe = get_recipe(values["recipe"])
            fields = {n: v for n, v in values.items() if n == "learning_rate" or n in recipe.as_dict()}
            recipe.with_fields({**given(**fields), **(values.get("overrides") or {})})
        except UserError as error:
            raise UserError(str(error)) from None


def given(**values) -> dict:
    """Those of the values that are not None: what was asked for, the rest being the recipe's own."""
    return {name: value for name, value in values.items() if value is not None}


def _parameters(cells) -> tuple[dict, list]:
    """The declared parameters, name -> (type, default), and the names that papermill put into its cell.

    Only what was run after the declaration counts, and of several such cells (one was mended and run again)
    the last: who goes on by hand in an executed notebook is not told of what is mended already.
    """
    declared, injected = {}, []
    for source in cells:
        try:
            statements = ast.parse(source).body
        except SyntaxError:  # a mistake of that cell, and none of ours
            continue
        if source.lstrip().startswith("# Parameters\n"):
            injected = [target.id for s in statements if isinstance(s, ast.Assign) for target in s.targets]
        elif any(isinstance(statement, ast.AnnAssign) for statement in statements):
            found = dict(filter(None, map(_declaration, statements)))
            if not declared or declared.keys() & found.keys():  # else it is a cell of the reader's own
                declared, injected = found, []
    return declared, injected


def _declaration(statement):
    """`name: type = value` or `name = value` as (name, (type or None, value)); None for any other statement."""
    annotated = isinstance(statement, ast.AnnAssign)
    target = statement.target if annotated else statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(target, ast.Name) or statement.value is None:
        return None
    try:
        return target.id, (ast.unparse(statement.annotation) if annotated else None, ast.literal_eval(statement.value))
    except ValueError:  # no literal
        return None


_TYPES = {  # the annotation: what it is called, what is of it, how papermill is told
    "int": ("a whole number", numbers.Integral, "-p {name} 10"),
    "float": ("a number", numbers.Real, "-p {name} 0.001 (or 60, 2e-4, ...)"),
    "bool": ("True or False", bool, "-p {name} True"),
    "str": ("a text", str, "-r {name} {value}"),
    "list": ("a list", list, '-y "{name}: [1, 2]"'),
    "dict": ("a dict", dict, '-y "{name}: {{width: 32}}"'),
}


def _check_type(name, value, annotation, default):
    """UserError unless `value` is of the annotated type; None will do where it is the default."""
    if annotation not in _TYPES or (value is None and default is None):
        return
    called, kind, example = _TYPES[annotation]
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return
    # Papermill's -p makes 7 of 007 and True of "True"; what was typed is lost, so ask for it again.
    raise UserError(
        f"{name}={value!r} must be {called}{' or None' if default is None else ''}: "
        f"give it as {example.format(name=name, value=value)}, or in the parameters cell"
    )


# --- data, paths, pictures --------------------------------------------------------------------------------


def load_data(dataset: str, recipe, changes: dict, classes=None, resize: bool = False):
    """The dataset as `train` loads it for that recipe with those changes.

    Raises UserError when it cannot be found, downloaded or made to fit the recipe.
    """
    with tensorflow_quiet():
        from dcgan_tf.models import check_image_shape
        from dcgan_tf.training import load_images_for

    data = load_images_for(recipe, dataset, "image_size" in changes, classes, resize)
    check_image_shape(recipe, data.image_shape)
    return data


def run_directory(results_dir, run_name, dataset, recipe, changes, seed) -> Path:
    """Where this run goes, as an absolute path; `run_name` None makes a name of the settings.

    Papermill runs a notebook in the caller's folder, Jupyter in the notebook's own: so that both mean the
    same, a relative `results_dir` is taken from the project's root whenever that is at or above this folder.
    """
    here = Path.cwd()
    above = [folder for folder in (here, *here.parents) if (folder / "notebooks").is_dir() and _is_project(folder)]
    base = above[0] if above else here
    return base / results_dir / (run_name or runs.run_name(dataset, recipe, changes, seed))


def _is_project(folder):
    return (folder / "pyproject.toml").is_file() and (folder / "dcgan_tf").is_dir()


def show_gif(path, width: int = 480):
    """The GIF at `path`, embedded, so that the executed notebook needs no other file to show it."""
    from IPython.display import HTML

    data = base64.b64encode(Path(path).read_bytes()).decode()
    return HTML(f'<img src="data:image/gif;base64,{data}" width="{width}" alt="the training as a GIF">')


def show_data(data, count: int = 50, seed: int = 0):
    """A sheet of `count` images of a dataset, drawn at random without repeats, labelled where there are labels."""
    import numpy as np

    from dcgan_tf.plots import show_images

    places = np.sort(np.random.default_rng(seed).choice(len(data), min(count, len(data)), replace=False))
    titles = None
    if data.labels is not None and data.labels.ndim == 1:  # attributes, of which an image has many, do not fit
        labels = [int(label) for label in data.labels[places]]
        titles = [data.label_names[label] for label in labels] if data.label_names else labels
    return show_images(data.images[places], titles, title=f"{len(places)} of {len(data):,} real images")
