"""Anime faces, or any pictures of one's own: a folder or zip, squared, resized, cleaned.

    python -m data_prep.anime SOURCE OUTPUT --size 64 --near-duplicates

The usual collection of 63,632 anime faces (the one of the `sapienza` report) is on Kaggle as
splcher/animefacedataset; its pictures have between 25 and 220 pixels on a side, so some are too small for 64x64.

Near-duplicates are found by a difference hash (see data/survey/near_duplicates.py). Faces put together from few parts,
such as the avatars, truly are that alike: do not drop duplicates among those.
"""

import functools
from pathlib import Path

import click

from dcgan_tf.commands.basics import PATH
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.folders import notes_on
from dcgan_tf.data.images import resize, square
from dcgan_tf.data.labels.picture_labels import labeller_of
from dcgan_tf.data.prepared import is_prepared, prepared_already, read_prepared
from dcgan_tf.data.preparing import Result, prepare
from dcgan_tf.data.sources import Frames, open_source
from dcgan_tf.data.survey.near_duplicates import MAX_BITS, difference_hash, near_duplicates
from dcgan_tf.data.survey.values import levels_of
from dcgan_tf.recipe.values import plain
from dcgan_tf.system.errors import UserError, run_command
from dcgan_tf.system.saying import counted, say


def _prepare_picture(data, size, min_side, channels, levels=None):
    """The transform: the square in the middle, at size x size. data: bytes, or (bytes, number of the frame)."""
    data, frame = data if isinstance(data, tuple) else (data, 0)
    image = decode(data, channels=channels, frame=frame, levels=levels)
    height, width = image.shape[:2]
    columns = {"width": width, "height": height, "enlarged": min(width, height) < size}
    if min(width, height) < min_side:
        return Result(None, f"too small: {width}x{height}", columns)
    image = square(image)
    columns["hash"] = f"{difference_hash(image):064x}"
    return Result(resize(image, size), columns=columns)


def anime(
    source,
    output,
    size: int = 64,
    min_side: int | None = None,
    near_duplicate_bits: int | None = None,
    channels: int = 3,
    stretch: bool = False,
    all_frames: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Prepare the pictures of `source` (a folder or zip) as the dataset `output`, size x size; its path.

    min_side: pictures with fewer pixels on their shorter side are dropped (default: size, so that none is
    enlarged). near_duplicate_bits: drop pictures whose hash differs from an earlier one's in at most so many of
    256 bits; 0 finds equal ones, 10 recompressed and resized ones, None does not look. channels: 3 or 1.
    stretch: spread the values in use over 0 to 255. all_frames: of animations and stacks of pages take all pictures.
    A labels.csv beside the pictures, or else one subfolder per class, becomes the labels.

    Raises UserError for numbers that make no sense, and for what prepare() does.
    """
    size, min_side, near_duplicate_bits = plain(size), plain(min_side), plain(near_duplicate_bits)
    min_side = size if min_side is None else min_side
    limits = (("size", size, 8, 1024), ("min side", min_side, 1, 100_000))
    limits += (("near-duplicate bits", near_duplicate_bits or 0, 0, 64),)
    for name, value, least, most in limits:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise UserError(f"{name} {value!r} must be a whole number from {least} to {most:,}")
    if channels not in (1, 3):
        raise UserError(f"channels {channels!r} must be 3 (colour) or 1 (gray)")
    common = {"size": size, "min_side": min_side, "channels": channels}
    settings = {**common, "near_duplicate_bits": near_duplicate_bits}
    source = open_source(source)
    if all_frames:
        source, settings["frames"] = Frames(source), "all"
    if stretch:
        settings["levels"] = levels_of(source)
    find = None if near_duplicate_bits is None else functools.partial(near_duplicates, bits=near_duplicate_bits)
    return prepare(
        output,
        source,
        functools.partial(
            _prepare_picture, size=size, min_side=min_side, channels=channels, levels=settings.get("levels")
        ),
        settings=settings,
        labels=labeller_of(source),
        drop=find,
        workers=workers,
        progress=progress,
    )


def check_not_prepared(source, **dropping):
    """Raise UserError where pictures are to be dropped, by any of these options, that are prepared already."""
    asked = [f"{option}={value!r}" for option, value in dropping.items() if value]
    if asked and source is not None and is_prepared(source):
        raise prepared_already(asked, str(source))


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("source", type=PATH)
@click.argument("output", type=PATH)
@click.option("--size", default=64, show_default=True, help="Pixels on each side afterwards.")
@click.option(
    "--min-side", type=int, help="Drop pictures with fewer pixels on their shorter side.  [default: the size]"
)
@click.option("--near-duplicates", is_flag=True, help="Drop pictures that are nearly the same as one before them.")
@click.option("--bits", type=int, help=f"How far apart these may be, of 256; 0: equal.  [default: {MAX_BITS}]")
@click.option("--gray", is_flag=True, help="Gray pictures instead of colour.")
@click.option("--stretch", is_flag=True, help="Spread the values in use over the whole range: 12-bit X-rays, ...")
@click.option("--all-frames", is_flag=True, help="All frames of animations and pages of TIFF files, not the first.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one per core]")
def cli(source, output, size, min_side, near_duplicates, bits, gray, stretch, all_frames, workers):
    """Prepare anime faces, or any pictures of your own: SOURCE is a folder or a zip, OUTPUT the new dataset."""
    if bits is not None and not near_duplicates:
        raise UserError(f"--bits {bits} is only of use with --near-duplicates: give both, or neither")
    if near_duplicates and bits is None:
        bits = MAX_BITS
    path = anime(
        source,
        output,
        size,
        min_side,
        bits,
        1 if gray else 3,
        stretch,
        all_frames,
        workers,
    )
    prepared = read_prepared(path)
    shape = "x".join(map(str, prepared.images.shape[1:]))
    say(f"{counted(len(prepared.images), 'picture')} of {shape} in {path}; each decision: {path}/index.csv")
    for reason, count in prepared.metadata["dropped"].items():
        say(f"  {count:8,} dropped: {reason}")
    for note in notes_on(prepared, "--stretch"):
        say(note)


if __name__ == "__main__":
    run_command(cli, "python -m data_prep.anime")
