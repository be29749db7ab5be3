"""Films: labelled frames, which of many pictures a film shows, and films as GIF and MP4."""

import functools
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dcgan_tf.pictures.grids import enlarge, without_gray_axis
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, write_bytes

_TEXT = "#222222"


def write_gif(path, frames, seconds_per_frame=0.1, hold_last: float = 2.0) -> None:
    """Write frames (uint8 [H, W, 1 or 3], all of one shape) as a GIF that loops for ever.

    seconds_per_frame: one number, or one for each frame but the last, which stays for `hold_last` seconds. A GIF
    counts hundredths of a second, and viewers slow frames of less than 0.02 s down. Frames of many colours get
    32 grays or 64 colours, which makes the file a third to a half as large. A reader never sees half of the file.
    """
    if not len(frames):
        raise ValueError("a GIF needs at least one frame")
    if len({np.shape(frame) for frame in frames}) > 1:
        raise ValueError("all frames of a GIF must have the same shape")
    pauses = [seconds_per_frame] * (len(frames) - 1) if np.isscalar(seconds_per_frame) else list(seconds_per_frame)
    milliseconds = [*(max(20, round(1000 * seconds)) for seconds in pauses), round(1000 * hold_last)]
    first, *others = _with_few_colours([without_gray_axis(frame) for frame in frames])
    data = io.BytesIO()
    first.save(
        data, "GIF", save_all=True, append_images=others, loop=0, optimize=False,
        duration=milliseconds if others else milliseconds[0],  # Pillow takes a list only for several frames
    )  # fmt: skip
    write_bytes(path, data.getvalue())


def _with_few_colours(frames) -> list[Image.Image]:
    """Frames uint8 [H, W] or [H, W, 3] as pictures of one palette, exact where they have no more than 64 colours."""
    if frames[0].ndim == 3 and all((frame == frame[..., :1]).all() for frame in frames):
        frames = [frame[..., 0] for frame in frames]
    if frames[0].ndim == 2:
        levels = np.unique(np.concatenate([np.unique(frame) for frame in frames])).astype(int)
        levels = levels if len(levels) <= 64 else np.linspace(0, 255, 32).round().astype(int)
        nearest = np.abs(np.arange(256)[:, None] - levels).argmin(axis=1).astype(np.uint8)
        return [_indexed(nearest[frame], np.repeat(levels, 3)) for frame in frames]
    packed = [frame.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32) for frame in frames]
    colours = np.unique(np.concatenate([np.unique(frame) for frame in packed]))
    if len(colours) <= 64:
        palette = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1).ravel()
        return [_indexed(np.searchsorted(colours, frame).astype(np.uint8), palette) for frame in packed]
    shown = np.linspace(0, len(frames) - 1, min(8, len(frames))).round().astype(int)
    sample = Image.fromarray(np.concatenate([frames[place][::2, ::2] for place in shown]))
    palette = sample.quantize(64, Image.Quantize.MEDIANCUT)
    return [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _indexed(places, palette):
    picture = Image.fromarray(places, "P")
    picture.putpalette(palette.astype(np.uint8).tobytes())
    return picture


def pace(steps, leave_out: bool = True, seconds: float = 8.0) -> tuple[list[int], list[float]]:
    """When a film of pictures after so many training steps shows each: (which of them, pauses after all but the last).

    Images change with the logarithm of the steps: shown at equal distances, most of a film would hardly move. So a
    picture stays the longer, the more the steps grow until the next, for a tenth to 0.8 of a second, and one that
    would come sooner is left out, unless all are wanted.
    """
    shortest, longest = 0.1, 0.8
    when = np.log(np.asarray(steps, float) + 10)
    when = (when - when[0]) * seconds / max(when[-1] - when[0], 1e-9)
    chosen, last = [0], len(steps) - 1
    for place in range(1, len(steps)):
        if not leave_out or when[place] - when[chosen[-1]] >= shortest:
            chosen.append(place)
    if chosen[-1] != last:  # which is always there
        chosen = [*chosen[:-1], last] if len(chosen) > 1 else [0, last]
    return chosen, np.clip(np.diff(when[chosen]), shortest, longest).tolist()


def with_caption(picture: np.ndarray, text: str) -> np.ndarray:
    """A picture uint8 [H, W, C] with a line of text under it, in its left corner; a narrow one as it is."""
    _, width, channels = picture.shape
    if width < 120:
        return picture
    line = Image.new("L", (width, 20), 255)
    ImageDraw.Draw(line).text((3, 15), text, font=_font(13), fill=0x44, anchor="ls")
    return np.concatenate([picture, np.asarray(line)[..., None].repeat(channels, axis=-1)])


def thin_frames(count: int) -> list[int]:
    """Which of `count` frames (one per epoch, counted from 0) a GIF shows, fewer as training goes on: 0, 1, 2, 4, 6,
    8, 11 ..., and the last.

    The rule of the `vrdl` report's notebook: those at which round(2 * sqrt(frame)) is a new number.
    """
    rounded = [round(2 * math.sqrt(frame)) for frame in range(count)]
    chosen = [frame for frame in range(count) if frame == 0 or rounded[frame] > rounded[frame - 1]]
    return chosen if count == 0 or chosen[-1] == count - 1 else [*chosen, count - 1]


def frame(images, labels=None, side: int = 160, columns: int | None = None) -> np.ndarray:
    """One frame of a film: images uint8 [N, H, W, C] side by side, each with its label over it; uint8 [h, w, 3].

    side: at least so many pixels wide is an image shown, enlarged by a whole number.
    """
    images = np.asarray(images)
    images = enlarge(images, max(1, -(-side // images.shape[2])))
    if images.shape[-1] == 1:
        images = images.repeat(3, axis=-1)
    count, height, width, _ = images.shape
    columns = columns or count
    rows, head, gap = -(-count // columns), 22 if labels else 0, 6
    picture = np.full((rows * (height + head + gap), columns * (width + gap) + gap, 3), 255, np.uint8)
    places = [
        (index // columns * (height + head + gap), gap + index % columns * (width + gap)) for index in range(count)
    ]
    for image, (top, left) in zip(images, places, strict=True):
        picture[top + head : top + head + height, left : left + width] = image
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for label, (top, left) in zip(labels or [], places, strict=bool(labels)):
        font = _font(min(13, int(1.75 * width / max(len(str(label)), 1))))
        draw.text((left + width / 2, top + head - 5), str(label), font=font, fill=_TEXT, anchor="ms")
    picture = np.asarray(canvas)
    return np.pad(picture, [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)], constant_values=255)


@functools.cache
def _font(size):
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", max(7, size))


def write_mp4(path, frames, seconds_per_frame: float = 0.05) -> None:
    """Write frames uint8 [H, W, 3] of one even size as an MP4 that browsers play (VP9), by the codecs of OpenCV.

    Raises UserError when this OpenCV has none that can. A reader never sees half of the file.
    """
    import cv2

    height, width = frames[0].shape[:2]
    with atomic_file(path) as temporary:
        for code in ("vp09", "mp4v"):  # mp4v, which any build writes, plays in video players but in few browsers
            writer = cv2.VideoWriter(
                str(temporary), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), 1 / seconds_per_frame, (width, height)
            )
            if writer.isOpened():
                break
        else:
            raise UserError(
                "this OpenCV cannot write MP4 files: install the package opencv-python-headless of PyPI, "
                "or leave --mp4 out (the GIFs are written without it)"
            )
        for picture in frames:
            writer.write(np.ascontiguousarray(picture[..., ::-1]))
        writer.release()
