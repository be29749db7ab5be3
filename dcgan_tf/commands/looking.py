"""`look`."""

import click

from dcgan_tf.commands.basics import PATH, Command
from dcgan_tf.system.saying import say


@click.command(cls=Command)
@click.argument("dataset", metavar="FOLDER|ZIP", type=PATH)
@click.option("--image-size", type=int, help="Height and width the images are to have.  [default: what suits most]")
@click.option("--output", type=PATH, help="The contact sheet, a PNG file.  [default: results/look-NAME.png]")
@click.option("--workers", type=int, help="Processes.  [default: one per core]")
def look(dataset, output, **options):
    """Look at pictures before training: what is there, what is not taken and why, and the command to train on them.

    Nothing is written into the folder: see --output.
    """
    from dcgan_tf.looking.look import look, usual_output

    output = output or usual_output(dataset)
    found = look(dataset, output=output, **options)
    say(f"{found}\n\nA contact sheet: {output}")
