"""`python -m dcgan_tf ...`: parses, calls the function of the same name, prints.

Exit status 0 on success, 2 on a user's mistake (one line on stderr), 1 on anything else.
TensorFlow is imported by the commands that need it, not by `--help`.
"""

import os

import click

from dcgan_tf import __version__
from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.recipe.fields import field_help
from dcgan_tf.system.errors import UserError, nearest, run_command
from dcgan_tf.system.quiet import tensorflow_quiet


class _Group(click.Group):
    """A group that names the nearest command for a misspelt one."""

    def resolve_command(self, context, args):
        if args and not args[0].startswith("-") and self.get_command(context, args[0]) is None:
            known = ", ".join(self.list_commands(context))
            raise UserError(f"unknown command {args[0]!r}.{nearest(args[0], self.commands)} Commands: {known}")
        return super().resolve_command(context, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcgan_tf")
def cli():
    """Train, watch, compare and understand DCGANs."""


@cli.command()
@click.option("--time", "measure", is_flag=True, help="Measure on this machine how long 1,000 images of training take.")
@click.argument("names", nargs=-1)
def recipes(measure, names):
    """The table of recipes (or of those named): name, source, image size, parameters, one line."""
    chosen = [get_recipe(name) for name in names] or list(RECIPES.values())
    with tensorflow_quiet():
        from dcgan_tf.game.timing import seconds_per_1000_images
        from dcgan_tf.networks.architectures import build_discriminator, build_generator

    if measure:
        _print_times(chosen, seconds_per_1000_images)
        return
    rows = [("recipe", "images", "generator", "discriminator", "source", "what it is")]
    for recipe in chosen:
        shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
        parameters = [build(recipe, shape).count_params() for build in (build_generator, build_discriminator)]
        counts = [f"{count:,}" for count in parameters]
        rows.append((recipe.name, "x".join(map(str, shape)), *counts, recipe.source, recipe.summary))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [
            text.rjust(width) if column in (2, 3) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        click.echo("  ".join([*cells, row[-1]]))


def _print_times(recipes, seconds_per_1000_images):
    """A line for each as soon as it is measured: large networks take a while."""
    click.echo(f"{'recipe':14}{'images':11}{'batch':>6}{'seconds per 1,000 images':>26}{'images/s':>10}")
    for recipe in recipes:
        shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
        seconds = seconds_per_1000_images(recipe, shape)
        size = "x".join(map(str, shape))
        click.echo(f"{recipe.name:14}{size:11}{recipe.batch_size:6}{seconds:26.2f}{1000 / seconds:10.1f}")


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


def _list_fields(context, parameter, value):
    if value:
        for name, kind, default, meaning in field_help():
            click.echo(f"{name:28} {meaning} ({kind}; {default})")
        context.exit()


@cli.command()
@click.option("--recipe", default="quick", show_default=True, help="What is trained and how: see `recipes`.")
@click.option(
    "--dataset", default="mnist5k", show_default=True, help="A name, or the path of a folder, zip or prepared dataset."
)
@click.option("--run-dir", help="Where everything goes.  [default: results/ and a name made of the settings]")
@click.option("--epochs", type=int, help="Passes over the data.")
@click.option("--steps", type=int, help="Steps, instead of epochs.")
@click.option("--max-seconds", type=float, help="Stop after so much training time.")
@click.option("--batch-size", type=int, help="Images per step.")
@click.option("--learning-rate", type=float, help="For both networks.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--set",
    "fields",
    multiple=True,
    callback=_fields,
    metavar="FIELD=VALUE",
    help="Change any field of the recipe; `classes` picks classes of the data.",
)
@click.option("--resize", is_flag=True, help="Allow enlarging images, and making gray ones colour.")
@click.option("--stretch", is_flag=True, help="Of a folder or zip, spread the values in use over the whole range.")
@click.option("--all-frames", is_flag=True, help="Of a folder or zip, take all frames of animations and TIFF files.")
@click.option(
    "--checkpoint-seconds", type=float, default=5.0, show_default=True, help="Least time between checkpoints."
)
@click.option("--log-every", type=int, default=50, show_default=True, help="Steps per row of history.csv.")
@click.option(
    "--evaluate-every",
    type=int,
    metavar="STEPS",
    help="Measure the generator so often while training, and keep the best as best_generator.keras.",
)
@click.option("--keep-samples", is_flag=True, help="Keep each grid's latents and images in samples/, for `explore`.")
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard logs, into the run's folder tensorboard/.")
@click.option("--stop-on-alarm", is_flag=True, help="Save and stop when an alarm begins; the same command goes on.")
@click.option("--no-progress", is_flag=True, help="No bar: one plain line per epoch.")
@click.option(
    "--list-fields",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_fields,
    help="Show what --set can change, and exit.",
)
def train(
    recipe,
    dataset,
    run_dir,
    epochs,
    steps,
    max_seconds,
    batch_size,
    learning_rate,
    seed,
    fields,
    resize,
    stretch,
    all_frames,
    checkpoint_seconds,
    log_every,
    evaluate_every,
    keep_samples,
    tensorboard,
    stop_on_alarm,
    no_progress,
):
    """Train a recipe; the same command again resumes an interrupted run, more epochs extend it."""
    classes = fields.pop("classes", None)
    get_recipe(recipe).with_fields(fields)  # a mistake here need not wait for TensorFlow
    with tensorflow_quiet():
        from dcgan_tf.run.place import run_name
        from dcgan_tf.training.progress import PlainProgress
        from dcgan_tf.training.train import train

    changes = {"batch_size": batch_size, "learning_rate": learning_rate, "classes": classes, **fields}
    changes = {name: value for name, value in changes.items() if value is not None and name not in ("epochs", "steps")}
    run_dir = run_dir or os.path.join("results", run_name(dataset, recipe, changes, seed))
    run = train(
        recipe,
        dataset,
        run_dir,
        epochs=epochs,
        steps=steps,
        max_seconds=max_seconds,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        overrides=fields,
        classes=classes,
        resize=resize,
        stretch=stretch,
        all_frames=all_frames,
        checkpoint_seconds=checkpoint_seconds,
        log_every=log_every,
        evaluate_every=evaluate_every,
        keep_samples=keep_samples,
        tensorboard=tensorboard,
        stop_on_alarm=stop_on_alarm,
        progress=PlainProgress() if no_progress else None,
    )
    click.echo(str(run.path))


@cli.command()
@click.argument("run", type=click.Path())
@click.option("--count", type=int, default=64, show_default=True, help="How many images.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same images.")
@click.option(
    "--output",
    required=True,
    type=click.Path(),
    help="samples.npy (uint8 [N, H, W, C]), grid.png, or a new folder of PNGs.",
)
@click.option("--best", is_flag=True, help="From best_generator.keras (see train --evaluate-every), not the last one.")
@click.option("--latent-mean", type=float, help="Other than in training.")
@click.option("--latent-std", type=float, help="Other than in training; below 1: safer, more alike.")
def sample(run, count, seed, output, best, latent_mean, latent_std):
    """Images from a run directory (or a .keras file)."""
    with tensorflow_quiet():
        from dcgan_tf.run.sampling import sample

    images = sample(run, count, seed, output, best=best, latent_mean=latent_mean, latent_std=latent_std)
    click.echo(f"{len(images)} images of {'x'.join(map(str, images.shape[1:]))} in {output}")


@cli.command()
@click.argument("run", type=click.Path())
@click.option(
    "--metrics",
    help="fid,kid,is,precision,recall,density,coverage,classes,confidence,js,bound.  [default: all that apply]",
)
@click.option(
    "--features",
    default="auto",
    show_default=True,
    help="classifier, inception or pixels; auto: classifier where there are labels.",
)
@click.option("--samples", type=int, default=10_000, show_default=True, help="Generated images, per seed.")
@click.option("--seeds", type=int, default=1, show_default=True, help="More than one: mean and standard deviation.")
@click.option("--real-images", type=int, default=50_000, show_default=True, help="At most so many of the dataset.")
@click.option("--dataset", help="Where the run's data are now, if they have moved.")
@click.option("--best", is_flag=True, help="Measure best_generator.keras (see train --evaluate-every).")
@click.option(
    "--split", default="train", show_default=True, help="Which real images to compare with: train, or test if any."
)
@click.option("--against", metavar="DATASET", help="Compare with other real images, such as a test set of one's own.")
@click.option("--inception", type=click.Path(), help="classify_image_graph_def.pb, if it cannot be downloaded.")
@click.option("--no-progress", is_flag=True, help="No bar.")
def evaluate(
    run, metrics, features, samples, seeds, real_images, dataset, best, split, against, inception, no_progress
):
    """Measure a run's generator: a table, and a line in its metrics.jsonl."""
    with tensorflow_quiet():
        from dcgan_tf.evaluation.evaluate import evaluate, table

    line = evaluate(
        run,
        metrics,
        features=features,
        samples=samples,
        seeds=seeds,
        real_images=real_images,
        dataset=dataset,
        best=best,
        split=split,
        against=against,
        inception=inception,
        bar=False if no_progress else None,
        say=lambda text: click.echo(text, err=True),
    )
    click.echo(table(line))


@cli.command(short_help="A generator for the browser, for ONNX or for TensorFlow.")
@click.argument("run", type=click.Path(), required=False)
@click.option(
    "--web",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="A page to play with, that needs no network.  [default: RUN/web]",
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
@click.option("--best", is_flag=True, help="best_generator.keras, instead of the last one.")
@click.option(
    "--attributes", is_flag=True, help="On the page, sliders for what the data's labels name, too: glasses, beard ..."
)
@click.option("--dataset", help="Where the run's labelled data are now, if they have moved.")
def export(run, web, onnx, saved_model, best, attributes, dataset):
    """Write the generator of RUN (a run directory or a .keras file) for other programs.

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

    def say(text):
        click.echo(text, err=True)

    for path in export(run, **given, best=best, attributes=attributes, dataset=dataset, say=say):
        click.echo(str(path))


@cli.command()
@click.argument("results", type=click.Path(), default="results")
@click.option("--embed", is_flag=True, help="Put the pictures into the page too: one large file, to send to somebody.")
def gallery(results, embed):
    """One page over all runs in a folder: RESULTS/index.html, to open in any browser."""
    from dcgan_tf.gallery_page.build import gallery

    page = gallery(results, embed)
    if embed:
        click.echo(f"{page.stat().st_size / 1e6:.1f} MB, pictures included", err=True)
    click.echo(str(page))


@cli.command(short_help="Sheets and films of a run's latent space.")
@click.argument("run", type=click.Path())
@click.option(
    "--only",
    metavar="NAMES",
    help="Some of: samples, spreads, average, interpolation, plane, truncation, "
    "arithmetic, directions, first_layer, attributes, neighbours, projection, epochs.  [default: all that apply]",
)
@click.option("--seeds", help="Samples to work with, such as 3,17,42: see the sheet `samples`; or .npy latents.")
@click.option("--means", help="Means of z, such as -1,0,1, for `spreads` and `average`.")
@click.option("--stds", help="Standard deviations of z, such as 0.4,1, for `spreads`.")
@click.option("--steps", default=9, show_default=True, help="Images in a strip.")
@click.option("--count", default=500, show_default=True, help="Images that an average is made of.")
@click.option("--arithmetic", metavar="SUM", help="Means of samples added up: '3,4,5 - 7,8,9 + 10,11,12'.")
@click.option(
    "--project", type=click.Path(), multiple=True, help="A picture of your own: the latent that comes closest."
)
@click.option("--places", help="Images of a grid, from 0, to follow through the epochs (train --keep-samples).")
@click.option("--dataset", help="Where the run's data are now, if they have moved.")
@click.option("--best", is_flag=True, help="best_generator.keras, instead of the last one.")
@click.option("--no-classifier", is_flag=True, help="Train no classifier of the labels: leaves attributes out.")
@click.option("--output", type=click.Path(), help="The folder to write.  [default: latent, in the run directory]")
@click.option("--mp4", is_flag=True, help="Write each film as MP4, too.")
def explore(run, project, no_classifier, **options):
    """Look into a run's latent space: sheets and films of all there is to see."""
    with tensorflow_quiet():
        from dcgan_tf.latent.explore import explore

    explore(run, project=project or None, classifier=not no_classifier, say=click.echo, **options)


@cli.command()
@click.argument("notebook", type=click.Path())
@click.argument("settings", nargs=-1, metavar="NAME=VALUE,VALUE ...")
@click.option("--from", "file", type=click.Path(), help="A YAML file: its lists are the grid, `runs:` named ones.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Runs at a time; they share the cores.")
@click.option("--results-dir", help="The sweep's folder.  [default: results/ and a name made of the settings]")
@click.option("--repeats", type=int, default=1, show_default=True, help="Each combination with so many seeds.")
@click.option("--sample", type=int, help="Only so many combinations, drawn at random.")
@click.option("--sample-seed", type=int, default=0, show_default=True, help="Another draw.")
@click.option("--no-share", is_flag=True, help="Train runs that differ in epochs alone each from its beginning.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and stop.")
def sweep(notebook, settings, file, jobs, results_dir, repeats, sample, sample_seed, no_share, dry_run):
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
    typed = {}
    for text in settings:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise UserError(f"setting {text!r} must be NAME=VALUE or NAME=VALUE,VALUE, for example epochs=5,10")
        if name in typed:
            raise UserError(f"{name} is given twice: give all its values at once, as {name}=1,2")
        typed[name] = split_values(values)
    outcomes = sweep(
        notebook,
        {**given, **typed},
        named=named,
        results_dir=results_dir,
        jobs=jobs,
        repeats=repeats,
        sample=sample,
        sample_seed=sample_seed,
        share=not no_share,
        dry_run=dry_run,
        say=click.echo,
    )
    return 0 if dry_run or all(outcome.status == FINISHED for outcome in outcomes) else 1


def main(arguments=None):
    """Run the command line and exit with its status."""
    run_command(cli, "python -m dcgan_tf", arguments)
