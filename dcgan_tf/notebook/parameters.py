"""Whether the parameters of a notebook can be right, said before anything is trained.

The cell tagged `parameters` declares each parameter with its type, `epochs: int = None`. Papermill writes the
values it was given into a cell of its own behind that one, misspelt names too, and only warns. So the next
cell calls `check_parameters(globals())`, which knows both cells from Jupyter's list `In` of the cells run so far.
"""

import ast
import numbers

from dcgan_tf.notebook.paths import run_directory
from dcgan_tf.notebook.saved import notebook_of, saved_changes
from dcgan_tf.notebook.start import check_results_dir
from dcgan_tf.recipe.catalogue import changed_recipe, get_recipe
from dcgan_tf.recipe.fields import LAST_SEED, MOST, Recipe
from dcgan_tf.recipe.values import plain
from dcgan_tf.system.errors import UserError, check_above_zero, check_count, nearest
from dcgan_tf.system.quiet import tensorflow_quiet

LENGTHS = ("epochs", "steps", "max_seconds")
PATHS = ("images", "celeba", "runs", "run_dir", "photo", "start_from", "results_dir")  # and no names, as datasets have


def check_parameters(namespace: dict):
    """Stop before anything is trained when a parameter is misspelt, or its value cannot be right.

    namespace: the notebook's `globals()`. Parameters that name a field of a recipe are checked as the recipe
    checks them; one declared without a type is left to whoever uses it. Says which values were saved in the notebook
    and are not the committed ones.
    Raises UserError, in one line: the value, what was expected, how to give it.
    """
    declared, injected = declared_parameters(namespace.get("In", []))
    for name in injected:
        if name not in declared:
            raise UserError(
                f"unknown parameter {name!r}.{nearest(name, declared)} This notebook has: {', '.join(declared)}"
            )
    values = {name: namespace[name] for name in declared}
    for name, value in values.items():
        _check_type(name, value, *declared[name])
    recipe = check_values(values)
    if recipe and values.get("image_size") is not None:
        _check_size(recipe)
    if "results_dir" in values:
        check_results_dir(values["results_dir"])
        if values.get("run_name"):  # said before pictures are prepared for a run that has no place
            run_directory(values["results_dir"], values["run_name"], None, None, {}, None)
    notebook = notebook_of(namespace.get("In", []))
    if notebook and (note := saved_changes(notebook, injected)):
        print(note)


def check_values(values: dict):
    """Stop when parameters of the right types cannot work: `values` holds all parameters of a notebook by name.

    Those that name a field of a recipe are checked as the recipe checks them. Raises UserError; returns the
    recipe with all changes, or None where the notebook has no recipe.
    """
    # Without a parameter `recipe` those called like its fields are others: toys' steps and loss are the ring's.
    others = () if "recipe" in values else (*Recipe.model_fields, "learning_rate")
    own = [length for length in LENGTHS if length in values and length not in others]
    for name, value in (values.get("overrides") or {}).items():
        if name in values and name not in others:
            raise UserError(
                f"overrides has {name}={value!r}, but {name} is a parameter of this notebook: use -p {name} {value}"
            )
        if name in LENGTHS and own:  # the training is told of these alone
            raise UserError(
                f"{name}={value!r} would change nothing: how long this notebook trains is decided by its "
                f"parameter{'s' if len(own) > 1 else ''} {' and '.join(own)}"
            )
    for name in PATHS:
        value = values.get(name)
        if "" in (value if isinstance(value, list) else [value]):  # it would be the working folder
            raise UserError(f"{name}={value!r}: a path is empty: give a value, or leave it out")
    if values.get("features", "auto") != "auto":
        with tensorflow_quiet():
            from dcgan_tf.evaluation.features import check_features

        check_features(values["features"])
    counts = {"evaluate_every": (0, MOST), "evaluation_samples": (10, MOST), "seed": (0, LAST_SEED)}
    counts |= {"most": (1, MOST), "moments": (1, MOST)}  # of runs, and of moments, that are compared
    counts |= {"averaged": (1, MOST), "compared": (2, MOST)}  # images; of those that are compared, each half has some
    for name, (low, high) in counts.items():
        if values.get(name) is not None:
            check_count(name, plain(values[name]), low, high)
    for name in ("max_seconds", "seconds", "learning_rate"):
        if values.get(name) is not None:
            check_above_zero(name, plain(values[name]))
    if "recipe" not in values:
        return None
    try:
        recipe = get_recipe(values["recipe"])
        fields = {n: v for n, v in values.items() if n == "learning_rate" or n in recipe.as_dict()}
        return changed_recipe(recipe.name, {**given(**fields), **(values.get("overrides") or {})})
    except UserError as error:
        raise UserError(str(error)) from None


def _check_size(recipe):
    """UserError when the recipe cannot make images of its size: said before pictures are prepared in that size.

    Whether they will be gray is not known where the recipe does not say it: then both would have to fail.
    """
    with tensorflow_quiet():
        from dcgan_tf.networks.architectures import check_image_shape

    size, kinds = recipe.image_size, [recipe.channels] if recipe.channels else [1, 3]
    for channels in kinds:
        try:
            return check_image_shape(recipe, (size, size, channels))
        except UserError:
            if channels == kinds[-1]:
                raise


def given(**values) -> dict:
    """Those of the values that are not None: what was asked for, the rest being the recipe's own."""
    return {name: value for name, value in values.items() if value is not None}


def declared_parameters(cells) -> tuple[dict, list]:
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


TYPES = {  # the annotation: what it is called, what is of it, how papermill is told
    "int": ("a whole number", numbers.Integral, "-p {name} 10"),
    "float": ("a number", numbers.Real, "-p {name} 0.001 (or 60, 2e-4, ...)"),
    "bool": ("True or False", bool, "-p {name} True"),
    "str": ("a text", str, "-r {name} {value}"),
    "list": ("a list", list, '-y "{name}: [1, 2]"'),
    "dict": ("a dict", dict, '-y "{name}: {{width: 32}}"'),
}


def _check_type(name, value, annotation, default):
    """UserError unless `value` is of the annotated type; None will do where it is the default."""
    if annotation not in TYPES or (value is None and default is None):
        return
    called, kind, example = TYPES[annotation]
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return
    # Papermill's -p makes 7 of 007 and True of "True"; what was typed is lost, so ask for it again.
    raise UserError(
        f"{name}={value!r} must be {called}{' or None' if default is None else ''}: "
        f"give it as {example.format(name=name, value=value)}, or in the parameters cell"
    )
