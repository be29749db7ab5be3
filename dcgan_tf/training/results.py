"""What a training leaves at its end: the two networks, loadable by themselves, and its film."""

import zipfile
import zlib

from dcgan_tf.data.decoding import ImageError, decode
from dcgan_tf.pictures.films import pace, thin_frames, with_caption, write_gif
from dcgan_tf.run.directory import Run
from dcgan_tf.system.files import atomic_file


def write_results(run: Run, gan, say=print):
    """generator.keras (the averaged one, where there is one), discriminator.keras and progress.gif."""
    for network, path in ((gan.sampling_generator, run.generator_path), (gan.discriminator, run.discriminator_path)):
        with atomic_file(path) as temporary:
            network.save(temporary)
    write_film(run, gan.recipe.gif_thinned, say)


def write_film(run: Run, thinned: bool, say=print):
    """progress.gif: the early grids, which begin with noise, then the regular ones, fewer as training goes on
    when there are many or it is asked for; each with its step under it. A grid that cannot be read is left out, which
    is said."""
    frames, unreadable = {}, []
    step_of = {run.grid_path(step).name: step for step in run.grid_steps()}
    for path in film_paths(run, thinned):
        try:
            frames[path.name] = decode(path)
        except ImageError:
            unreadable.append(path.name)
    sizes = [frame.shape for frame in frames.values()]
    usual = max(sizes, key=sizes.count, default=None)  # another size is a file that somebody put there
    unreadable += [name for name, frame in frames.items() if frame.shape != usual]
    frames = {step_of[name]: frame for name, frame in frames.items() if frame.shape == usual}
    if unreadable:
        names = ", ".join(unreadable[:3]) + (" ..." if len(unreadable) > 3 else "")
        say(f"note: grids of {run.grids_path} that are damaged or of another size are not in the film: {names}")
    if frames:
        steps = list(frames)
        chosen, pauses = pace(steps, leave_out=not thinned)
        shown = [with_caption(frames[steps[place]], _when(run, steps[place])) for place in chosen]
        write_gif(run.gif_path, shown, pauses)


def _when(run, step):
    per_epoch = run.config["steps_per_epoch"]
    return f"step {step:,}" + (f", epoch {step // per_epoch:,}" if step and step % per_epoch == 0 else "")


def film_paths(run: Run, thinned: bool) -> list:
    """The recorded grids that the film shows, in order."""
    grids = list(zip(run.grid_steps(), run.grids(), strict=True))
    early = [path for step, path in grids if run.grid_rule.is_early(step)]
    regular = [path for step, path in grids if not run.grid_rule.is_early(step)]
    if thinned or len(regular) > 200:
        regular = [regular[index] for index in thin_frames(len(regular))]
    return early + regular


def networks_are_whole(run: Run) -> bool:
    """Whether both networks are there and can be read: else they are made anew from the checkpoint."""
    return is_whole_keras_file(run.generator_path) and is_whole_keras_file(run.discriminator_path)


def is_whole_keras_file(path) -> bool:
    """Whether a .keras file, which is a zip, has its contents, and their checksums are right."""
    try:
        with zipfile.ZipFile(path) as stored:
            return "config.json" in stored.namelist() and stored.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        return False


def film_is_whole(run: Run) -> bool:
    """Whether progress.gif is there, from its first byte to its last."""
    try:
        data = run.gif_path.read_bytes()
    except OSError:
        return False
    return data.startswith(b"GIF8") and data.endswith(b";")
