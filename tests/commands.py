"""The command line, called in this process."""

from click.testing import CliRunner

from dcgan_tf import cli

TINY = {"width": 4, "latent_dim": 8, "batch_size": 50, "grid_images": 9}


def run_cli(*arguments):
    """(status, stdout, stderr) of `python -m dcgan_tf ...`, in this process: starting TensorFlow takes seconds."""
    runner = CliRunner()

    def call():
        cli.main([str(argument) for argument in arguments])

    import click

    result = runner.invoke(click.command()(call), [])
    return result.exit_code, result.stdout, result.stderr
