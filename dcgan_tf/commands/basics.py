"""What the commands share: how they are called and listed, and options that several of them have."""

import sys

import click

from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.places import expanded_text
from dcgan_tf.system.saying import say


class Command(click.Command):
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


class Group(click.Group):
    """A group that names the nearest command for a misspelt one."""

    def list_commands(self, context):
        return list(self.commands)  # as they follow below, not by the alphabet

    def resolve_command(self, context, args):
        if args and not args[0].startswith("-") and self.get_command(context, args[0]) is None:
            known = ", ".join(self.list_commands(context))
            raise UserError(f"unknown command {args[0]!r}.{nearest(args[0], self.commands)} Commands: {known}")
        return super().resolve_command(context, args)


# --- options -----------------------------------------------------------------------------------------------------


class _Path(click.Path):
    """A path that may begin with ~ wherever it stands: a shell leaves it alone behind an option's =."""

    def convert(self, value, parameter, context):
        return expanded_text(super().convert(value, parameter, context))


PATH = _Path()


def negated(context, parameter, value):
    return not value


def on_stderr(text):
    if sys.stderr is not None:  # for None, which it is where it was closed, print takes the standard output
        say(text, sys.stderr)


run_argument = click.argument("run", type=PATH)
best_option = click.option(
    "--best",
    is_flag=True,
    help="Take best_generator.keras, which `train --evaluate-every` keeps, not the generator of the last step.",
)
dataset_option = click.option("--dataset", help="The run's data (a name or a path), if they are not where they were.")


class_option = click.option(
    "--class", "of_class", metavar="CLASS", help="Of a conditional run: images of this class, by name or number."
)
with_option = click.option(
    "--with", "having", metavar="NAMES", help="Of a conditional run: attributes that all images have, joined by commas."
)
without_option = click.option("--without", metavar="NAMES", help="... and attributes that none has.")
