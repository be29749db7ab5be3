"""explore(): a run directory -> a folder of sheets and films of its latent space, and an index of them."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_tf.latent.choices import Choices, NotHere, choices_of
from dcgan_tf.latent.tour import MOST_STEPS, NEEDS, OF_LABELS, VIEWS, Exploration
from dcgan_tf.pictures.films import write_gif, write_mp4
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.run.directory import Run
from dcgan_tf.run.generators import is_generator_file
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.files import (
    atomic_file,
    check_not_others,
    check_writable,
    disk_errors_explained,
    in_utf8,
    write_bytes,
    write_text,
)
from dcgan_tf.system.places import expanded

_SECONDS_PER_FRAME = 0.05
_INDEX_BEGINS = "# The latent space of"
_ENDINGS = (".png", ".gif", ".mp4", ".npy")  # of what is written
_ALONG = ("directions", "first_layer", "attributes")
_OF_VIEWS = {  # the options that only these views look at
    "seeds": ("samples", *OF_LABELS, "interpolation", "plane", "truncation", *_ALONG, "neighbours"),
    "steps": ("between", "interpolation", "plane", *_ALONG, "epochs"),
    "means": ("spreads", "average"),
    "stds": ("spreads",),
    "count": ("average",),
    "arithmetic": ("arithmetic",),
    "project": ("projection",),
    "places": ("epochs",),
    "dataset": ("attributes", "neighbours", "projection", "arithmetic"),
    "classifier": ("attributes", "arithmetic"),
    "mp4": ("interpolation", "plane", "directions", "attributes", "projection", "epochs"),
    **dict.fromkeys(("best", "of_class", "having", "without"), tuple(name for name in VIEWS if name != "epochs")),
}
_TYPED = {"classifier": "--no-classifier", "of_class": "--class", "having": "--with", "without": "--without"}


def explore(run, only=None, *, seeds=None, means=None, stds=None, steps: int = 9, count: int = 500, arithmetic=None,
            project=None, places=None, dataset=None, best: bool = False, classifier: bool = True, of_class=None,
            having=(), without=(), output=None, mp4: bool = False, say: Callable = print) -> list[Path]:  # fmt: skip
    """Write what there is to see in a run's latent space: PNG sheets, GIFs, latents as .npy, and index.md.

    run: a run directory, a Run, or a generator's file, of which no data are known.
    only: which of VIEWS, a list or "average,plane"; None: all that apply; those that do not are said. With `project` or
        `arithmetic` given, None means just these. An option that none of them looks at is a mistake.
    output: a folder; None: `latent` in the run directory, or NAME_latent beside the file NAME.keras.
        What an earlier call wrote there is replaced.
    mp4: a film as MP4, too. say: is told what was written, and what could not be. The rest: see look_into.

    Returns the files. Raises UserError for a mistake in any of these, before anything is written.
    """
    look = look_into(
        run, seeds=seeds, means=means, stds=stds, steps=steps, count=count, arithmetic=arithmetic, project=project,
        places=places, dataset=dataset, best=best, classifier=classifier, of_class=of_class, having=having,
        without=without, say=say,
    )  # fmt: skip
    every = [name for name in VIEWS if name not in OF_LABELS or look.space.labels is not None]
    names = _check_names(only, look.choices, every)
    _check_used({**vars(look.choices), "mp4": mp4}, names)
    insisted = only is not None or names != every
    folder = expanded(output) if output is not None else _usual_folder(look.run.path)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"output {str(folder)!r} is a file: give a folder")
    _check_index(folder)
    if output is not None:
        _check_others(folder, names)
    check_writable(folder)
    for name in names:
        try:
            NEEDS.get(name, bool)(look)
        except NotHere as reason:
            if insisted:
                raise UserError(f"{name}: {reason}") from None
    if shorter := _shorter(look.choices, names):
        say(shorter)
    written, left_out = [], {}
    for name in names:
        try:
            for stem, made in VIEWS[name][0](look):
                new = _write(folder, stem, made, mp4)
                written += new
                _write_index(folder, look.run)  # each time: it says that the folder is ours
                say("\n".join(map(str, new)))
        except NotHere as reason:
            if insisted:
                raise UserError(f"{name}: {reason}") from None
            left_out.setdefault(str(reason), []).append(name)
    for reason, of_these in left_out.items():
        say(f"left out: {', '.join(of_these)} ({reason})")
    return written


def look_into(run, *, say: Callable = print, **asked) -> Exploration:
    """A run's latent space, with what is asked for (see choices_of) checked; its `space`, `attributes`, ... are made
    when needed. Of a conditional run `say` is told what it is looked at with.

    Raises UserError when there is no such run, or a value makes no sense.
    """
    run = run if isinstance(run, Run) else Run(run)
    choices = choices_of(**asked)
    look = Exploration(run, choices, say)
    summed = [seed for _, seeds, _ in choices.arithmetic or () for seed in seeds]
    look.space.of_seeds([seed for seed in (*choices.seeds, *summed) if isinstance(seed, str)] or [0])
    if look.space.labels is not None:
        say(f"looking at images {_labels_looked_at(look.space)}")
    return look


def _usual_folder(path):
    """Where explore writes when nothing is said: in the run directory, or as exports beside the generator's file."""
    return path.with_name(f"{path.stem}_latent") if is_generator_file(path) else path / "latent"


def _labels_looked_at(space):
    """The labels of a conditional generator's images, and how others are asked for, in one line."""
    words, labels = space.labels.in_words(space.told), space.labels
    if labels.are_classes:
        return f"of {words}, one of {len(labels.seen)} classes (--class chooses)"
    on = int(space.told.sum())
    return f"{words}: {on} of {len(labels)} attributes (--with and --without choose)"


def _write(folder, stem, made, mp4) -> list[Path]:
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{stem}{'.png' if isinstance(made, Picture) else '.npy' if _is_latent(made) else '.gif'}"]
    if isinstance(made, Picture):
        write_bytes(paths[0], made.png())
    elif _is_latent(made):
        with atomic_file(paths[0]) as temporary:
            np.save(temporary, made, allow_pickle=False)
    else:
        pace = _SECONDS_PER_FRAME if len(made) > 30 else 0.25
        write_gif(paths[0], made, pace, hold_last=2.0 if stem.startswith(("epochs", "projection")) else pace)
        if mp4:
            paths.append(folder / f"{stem}.mp4")
            write_mp4(paths[1], made, pace)
    return paths


def _is_latent(made):
    return isinstance(made, np.ndarray) and made.ndim == 1


def _check_index(folder):
    """UserError when the folder has an index.md that is not of this kind: somebody wrote it."""
    with contextlib.suppress(OSError):
        if not (folder / "index.md").read_bytes().startswith(_INDEX_BEGINS.encode()):
            raise UserError(
                f"{str(folder / 'index.md')!r} is not an index that explore wrote: move it away, or choose another "
                "folder, and nothing is lost"
            )


def _check_others(folder, names):
    """UserError when a folder without an index has a file of one of these views' names: somebody put it there."""
    if not (folder / "index.md").exists():
        ours = re.compile(rf"({'|'.join(names)})[._]")
        there = [path for path in sorted(folder.glob("*")) if path.suffix in _ENDINGS and ours.match(path.name)]
        check_not_others(there, "index of explore")


def _write_index(folder, run):
    """index.md: all that lies in the folder, under a heading each, as any viewer of Markdown shows it."""
    lines = [f"{_INDEX_BEGINS} {in_utf8(run.path.name)}", ""]
    found = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name, (_, caption) in VIEWS.items():
        files = sorted(file for file in found if re.match(rf"{name}[._]", file))
        if files:
            lines += [f"## {caption}", ""]
            for file in files:
                lines += [f"![{file}]({file})" if file.endswith((".png", ".gif")) else f"[{file}]({file})", ""]
    write_text(folder / "index.md", "\n".join(lines))


# --- what people type -------------------------------------------------------------------------------------


def _check_names(only, choices, every) -> list[str]:
    if only is None:
        asked = {"projection": choices.project, "arithmetic": choices.arithmetic}
        return [name for name, given in asked.items() if given] or every
    only = only.split(",") if isinstance(only, str) else only if np.iterable(only) else [only]
    names = list(dict.fromkeys(str(name).strip() for name in only))
    if not names:
        raise UserError(f"only=[] leaves nothing to show: give some of {', '.join(VIEWS)}, or None for all that apply")
    for name in names:
        if name not in VIEWS:
            raise UserError(f"unknown view {name!r}.{nearest(name, VIEWS)} Known are {', '.join(VIEWS)}")
    return names


def _check_used(asked, names):
    """UserError when an option is given that none of these views looks at."""
    for option, views in _OF_VIEWS.items():
        if asked[option] != getattr(Choices, option, False) and not set(views) & set(names):
            many, option = len(views) > 1, _TYPED.get(option, option)
            raise UserError(
                f"{option} is for the view{'s' * many} {', '.join(views)}, and only {', '.join(names)} is to be shown: "
                f"name {'one of them' if many else views[0]} in only (--only), too, or leave {option} out"
            )


def _shorter(choices, names) -> str:
    """Which of these views take fewer steps than were asked for, in words; "" where none does."""
    most = {name: MOST_STEPS[name] for name in names if name in MOST_STEPS and choices.steps > MOST_STEPS[name]}
    if choices.steps == Choices.steps or not most:
        return ""
    return f"steps={choices.steps} is more than {', '.join(f'{name} takes ({most[name]})' for name in most)}"
