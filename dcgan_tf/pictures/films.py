"""Films: labelled frames, which of many pictures a film shows, and films as GIF and MP4."""

import functools
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dcgan_tf.pictures.grids import enlarge, without_gray_axis
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, write_bytes

_TEXT = "#222222"


def write_gif(path, frames, seconds_per_frame: float = 0.1, hold_last: float = 2.0) -> None:
    """Write frames (uint8 [H, W, 1 or 3], all of one shape) as a GIF that loops for ever.

    The last frame stays for `hold_last` seconds. A GIF counts hundredths of a second, and viewers slow
    frames of less than 0.02 s down. A reader never sees half of the file.
    """
    import imageio.v3 as imageio

    frames = [without_gray_axis(frame) for frame in frames]
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("all frames of a GIF must have the same shape")
    last = round(1000 * hold_last)
    milliseconds = [max(20, round(1000 * seconds_per_frame))] * (len(frames) - 1) + [last]
    if len(frames) == 1:
        milliseconds = last  # Pillow takes a list only for several frames
    data = imageio.imwrite(
        "<bytes>", frames, extension=".gif", plugin="pillow", is_batch=True, duration=milliseconds, loop=0
    )
    write_bytes(path, data)


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
