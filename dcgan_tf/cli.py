"""`python -m dcgan_tf ...`: parses, calls the function of the same name, prints.

Exit status 0 on success, 2 on a user's mistake (one line on stderr), 1 on anything else.
TensorFlow is imported by the commands that need it, not by `--help`.
"""

import os

import click

from dcgan_tf import __version__
from dcgan_tf.recipe.catalogue import IN_COLOUR, RECIPES, changed_recipe, get_recipe
from dcgan_tf.recipe.fields import field_help
from dcgan_tf.system.errors import UserError, nearest, run_command
from dcgan_tf.system.quiet import tensorflow_quiet


class _Command(click.Command):
    """A command that takes no empty text for a value, and that the list of commands shows with its whole first
    paragraph: click would cut it to a line."""

    def invoke(self, context):
        for parameter in self.params:
            value = context.params.get(parameter.name)
            may_be_bare = getattr(parameter, "flag_value", None) == ""  # export --web, without a place
            if (value == "" or (isinstance(value, tuple) and "" in value)) and not may_be_bare:
                name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
                raise UserError(f"{name} is empty: give a value, or leave it out")
        return super().invoke(context)

    def get_short_help_str(self, limit=45):
        return " ".join((self.help or "").split("\n\n")[0].split())


class _Group(click.Group):
    """A group that names the nearest command for a misspelt one."""

    command_class = _Command

    def list_commands(self, context):
        return list(self.commands)  # as they follow below, not by the alphabet

    def resolve_command(self, context, args):
        if args and not args[0].startswith("-") and self.get_command(context, args[0]) is None:
            known = ", ".join(self.list_commands(context))
            raise UserError(f"unknown command {args[0]!r}.{nearest(args[0], self.commands)} Commands: {known}")
        return super().resolve_command(context, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcgan_tf")
def cli():
    """Train, watch, compare and understand DCGANs.

    Each command is also a function: from dcgan_tf import train
    """


# --- options that several commands have ----------------------------------------------------------------------


def _negated(context, parameter, value):
    return not value


def _on_stderr(text):
    click.echo(text, err=True)


_run = click.argument("run", type=click.Path())
_best = click.option(
    "--best",
    is_flag=True,
    help="Take best_generator.keras, which `train --evaluate-every` keeps, not the generator of the last step.",
)
_dataset = click.option("--dataset", help="The run's data (a name or a path), if they are not where they were.")


_of_class = click.option(
    "--class", "of_class", metavar="CLASS", help="Of a conditional run: images of this class, by name or number."
)
_having = click.option(
    "--with", "having", metavar="NAMES", help="Of a conditional run: attributes that all images have, joined by commas."
)
_without = click.option("--without", metavar="NAMES", help="... and attributes that none has.")


# --- commands ------------------------------------------------------------------------------------------------


@cli.command()
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


@cli.command()
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
@click.option("--run-dir", help="The run's folder.  [default: in results/, named after the settings]")
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
    changes = {**short, "classes": classes, **overrides}
    changes = {name: value for name, value in changes.items() if value is not None and name not in ("epochs", "steps")}
    run_dir = run_dir or os.path.join("results", run_name(dataset, recipe, changes, options["seed"]))
    progress = PlainProgress() if no_progress else None
    run = train(recipe, dataset, run_dir, overrides=overrides, classes=classes, progress=progress, **options)
    click.echo(str(run.path))


@cli.command()
@_run
@click.option("--count", type=int, default=64, show_default=True, help="Number of images.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of the latents: the same seed gives the same images."
)
@click.option(
    "--output",
    required=True,
    type=click.Path(),
    help="An array such as samples.npy (uint8, [N, height, width, channels]), one picture such as grid.png, or a new "
    "folder for a PNG of each image.",
)
@_best
@click.option("--latent-mean", type=float, help="Mean of the latents z.  [default: that of the training, usually 0]")
@click.option(
    "--latent-std",
    type=float,
    help="Standard deviation of the latents z (half-width, where they are uniform); less than in the training gives "
    "safer images that are more alike.  [default: that of the training, usually 1]",
)
@_of_class
@_having
@_without
@click.option(
    "--labels",
    type=click.Path(),
    metavar="CSV",
    help="Of a conditional run: a file with a row for each image, of 0 and 1 under the attributes' names, or of "
    "classes; it says how many.",
)
def sample(run, count, seed, output, having, without, **options):
    """Draw images from a run directory, or from a .keras file."""
    with tensorflow_quiet():
        from dcgan_tf.run.sampling import sample

    images = sample(run, count, seed, output, having=having or (), without=without or (), **options)
    click.echo(f"{len(images)} images of {'x'.join(map(str, images.shape[1:]))} in {output}")


@cli.command()
@_run
@click.option(
    "--metrics",
    help="Some of: fid, kid, is, precision, recall, density, coverage, classes, confidence, "
    "agreement, within (both of a conditional run), grain, js, bound; joined by commas.  [default: all that apply]",
)
@click.option(
    "--features",
    default="auto",
    show_default=True,
    help="What images are compared by: classifier, inception or pixels; auto: the classifier where there are labels.",
)
@click.option("--samples", type=int, default=10_000, show_default=True, help="Generated images per seed.")
@click.option(
    "--seeds",
    type=int,
    default=1,
    show_default=True,
    help="How many times to measure, with seeds 0, 1 ...: more than one gives mean and standard deviation.",
)
@click.option(
    "--real-images", type=int, default=50_000, show_default=True, help="At most so many images of the dataset."
)
@_dataset
@_best
@click.option(
    "--split",
    default="train",
    show_default=True,
    help="The real images to compare with: train, or test where a dataset has them.",
)
@click.option(
    "--against", metavar="DATASET", help="Compare with these real images (a name or a path) instead of the run's data."
)
@click.option(
    "--inception", type=click.Path(), help="The file classify_image_graph_def.pb, if it cannot be downloaded here."
)
@click.option("--no-progress", is_flag=True, help="Show no progress bar.")
def evaluate(run, metrics, no_progress, **options):
    """Measure a run's generator: print a table, and add a line to the run's metrics.jsonl."""
    with tensorflow_quiet():
        from dcgan_tf.evaluation.evaluate import evaluate, table

    line = evaluate(run, metrics, bar=False if no_progress else None, say=_on_stderr, **options)
    click.echo(table(line))


@cli.command()
@click.argument("run", type=click.Path(), required=False)
@click.option(
    "--web",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="A page to play with in a browser, which needs no network.  [default: RUN/web]",
)
@click.option(
    "--onnx", is_flag=False, flag_value="", metavar="[FILE]", help="An ONNX file.  [default: RUN/generator.onnx]"
)
@click.option(
    "--saved-model",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="A TensorFlow SavedModel.  [default: RUN/saved_model]",
)
@_best
@click.option(
    "--attributes", is_flag=True, help="On the page: sliders for what the data's labels name, too, such as glasses."
)
@_dataset
def export(run, web, onnx, saved_model, **options):
    """Write the generator of RUN (a run directory or a .keras file) for the browser, for ONNX or for TensorFlow.

    Each export is compared with the original, and not kept if it differs.
    """
    if run is None:
        raise UserError("give the run before the options: python -m dcgan_tf export RUN --web")
    given = {"web": web, "onnx": onnx, "saved_model": saved_model}
    given = {name: place or True for name, place in given.items() if place is not None}
    if not given:  # this need not wait for TensorFlow
        raise UserError(
            "give at least one of --web, --onnx, --saved-model: export RUN --web writes a page to play with"
        )
    with tensorflow_quiet():
        from dcgan_tf.exporting.export import export

    for path in export(run, **given, say=_on_stderr, **options):
        click.echo(str(path))


@cli.command()
@click.argument("results_dir", metavar="[RESULTS]", type=click.Path(), default="results")
@click.option(
    "--embed", is_flag=True, help="Put the pictures into the page too: one large file, which can be sent to somebody."
)
def gallery(results_dir, embed):
    """Make one page over all runs in a folder: RESULTS/index.html, to open in any browser."""
    from dcgan_tf.gallery_page.build import gallery

    page = gallery(results_dir, embed, say=_on_stderr)
    if embed:
        _on_stderr(f"{page.stat().st_size / 1e6:.1f} MB, pictures included")
    click.echo(str(page))


@cli.command()
@_run
@click.option(
    "--only",
    metavar="NAMES",
    help="Some of, joined by commas: samples, labels, between (these two of conditional runs), spreads, average, "
    "interpolation, plane, truncation, arithmetic, directions, first_layer, attributes, neighbours, projection, "
    "epochs.  [default: all that apply]",
)
@click.option(
    "--seeds",
    help="Samples to work with, by their seeds, such as 3,17,42 (the sheet `samples` shows them), or files of latents "
    "(.npy).  [default: the first few]",
)
@click.option("--means", help="For `spreads` and `average`: means of z, such as -1,0,1.")
@click.option("--stds", help="For `spreads`: standard deviations of z, such as 0.4,1.")
@click.option("--steps", default=9, show_default=True, help="Images in a strip, both ends included.")
@click.option("--count", default=500, show_default=True, help="Images that an average is made of.")
@click.option(
    "--arithmetic",
    metavar="SUM",
    help="Add and subtract means of samples, by their seeds: '3,4,5 - 7,8,9 + 10,11,12'.",
)
@click.option(
    "--project",
    type=click.Path(),
    multiple=True,
    help="A picture of your own, to look for the latent that comes closest. Can be given several times.",
)
@click.option(
    "--places",
    help="Images of a grid, counted from 0, to follow through the epochs, such as 0,5 (needs train --keep-samples).",
)
@_dataset
@_best
@_of_class
@_having
@_without
@click.option(
    "--no-classifier",
    "classifier",
    is_flag=True,
    callback=_negated,
    help="Train no classifier of the labels; leaves out `attributes`.",
)
@click.option("--output", type=click.Path(), help="The folder to write.  [default: RUN/latent]")
@click.option("--mp4", is_flag=True, help="Write each film as MP4, too, not only as GIF.")
def explore(run, project, having, without, **options):
    """Look into a run's latent space: sheets and films of all there is to see."""
    with tensorflow_quiet():
        from dcgan_tf.latent.explore import explore

    explore(run, project=project or None, having=having or (), without=without or (), say=click.echo, **options)


@cli.command()
@click.argument("notebook", type=click.Path())
@click.argument("settings", nargs=-1, metavar="NAME=VALUE,VALUE ...")
@click.option(
    "--from",
    "file",
    type=click.Path(),
    help="A YAML file of settings: its lists are the grid, those under `runs:` are runs with names.",
)
@click.option(
    "--jobs",
    type=int,
    help="Runs at a time; they share the processor's cores.  [default: 1; with --on, as many as find room]",
)
@click.option(
    "--on",
    metavar="WHERE",
    help="Where runs are made: local:4 (this computer, four at a time), dask://HOST:PORT (the workers of a Dask "
    "scheduler) or slurm; the last two need pip install 'dcgan-tf[cluster]', and a results folder that all machines "
    "share.  [default: local]",
)
@click.option(
    "--per-run",
    metavar="RESOURCES",
    help="What each run is given, so that runs do not starve each other, such as cores=2,gpus=1; workers of Dask "
    'declare what they have: --resources "cores=8 GPU=4".  [default: a share of the cores; one thread of a worker]',
)
@click.option(
    "--cluster",
    type=click.Path(),
    metavar="YAML",
    help="With --on slurm: a file that says what a job is like, such as cores: 8, memory: 16GB, queue: gpu, "
    "walltime: '4:00:00' (all that dask_jobqueue.SLURMCluster takes), and gpus: how many it has.",
)
@click.option("--results-dir", help="The sweep's folder.  [default: in results/, named after the settings]")
@click.option(
    "--repeats", type=int, default=1, show_default=True, help="Train each combination so many times, with other seeds."
)
@click.option("--sample", type=int, help="Train only so many of the combinations, drawn at random.  [default: all]")
@click.option(
    "--sample-seed", type=int, default=0, show_default=True, help="Another seed draws other combinations for --sample."
)
@click.option(
    "--no-share",
    "share",
    is_flag=True,
    callback=_negated,
    help="Train every run from its beginning, also where a shorter one is the same up to there.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be trained, and stop.")
def sweep(notebook, settings, file, dry_run, **options):
    """Run a notebook with every combination of settings, and put the results side by side.

    \b
    python -m dcgan_tf sweep notebooks/mnist.ipynb epochs=5,10,20 batch_size=32,64 --jobs 2

    Settings are parameters of the notebook, or fields of a recipe. Again, the same command does what is missing
    or failed, and resumes what was interrupted.
    """
    from dcgan_tf.sweeps.asked import split_values
    from dcgan_tf.sweeps.sweep import FINISHED, sweep
    from dcgan_tf.sweeps.yaml_file import read_yaml

    given, named = read_yaml(file) if file else ({}, {})
    typed = {name: split_values(values) for name, values in _named_settings(settings, "NAME=VALUE,VALUE").items()}
    outcomes = sweep(notebook, {**given, **typed}, named=named, dry_run=dry_run, say=click.echo, **options)
    return 0 if dry_run or all(outcome.status == FINISHED for outcome in outcomes) else 1


def _named_settings(settings, form) -> dict[str, str]:
    """NAME=... NAME=..., as a dict of texts."""
    typed = {}
    for text in settings:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise UserError(f"setting {text!r} must be NAME=VALUE or {form}, for example epochs=5,10")
        if name in typed:
            raise UserError(f"{name} is given twice: give all its values at once, as {name}=1,2")
        typed[name] = values
    return typed


@cli.command()
@click.argument("notebook", type=click.Path())
@click.argument("settings", nargs=-1, metavar="NAME=LOW..HIGH NAME=VALUE,VALUE ...")
@click.option("--trials", type=int, default=40, show_default=True, help="How many settings to try.")
@click.option(
    "--metric",
    default="frechet",
    show_default=True,
    help="What to make better: frechet (the Fréchet distance), or another name that `evaluate --metrics` takes.",
)
@click.option(
    "--minutes", type=float, help="Minutes of training for each trial.  [default: as a setting, or the notebook, says]"
)
@click.option(
    "--jobs", type=int, default=1, show_default=True, help="Runs at a time; they share the processor's cores."
)
@click.option("--results-dir", help="The search's folder.  [default: in results/, named after the settings]")
@click.option(
    "--finalists", type=int, default=3, show_default=True, help="So many of the best are trained with further seeds."
)
@click.option(
    "--repeats", type=int, default=3, show_default=True, help="With so many seeds in all; the best mean wins."
)
@click.option(
    "--no-prune",
    "prune",
    is_flag=True,
    callback=_negated,
    help="Train every trial to its end, also one that is worse than half of the others were by then.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws: another one tries other settings.")
def search(notebook, settings, **options):
    """Search for the settings with which a notebook trains best, trying many and learning from each.

    \b
    python -m dcgan_tf search notebooks/mnist.ipynb generator_learning_rate=1e-4..2e-3:log \\
        batch_size=16,32,64 loss=bce,hinge --trials 40 --metric frechet --minutes 3

    A setting has a range (:log: drawn by its logarithm), some values, or one that all trials share. Again, the same
    command goes on; on another machine with the same folder, it helps. Needs: pip install 'dcgan-tf[search]'
    """
    from dcgan_tf.sweeps.search.search import search

    typed = _named_settings(settings, "NAME=LOW..HIGH or NAME=VALUE,VALUE")
    found = search(notebook, typed, say=click.echo, **options)
    return 0 if found.winner and found.is_whole else 1


def main(arguments=None):
    """Run the command line and exit with its status."""
    run_command(cli, "python -m dcgan_tf", arguments)
