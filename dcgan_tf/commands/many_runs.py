"""Many runs: `gallery`, `sweep`, `search`."""

import click

from dcgan_tf.commands.basics import PATH, Command, negated, on_stderr
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.saying import say


def _where(command):
    """The options that say where runs are made: see sweeps/executors/choose.py."""
    for option in reversed(_WHERE):
        command = option(command)
    return command


_WHERE = (
    click.option(
        "--jobs",
        type=int,
        help="Runs at a time; here they share the processor's cores.  [default: 1; elsewhere as many as find room, of "
        "a search 4]",
    ),
    click.option(
        "--on",
        metavar="WHERE",
        help="Where runs are made: local:4 (this computer, four at a time), dask://HOST:PORT (the workers of a Dask "
        "scheduler) or slurm; the last two need pip install 'dcgan-tf[cluster]', and a results folder that all "
        "machines share.  [default: local]",
    ),
    click.option(
        "--per-run",
        metavar="RESOURCES",
        help="What each run is given, so that runs do not starve each other, such as cores=2,gpus=1; workers of Dask "
        'declare what they have: --resources "cores=8 GPU=4".  [default: a share of the cores; one thread of a worker]',
    ),
    click.option(
        "--cluster",
        type=PATH,
        metavar="YAML",
        help="With --on slurm: a file that says what a job is like, such as cores: 8, memory: 16GB, queue: gpu, "
        "walltime: '4:00:00' (all that dask_jobqueue.SLURMCluster takes), and gpus: how many it has.",
    ),
)


@click.command(cls=Command)
@click.argument("results_dir", metavar="[RESULTS]", type=PATH, default="results")
@click.option(
    "--embed", is_flag=True, help="Put the pictures into the page too: one large file, which can be sent to somebody."
)
def gallery(results_dir, embed):
    """Make one page over all runs in a folder: RESULTS/index.html, to open in any browser."""
    from dcgan_tf.gallery_page.build import gallery

    page = gallery(results_dir, embed, say=on_stderr)
    if embed:
        on_stderr(f"{page.stat().st_size / 1e6:.1f} MB, pictures included")
    say(str(page))


@click.command(cls=Command)
@click.argument("notebook", type=PATH)
@click.argument("settings", nargs=-1, metavar="NAME=VALUE,VALUE ...")
@click.option(
    "--from",
    "file",
    type=PATH,
    help="A YAML file of settings: its lists are the grid, those under `runs:` are runs with names.",
)
@_where
@click.option("--results-dir", type=PATH, help="The sweep's folder.  [default: in results/, named after the settings]")
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
    callback=negated,
    help="Train every run from its beginning, also where a shorter one is the same up to there.",
)
@click.option(
    "--by",
    default="epoch",
    show_default=True,
    help="What curves.png compares at equal amounts of: epoch, step, images or seconds.",
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
    from dcgan_tf.sweeps.yaml_file import read_yaml, typed_over

    given, named = read_yaml(file) if file else ({}, {})
    typed = {name: split_values(values) for name, values in _named_settings(settings, "NAME=VALUE,VALUE").items()}
    outcomes = sweep(notebook, typed_over(given, named, typed), named=named, dry_run=dry_run, say=say, **options)
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


@click.command(cls=Command)
@click.argument("notebook", type=PATH)
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
@_where
@click.option("--results-dir", type=PATH, help="The search's folder.  [default: in results/, named after the settings]")
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
    callback=negated,
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
    found = search(notebook, typed, say=say, **options)
    return 0 if found.winner and found.is_whole else 1
