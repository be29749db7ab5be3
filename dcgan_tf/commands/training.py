"""`recipes` and `train`."""

import os

import click

from dcgan_tf.commands.basics import PATH, Command
from dcgan_tf.recipe.catalogue import IN_COLOUR, RECIPES, changed_recipe, get_recipe
from dcgan_tf.recipe.fields import field_help
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.quiet import tensorflow_quiet
from dcgan_tf.system.saying import say


@click.command(cls=Command)
@click.option("--time", "measure", is_flag=True, help="Measure on this machine how long 1,000 images of training take.")
@click.argument("names", nargs=-1)
def recipes(measure, names):
    """List the recipes, or those named: image size, parameters, source, one line each."""
    chosen = [get_recipe(name) for name in names] or list(RECIPES.values())  # a mistake need not wait for TensorFlow
    with tensorflow_quiet():
        from dcgan_tf.game.timing import seconds_per_1000_images
        from dcgan_tf.networks.table import recipes
        from dcgan_tf.system.text_tables import as_text

    if measure:
        _print_times(chosen, seconds_per_1000_images)
    else:
        click.echo(as_text(recipes(*names)))


def _print_times(recipes, seconds_per_1000_images):
    """A line for each as soon as it is measured: large networks take a while."""
    click.echo(f"{'recipe':14}{'images':11}{'batch':>6}{'seconds per 1,000 images':>26}{'images/s':>10}")
    for recipe in recipes:
        shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
        seconds = seconds_per_1000_images(recipe, shape)
        size = "x".join(map(str, shape))
        click.echo(f"{recipe.name:14}{size:11}{recipe.batch_size:6}{seconds:26.2f}{1000 / seconds:10.1f}")


def _as_typed(value):
    """A field's value as --set takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else value


def _fields(context, parameter, values):
    """--set FIELD=VALUE ..., as a dict of texts."""
    fields = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--set {text!r} must be FIELD=VALUE, for example --set width=32")
        if name in fields:
            raise UserError(f"--set {name} is given twice: give it once")
        fields[name] = value
    return fields


@click.command(cls=Command)
@click.option(
    "--recipe",
    default="quick",
    show_default=True,
    help="Networks and training settings: see `python -m dcgan_tf recipes`.",
)
@click.option(
    "--dataset",
    default="mnist5k",
    show_default=True,
    help="mnist5k, mnist, fashion_mnist, cifar10, fake, or the path of a folder or zip of images, or of a prepared "
    "dataset.",
)
@click.option("--run-dir", type=PATH, help="The run's folder.  [default: in results/, named after the settings]")
@click.option("--epochs", type=int, help="Passes over the data to train for.  [default: the recipe's]")
@click.option("--steps", type=int, help="Steps (batches) to train for, instead of epochs.")
@click.option(
    "--max-seconds",
    type=float,
    help="Stop after so many seconds of training if the epochs or steps are not over first; compiling and "
    "evaluating are not counted.  [default: no limit]",
)
@click.option("--batch-size", type=int, help="Real images per step.  [default: the recipe's]")
@click.option(
    "--learning-rate", type=float, help="Learning rate of both networks' optimizers.  [default: the recipe's]"
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of all that is random: weights, order of the data, latents. The same seed repeats the same run.",
)
@click.option(
    "--devices",
    default="1",
    show_default=True,
    help="1 (the first), all (every GPU), gpu:0,1 (those), or cpu:2 (so many parts of the processor): they make each "
    "step together. In several processes, named by TF_CONFIG or by SLURM: the same command in each.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_fields,
    metavar="FIELD=VALUE",
    help="Change any field of the recipe, such as width=32 (--list-fields shows them), or pick classes of the data: "
    "classes=3,8. Can be given several times.",
)
@click.option(
    "--start-from",
    type=PATH,
    metavar="RUN",
    help="Begin with the weights of this run's networks, which have to have the same shapes, instead of random ones.",
)
@click.option("--resize", is_flag=True, help="Allow enlarging images, and making gray ones colour.")
@click.option(
    "--stretch", is_flag=True, help="Of a folder or zip: spread the pixel values in use over the whole range, 0 to 255."
)
@click.option(
    "--all-frames",
    is_flag=True,
    help="Of a folder or zip: take all frames of animations and TIFF files, not the first.",
)
@click.option(
    "--drop-small", is_flag=True, help="Of a folder or zip: leave out pictures that are smaller than the images made."
)
@click.option(
    "--checkpoint-seconds",
    type=float,
    default=5.0,
    show_default=True,
    help="Least seconds from one checkpoint to the next.",
)
@click.option(
    "--log-every", type=int, default=50, show_default=True, help="Steps from one row of history.csv to the next."
)
@click.option(
    "--evaluate-every",
    type=int,
    metavar="STEPS",
    help="Measure the generator every so many steps, and keep the best one as best_generator.keras; 0: never.  "
    "[default: once in 100,000 images, in trainings of at least 15 minutes or 500,000 images]",
)
@click.option(
    "--keep-samples", is_flag=True, help="Keep each grid's latents and images as arrays in samples/, for `explore`."
)
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard logs, into the run's folder tensorboard/.")
@click.option(
    "--stop-on-alarm", is_flag=True, help="Save and stop when an alarm begins; the same command goes on from there."
)
@click.option("--no-progress", is_flag=True, help="Print one plain line per epoch instead of a progress bar.")
@click.option("--list-fields", is_flag=True, help="Show what --set can change in the chosen recipe, and exit.")
def train(recipe, dataset, run_dir, overrides, no_progress, list_fields, **options):
    """Train a recipe on a dataset: the same command again resumes it, and more epochs extend it."""
    if list_fields:
        for name, kind, default, meaning in field_help(get_recipe(recipe)):
            click.echo(f"{name:28} {meaning} ({kind}; {_as_typed(default)})")
        if recipe in IN_COLOUR:
            click.echo(f"On colour images {recipe} is {IN_COLOUR[recipe]}, with other values: name it to see them.")
        return
    classes = overrides.pop("classes", None)
    changed_recipe(recipe, overrides)  # a mistake here need not wait for TensorFlow
    with tensorflow_quiet():
        from dcgan_tf.run.place import run_name
        from dcgan_tf.training.progress import PlainProgress
        from dcgan_tf.training.train import train

    short = {name: options[name] for name in ("batch_size", "learning_rate")}
    start = options["start_from"]
    changes = {
        **short,
        "classes": classes,
        "start_from": start and os.path.basename(os.path.abspath(start)),
        **overrides,
    }
    changes = {name: value for name, value in changes.items() if value is not None and name not in ("epochs", "steps")}
    changes |= {name: True for name in ("resize", "stretch", "all_frames", "drop_small") if options[name]}  # other data
    run_dir = run_dir or os.path.join("results", run_name(dataset, recipe, changes, options["seed"]))
    progress = PlainProgress() if no_progress else None
    run = train(recipe, dataset, run_dir, overrides=overrides, classes=classes, progress=progress, **options)
    say(str(run.path))
