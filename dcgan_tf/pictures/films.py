"""Films: labelled frames, and films as GIF, WebP and MP4."""

import functools
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from dcgan_tf.pictures.few_colours import are_few, with_few_colours
from dcgan_tf.pictures.grids import enlarge, without_gray_axis
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, write_bytes

_TEXT = "#222222"


def write_gif(path, frames, seconds_per_frame=0.1, hold_last: float = 2.0, caption: int = 0) -> None:
    """Write frames (uint8 [H, W, 1 or 3], all of one shape) as a GIF that loops for ever.

    seconds_per_frame: one number, or one for each frame but the last, which stays for `hold_last` seconds. A GIF
    counts hundredths of a second, and viewers slow frames of less than 0.02 s down. caption: so many rows at the
    bottom of the frames are text (see with_caption); what is above looks the same whatever they say.
    Frames of many colours get 16 grays or 64 colours, which makes the file a quarter to a half as large. A reader
    never sees half of the file.
    """
    pictures = with_few_colours(_checked(frames), caption)
    write_bytes(path, _encoded(pictures, "GIF", seconds_per_frame, hold_last, optimize=True))


def write_webp(path, frames, seconds_per_frame=0.1, hold_last: float = 2.0, caption: int = 0) -> bool:
    """The same film as an animated WebP, which all browsers play: a third to a half as large as the GIF.

    Gray frames, and those of at most 64 colours, look exactly as in the GIF; others are stored lossily, as in a JPEG.
    Returns whether it was written: not where this Pillow was built without WebP.
    """
    frames = _checked(frames)
    if not features.check("webp"):
        return False
    if are_few(frames):  # each frame by itself: what has changed since the one before takes more room
        pictures = with_few_colours(frames, caption)
        how = {"lossless": True, "method": 2, "kmin": 0, "kmax": 1}
    else:
        pictures = [Image.fromarray(frame) for frame in frames]
        how = {"quality": 75, "method": 2, "kmin": 0, "kmax": 0}
    pictures = [picture.convert("RGB") for picture in pictures]
    write_bytes(path, _encoded(pictures, "WEBP", seconds_per_frame, hold_last, **how))
    return True


def _checked(frames):
    if not len(frames):
        raise ValueError("a film needs at least one frame")
    if len({np.shape(frame) for frame in frames}) > 1:
        raise ValueError("all frames of a film must have the same shape")
    return [without_gray_axis(frame) for frame in frames]


def _encoded(pictures, kind, seconds_per_frame, hold_last, **how) -> bytes:
    count = len(pictures) - 1
    pauses = [seconds_per_frame] * count if np.isscalar(seconds_per_frame) else list(seconds_per_frame)
    milliseconds = [*(max(20, round(1000 * seconds)) for seconds in pauses), round(1000 * hold_last)]
    data = io.BytesIO()
    pictures[0].save(
        data, kind, save_all=True, append_images=pictures[1:], loop=0, **how,
        duration=milliseconds if count else milliseconds[0],  # Pillow takes a list only for several frames
    )  # fmt: skip
    return data.getvalue()


def shrunk(picture: np.ndarray, most: int = 750) -> np.ndarray:
    """A picture uint8 [H, W, C] with no more pixels than a square so wide: averaged over squares of whole pixels."""
    side = math.ceil(math.sqrt(picture[..., 0].size) / most)
    if side == 1:
        return picture
    height, width = (length // side for length in picture.shape[:2])
    squares = picture[: height * side, : width * side].reshape(height, side, width, side, -1)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def caption_height(width: int) -> int:
    """The height of the strip that with_caption puts below a picture so wide, in pixels; a narrow one has none."""
    return 0 if width < 120 else round(1.5 * _caption_size(width))


def _caption_size(width):
    return min(32, max(13, width // 32))


def with_caption(picture: np.ndarray, text: str) -> np.ndarray:
    """A picture uint8 [H, W, C] with a line of text under it, in its left corner; a narrow one as it is."""
    _, width, channels = picture.shape
    height = caption_height(width)
    if not height:
        return picture
    line, size = Image.new("L", (width, height), 255), _caption_size(width)
    while size > 7 and _font(size).getlength(text) > width - 6:
        size -= 1
    ImageDraw.Draw(line).text((3, round(0.75 * height)), text, font=_font(size), fill=0x22, anchor="ls")
    return np.concatenate([picture, np.asarray(line)[..., None].repeat(channels, axis=-1)])


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
