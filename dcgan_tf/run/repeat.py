"""From a run's config.json back to the command that trains it again.

Every command is checked before it is shown: what the command line would make of it is compared with the config,
and where it cannot say all of it (a recipe of one's own), the same is said in Python.
"""

import shlex

from dcgan_tf.data.dataset import OPTIONS
from dcgan_tf.data.labels.labels import as_list
from dcgan_tf.recipe.catalogue import RECIPES, changed_recipe
from dcgan_tf.recipe.combinations import inert
from dcgan_tf.recipe.fields import Recipe, default_of
from dcgan_tf.system.errors import UserError

_PROGRAM = ("python", "-m", "dcgan_tf", "train")
_DESCRIPTION = ("name", "source", "summary")


def repeat_command(config: dict, run_dir: str, **beside) -> str:
    """The command that trains what `config` (a run's config.json) says, into `run_dir`.

    beside: options of train() that the config does not hold, since nothing of the training depends on them:
    evaluate_every, keep_samples, tensorboard.
    Raises UserError when the config holds a field or a value that this version does not know, or no dataset's name.
    """
    recipe = recipe_of(config)
    options = {**_options(config, run_dir), **{name: value for name, value in beside.items() if value}}
    changes = _changes(config, recipe)
    if changes is None:
        return _in_python(config, recipe, options)
    words = [*_PROGRAM, "--recipe", recipe.name]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, as_option(value)] if value is not False else []
    for name, value in changes.items():
        words += ["--set", f"{name}={as_option(value)}"]
    return shlex.join(words)


def recipe_of(config: dict) -> Recipe:
    """The recipe that a config holds. A field that is younger than the run has its default, which changes nothing."""
    length = config.get("length") or {}
    steps = length.get("steps")
    epochs = None if steps else length.get("epochs") or default_of("epochs")
    return Recipe.from_record({**config["recipe"], "epochs": epochs, "steps": steps})


def changed_fields(config: dict) -> dict | None:
    """The fields in which the run differs from the recipe of that name; None when there is no such recipe."""
    fields = config["recipe"]
    if fields.get("name") not in RECIPES:
        return None
    usual = RECIPES[fields["name"]].as_dict()
    younger = {name: default_of(name) for name in usual if name not in (*fields, *_DESCRIPTION, "epochs", "steps")}
    fields = {**fields, **younger}
    idle = inert(usual, {**usual, **fields})
    return {
        name: value
        for name, value in fields.items()
        if name in usual and name not in _DESCRIPTION and name not in idle and value != usual[name]
    }


def _options(config, run_dir):
    """What has an option of its own, in the order of `train --help`."""
    data, length = config["dataset"], config.get("length") or {}
    if not isinstance(data.get("name"), str):
        raise UserError("config.json does not say what the run was trained on: give it the data's path as dataset.name")
    options = {"dataset": data["name"], "run_dir": run_dir}
    options |= {name: length[name] for name in ("epochs", "steps", "max_seconds") if length.get(name)}
    options["seed"] = config["seed"]
    if config.get("log_every", 50) != 50:
        options["log_every"] = config["log_every"]
    options |= {name: True for name in OPTIONS if data.get(name)}
    if config.get("start_from"):
        options["start_from"] = config["start_from"]["run"]
    return options


def _changes(config, recipe):
    """What --set must say; None when the command line cannot make this recipe."""
    changes = changed_fields(config)
    if changes is None:
        return None
    rates = [changes.get(f"{network}_learning_rate") for network in ("generator", "discriminator")]
    if rates[0] is not None and rates[0] == rates[1]:
        changes = {name: value for name, value in changes.items() if not name.endswith("or_learning_rate")}
        changes["learning_rate"] = rates[0]
    data = config["dataset"]
    if data.get("resize") and list(data.get("image_shape", []))[:2] == [recipe.image_size] * 2:
        changes["image_size"] = recipe.image_size  # what it was brought to had to be asked for
    said = {name: as_option(value) for name, value in changes.items()}
    said |= {name: str(getattr(recipe, name)) for name in ("epochs", "steps") if getattr(recipe, name)}
    channels = list(data.get("image_shape", [None]))[-1]  # by its name alone, `quick` would be another in colour
    try:
        made, wanted = changed_recipe(recipe.name, said, channels).as_dict(), recipe.as_dict()
    except UserError:  # what the other would not take
        return None
    idle = inert(made, wanted)
    if any(made[name] != wanted[name] for name in wanted if name not in _DESCRIPTION and name not in idle):
        return None
    classes = data.get("classes")
    if isinstance(classes, list) and as_list(as_option(classes)) != [str(one) for one in classes]:
        return None  # a name with a comma in it
    if classes is not None:
        changes["classes"] = classes
    return changes


def as_option(value):
    """A value as the command line reads it back."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _in_python(config, recipe, options):
    """The same as a Python program."""
    usual = Recipe().as_dict()
    fields = {name: value for name, value in recipe.as_dict().items() if value != usual[name]}
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    if config["dataset"].get("classes") is not None:
        options["classes"] = config["dataset"]["classes"]
    data, run_dir = options.pop("dataset"), options.pop("run_dir")
    rest = ", ".join([repr(data), repr(run_dir), *(f"{name}={value!r}" for name, value in options.items())])
    return f"from dcgan_tf import Recipe, train\n\ntrain(Recipe({given}), {rest})"
