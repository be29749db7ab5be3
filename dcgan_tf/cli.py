"""`python -m dcgan_tf ...`: the commands, in the order in which they are listed (see commands/).

Exit status 0 on success, 2 on a user's mistake (one line on stderr), 1 on anything else.
TensorFlow is imported by the commands that need it, not by `--help`.
"""

import click

from dcgan_tf import __version__
from dcgan_tf.commands.basics import Group
from dcgan_tf.commands.looking import look
from dcgan_tf.commands.many_runs import gallery, search, sweep
from dcgan_tf.commands.one_run import evaluate, explore, export, sample
from dcgan_tf.commands.training import recipes, train
from dcgan_tf.system.errors import run_command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcgan_tf")
def cli():
    """Train, watch, compare and understand DCGANs.

    Each command is also a function: from dcgan_tf import train
    """


for command in (recipes, look, train, sample, evaluate, export, gallery, explore, sweep, search):
    cli.add_command(command)


def main(arguments=None):
    """Run the command line and exit with its status."""
    run_command(cli, "python -m dcgan_tf", arguments)
