"""What is made of one run: `sample`, `evaluate`, `export`, `explore`."""

import click

from dcgan_tf.commands.basics import (
    PATH,
    Command,
    best_option,
    class_option,
    dataset_option,
    negated,
    on_stderr,
    run_argument,
    with_option,
    without_option,
)
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.quiet import tensorflow_quiet
from dcgan_tf.system.saying import counted, say


@click.command(cls=Command)
@run_argument
@click.option("--count", type=int, help="Number of images.  [default: 64]")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of the latents: the same seed gives the same images."
)
@click.option(
    "--output",
    required=True,
    type=PATH,
    help="An array such as samples.npy (uint8, [N, height, width, channels]), one picture such as grid.png, or a new "
    "folder for a PNG of each image.",
)
@best_option
@click.option("--latent-mean", type=float, help="Mean of the latents z.  [default: that of the training, usually 0]")
@click.option(
    "--latent-std",
    type=float,
    help="Standard deviation of the latents z (half-width, where they are uniform); less than in the training gives "
    "safer images that are more alike.  [default: that of the training, usually 1]",
)
@class_option
@with_option
@without_option
@click.option(
    "--labels",
    type=PATH,
    metavar="CSV",
    help="Of a conditional run: a file with a row for each image, of 0 and 1 under the attributes' names, or of "
    "classes; it says how many.",
)
def sample(run, count, seed, output, having, without, **options):
    """Draw images from a run directory, or from a .keras file."""
    with tensorflow_quiet():
        from dcgan_tf.run.sampling import sample

    images = sample(run, count, seed, output, having=having or (), without=without or (), **options)
    say(f"{counted(len(images), 'image')} of {'x'.join(map(str, images.shape[1:]))} in {output}")


@click.command(cls=Command)
@run_argument
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
@dataset_option
@best_option
@click.option(
    "--split",
    default="train",
    show_default=True,
    help="The real images to compare with: train, or test where a dataset has them.",
)
@click.option(
    "--against", metavar="DATASET", help="Compare with these real images (a name or a path) instead of the run's data."
)
@click.option("--inception", type=PATH, help="The file classify_image_graph_def.pb, if it cannot be downloaded here.")
@click.option(
    "--no-yardsticks",
    "yardsticks",
    is_flag=True,
    callback=negated,
    help="Leave out what real images and noise give, which stands beside each metric and is measured once.",
)
@click.option("--no-progress", is_flag=True, help="Show no progress bar.")
def evaluate(run, metrics, no_progress, **options):
    """Measure a run's generator: print a table, and add a line to the run's metrics.jsonl."""
    with tensorflow_quiet():
        from dcgan_tf.evaluation.evaluate import evaluate, record_line, table
        from dcgan_tf.run.directory import Run

    run = Run(run)
    line = evaluate(run, metrics, bar=False if no_progress else None, record=False, say=on_stderr, **options)
    say(table(line))  # first: a run that cannot be written is measured all the same
    record_line(run, line)


@click.command(cls=Command)
@click.argument("run", type=PATH, required=False)
@click.option(
    "--web",
    type=PATH,
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="A page to play with in a browser, which needs no network.  [default: RUN/web]",
)
@click.option(
    "--onnx",
    type=PATH,
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="An ONNX file.  [default: RUN/generator.onnx]",
)
@click.option(
    "--saved-model",
    type=PATH,
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="A TensorFlow SavedModel.  [default: RUN/saved_model]",
)
@best_option
@click.option(
    "--attributes", is_flag=True, help="On the page: sliders for what the data's labels name, too, such as glasses."
)
@dataset_option
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

    for path in export(run, **given, say=on_stderr, **options):
        say(str(path))


@click.command(cls=Command)
@run_argument
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
@click.option(
    "--steps",
    default=9,
    show_default=True,
    help="Images in a strip, both ends included; along a direction an odd number, at most 7, and of `plane` at most 9.",
)
@click.option("--count", default=500, show_default=True, help="Images that an average is made of.")
@click.option(
    "--arithmetic",
    metavar="SUM",
    help="Add and subtract means of samples, by their seeds: '3,4,5 - 7,8,9 + 10,11,12'.",
)
@click.option(
    "--project",
    type=PATH,
    multiple=True,
    help="A picture of your own, to look for the latent that comes closest. Can be given several times.",
)
@click.option(
    "--places",
    help="Images of a grid, counted from 0, to follow through the epochs, such as 0,5 (needs train --keep-samples).",
)
@dataset_option
@best_option
@class_option
@with_option
@without_option
@click.option(
    "--no-classifier",
    "classifier",
    is_flag=True,
    callback=negated,
    help="Train no classifier of the labels; leaves out `attributes`.",
)
@click.option("--output", type=PATH, help="The folder to write.  [default: RUN/latent, or beside the file]")
@click.option("--mp4", is_flag=True, help="Write each film as MP4, too, not only as GIF.")
def explore(run, project, having, without, **options):
    """Look into the latent space of RUN (a run directory or a .keras file): sheets and films of all there is to see."""
    with tensorflow_quiet():
        from dcgan_tf.latent.explore import explore

    explore(run, project=project or None, having=having or (), without=without or (), say=say, **options)
