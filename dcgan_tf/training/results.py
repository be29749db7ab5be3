"""What a training leaves at its end: the two networks, loadable by themselves, and its film."""

import itertools
import zipfile
import zlib

import numpy as np

from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.pictures.films import caption_height, shrunk, with_caption, write_gif, write_webp
from dcgan_tf.pictures.pacing import MOST, pace, thin_frames
from dcgan_tf.run.directory import Run
from dcgan_tf.system.files import atomic_file, check_readable, looks_whole
from dcgan_tf.training.progress import describe_moment

_COMPARED = 160  # grids are compared in little: so many pixels each way at most


def write_results(run: Run, gan, say=print):
    """generator.keras (the averaged one, where there is one), discriminator.keras and the film; and of which step."""
    run.note_results(0)
    for network, path in ((gan.sampling_generator, run.generator_path), (gan.discriminator, run.discriminator_path)):
        with atomic_file(path) as temporary:
            network.save(temporary)
    write_film(run, gan.recipe.gif_thinned, say)
    run.note_results(int(gan.step.numpy()))


def write_film(run: Run, thinned: bool, say=print):
    """progress.gif and progress.webp: the grids, from noise on, each with its epoch or step and the seconds of training
    under it; where there are more than 40, those between which most happens, or all that `gif_thinned` leaves.

    How large the files are is said; so are grids that cannot be read, which are left out, and that there is none. All
    but the seconds follows from the grids.
    """
    steps, small = _readable_grids(run, film_steps(run, thinned), say)
    if not steps:
        say(f"note: no film is made, since there is no grid to be shown in {run.grids_path}")
        return
    changes = [
        np.sqrt(np.square(np.subtract(after, before, dtype=float)).mean())
        for before, after in itertools.pairwise(small)
    ]
    chosen, pauses = pace(changes, most=None if thinned else MOST)
    steps = [steps[place] for place in chosen]
    pictures = [shrunk(decode(run.grid_path(step))) for step in steps]
    seconds = run.seconds_at(steps) if run.rows() else [None] * len(steps)
    texts = [_when(run, *moment) for moment in zip(steps, seconds, strict=True)]
    frames = [with_caption(picture, text) for picture, text in zip(pictures, texts, strict=True)]
    caption = caption_height(frames[0].shape[1])
    if not write_webp(run.webp_path, frames, pauses, caption=caption):
        run.webp_path.unlink(missing_ok=True)  # an earlier one would show something else
    write_gif(run.gif_path, frames, pauses, caption=caption)  # the last: where it is whole, all of it is
    written = [path for path in (run.gif_path, run.webp_path) if path.exists()]
    say(f"film: {', '.join(f'{path.name} {_megabytes(path)}' for path in written)}")


def film_steps(run: Run, thinned: bool) -> list[int]:
    """After how many steps the recorded grids were drawn of which the film is made, in order."""
    steps = run.grid_steps()
    if not thinned:
        return steps
    early = [step for step in steps if run.grid_rule.is_early(step)]
    regular = [step for step in steps if not run.grid_rule.is_early(step)]
    return early + [regular[index] for index in thin_frames(len(regular))]


def _readable_grids(run, steps, say):
    """(which of these steps have a grid that can be shown, those grids in little, uint8 [h, w, C], to compare)."""
    shapes, small, unreadable = {}, {}, []
    for step in steps:
        try:
            picture = decode(run.grid_path(step))
        except ImageError:
            unreadable.append(step)
            continue
        apart = -(-max(picture.shape[:2]) // _COMPARED)
        shapes[step], small[step] = picture.shape, picture[::apart, ::apart].copy()
    sizes = list(shapes.values())
    usual = max(sizes, key=sizes.count, default=None)  # another size is a file that somebody put there
    unreadable += [step for step, shape in shapes.items() if shape != usual]
    if unreadable:
        names = ", ".join(run.grid_path(step).name for step in unreadable[:3]) + (" ..." if len(unreadable) > 3 else "")
        say(f"note: grids of {run.grids_path} that are damaged or of another size are not in the film: {names}")
    shown = [step for step, shape in shapes.items() if shape == usual]
    return shown, [small[step] for step in shown]


def _when(run, step, seconds):
    """What stands under a grid: the epoch that is over, else the step, and how long it had trained by then."""
    epoch, within = divmod(step, run.config["steps_per_epoch"])
    named = f"step {step:,}" if within or not step or run.grid_rule.by_step else f"epoch {epoch:,}"
    return named if seconds is None else f"{named}  ·  {describe_moment(seconds)}"


def _megabytes(path):
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{-(-size // 1000)} kB"


def networks_are_whole(run: Run) -> bool:
    """Whether both networks are there and can be read: else they are made anew from the checkpoint."""
    return is_whole_keras_file(run.generator_path) and is_whole_keras_file(run.discriminator_path)


def is_whole_keras_file(path) -> bool:
    """Whether a .keras file, which is a zip, has its contents, and their checksums are right.

    Raises Unreadable when the disk does not give it at the moment.
    """
    try:
        with zipfile.ZipFile(path) as stored:
            return "config.json" in stored.namelist() and stored.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        check_readable(path)
        return False


def film_is_whole(run: Run) -> bool:
    """Whether progress.gif is there, from its first byte to its last, and progress.webp too unless it is missing."""
    films = [run.gif_path, *([run.webp_path] if run.webp_path.exists() else [])]  # older runs have one
    return all(looks_whole(film, otherwise=False) for film in films)
