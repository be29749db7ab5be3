"""Pictures as arrays: decoding whatever people have, the value range, crops and sizes.

Everything here is a function of arrays (uint8, height x width x channels) and knows nothing of GANs.
TensorFlow is not imported, so that worker processes which only prepare pictures start quickly.
"""

import contextlib
import io
import os
import warnings

import numpy as np
from PIL import Image

# A file of a few kilobytes can claim any size; what is larger than this is refused before it is decoded.
MAX_PIXELS = 64_000_000

# Formats that Pillow decodes by itself. PostScript is not among them: it would start another program.
FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "MPO", "JPEG2000", "AVIF"),
    *("ICO", "TGA", "PCX", "SGI"),
)

SEVERAL = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")  # formats in which a file may hold several pictures of equal right
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")

EXIF_ORIENTATION = 0x0112


class ImageError(ValueError):
    """This picture cannot be used; the text says why in a few words ("truncated", "not an image", ...)."""


# ------------------------------------------------------------------------------------------ value range


def to_model_range(images):
    """Bring pixel values 0..255 to [-1, 1].

    `images` is float32, a NumPy array or a TensorFlow tensor (the caller has cast it), of any shape.
    """
    return images / 127.5 - 1.0


def to_uint8(images) -> np.ndarray:
    """Bring values in [-1, 1] to uint8 0..255: rounded and clipped, never stretched by their own range.

    What is not a number becomes the middle gray (128), so that a broken image is seen as one.
    """
    values = np.nan_to_num(np.asarray(images, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(np.rint((values + 1.0) * 127.5), 0, 255).astype(np.uint8)


# --------------------------------------------------------------------------------------------- decoding


def decode(
    source: bytes | str | os.PathLike, channels: int | None = None, *, frame: int = 0, levels=None
) -> np.ndarray:
    """Decode one picture to uint8 [height, width, channels].

    `source` is the file's bytes or its path. `channels` is 1 (gray), 3 (colour) or None: the picture's own.
    It is turned as its EXIF orientation says; transparency is laid over white; 16-bit gray is scaled
    to 8 bits; of an animation or a stack of pages the one of number `frame` is taken (see count_frames). Colour
    profiles are ignored. `levels`: (low, high), the values that become 0 and 255, as parts of the whole range
    (see histogram()); None: 0 and 1.

    Raises ImageError when it is empty, truncated, no image at all, or has more than MAX_PIXELS pixels.
    """
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1, 3 or None, not {channels!r}")
    with _loaded(source, frame) as image:
        try:
            # After loading: a PNG may hold its EXIF data behind the pixels; a TIFF turns itself when it is loaded.
            orientation = image.getexif().get(EXIF_ORIENTATION, 1)
        except Exception:
            orientation = 1  # broken metadata are no reason to lose the picture
        return np.ascontiguousarray(_turn(_as_uint8(image, channels, levels), orientation))


def count_frames(source: bytes | str | os.PathLike) -> int:
    """How many pictures a file holds: frames of an animation, pages of a TIFF; 1 for all other formats.

    Raises ImageError when it is no image at all.
    """
    with _opened(source) as image:
        return getattr(image, "n_frames", 1) if image.format in SEVERAL else 1


def histogram(source: bytes | str | os.PathLike) -> np.ndarray:
    """How often each value occurs in a picture: int64 [65536]; values of 8 bits count as 257 times as much.

    What is left when 16 bits become 8 cannot be spread over the whole range any more; this tells what there was.
    Raises ImageError as decode() does.
    """
    with _loaded(source, 0) as image:
        if _is_sixteen_bit(image):
            return np.bincount(_sixteen_bit(image).ravel(), minlength=65536)
        counts = np.zeros(65536, np.int64)
        counts[::257] = np.bincount(_as_uint8(image, None, None).ravel(), minlength=256)
        return counts


@contextlib.contextmanager
def _opened(source):
    """The Pillow image of a file (its bytes or path), its size checked, its pixels not yet read.

    Whatever its reader says in this block becomes an ImageError.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        if len(source) == 0:
            raise ImageError("empty file")
        source = io.BytesIO(source)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd EXIF data, and of sizes that are checked here anyhow.
            warnings.simplefilter("ignore")
            with _open(source) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise ImageError(f"too many pixels: {width}x{height} is more than {MAX_PIXELS:,}")
                yield image
    except (ImageError, MemoryError):
        raise
    except FileNotFoundError:
        raise ImageError("no such file") from None
    except (PermissionError, IsADirectoryError) as error:
        raise ImageError(f"cannot be read: {error.strerror}") from None
    except Image.DecompressionBombError:
        raise ImageError(f"too many pixels: more than {MAX_PIXELS:,}") from None
    except Exception as error:
        # On damaged bytes Pillow's readers raise nearly anything: OSError, SyntaxError, struct.error, ...
        raise ImageError(f"damaged: {_short(error)}") from None


@contextlib.contextmanager
def _loaded(source, frame):
    with _opened(source) as image:
        if frame:
            image.seek(frame)
        image.load()
        yield image


def _open(source):
    try:
        return Image.open(source, formats=_known_formats(FORMATS))
    except Image.UnidentifiedImageError:
        if _is_heif(source):
            return _open_heif(source)
        raise ImageError(_why_unidentified(source)) from None


def _known_formats(wanted):
    Image.init()
    return [name for name in wanted if name in Image.OPEN]


def _is_heif(source):
    """Whether a file begins as HEIC pictures of phones do, and AVIF pictures where Pillow does not read them."""
    if isinstance(source, io.BytesIO):
        start = bytes(source.getbuffer()[:12])
    else:
        with open(source, "rb") as file:
            start = file.read(12)
    return start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS


def _open_heif(source):
    try:
        import pillow_heif
    except ImportError:
        raise ImageError("HEIC, which needs one more package: pip install pillow-heif") from None
    pillow_heif.register_heif_opener()  # it turns the picture itself, and says so in the EXIF data
    try:
        return Image.open(source, formats=_known_formats(("HEIF",)))
    except Image.UnidentifiedImageError:
        raise ImageError("damaged: HEIC that cannot be read") from None


def _why_unidentified(source):
    if isinstance(source, io.BytesIO):
        return "not an image"
    return "empty file" if os.path.getsize(source) == 0 else "not an image"


def _short(error):
    text = " ".join(str(error).split())[:80]
    return text or type(error).__name__


def _is_sixteen_bit(image):
    return image.mode.startswith("I;16") or image.mode == "I"  # Pillow opens some 16-bit files as "I"


def _sixteen_bit(image):
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("32-bit pixel values")
    return values


def _as_uint8(image, channels, levels):
    """A loaded Pillow image as uint8 [height, width, 1 or 3]."""
    if _is_sixteen_bit(image):
        # convert("L") would clip at 255.
        values = _sixteen_bit(image)
        gray = (values * 2 + 257) // 514 if levels is None else _spread(values / 65535, levels)
        image, levels = Image.fromarray(gray.astype(np.uint8)), None
    elif image.mode == "F":
        raise ImageError("floating-point pixel values")
    gray_inside = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (255, 255, 255, 255))
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode.upper())
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    if channels is None:
        channels = 1 if gray_inside else 3
    image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image).reshape(image.height, image.width, channels)
    return pixels if levels is None else _spread(np.arange(256) / 255, levels).astype(np.uint8)[pixels]


def _spread(values, levels):
    """Values 0..1 as 0..255, so that levels[0] becomes 0 and levels[1] becomes 255; what is beyond is clipped."""
    low, high = levels
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)


def _turn(pixels, orientation):
    """Undo an EXIF orientation (1 to 8; anything else means upright)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


# ---------------------------------------------------------------------------------------- crop and size


def _height_and_width(size):
    height, width = (size, size) if isinstance(size, int | np.integer) else size
    if height < 1 or width < 1:
        raise ValueError(f"a size must be at least 1x1, not {height}x{width}")
    return int(height), int(width)


def centre_crop(image: np.ndarray, size) -> np.ndarray:
    """The middle of an image [H, W, C]: `size` is a number (a square) or (height, width).

    Raises ValueError when the image is smaller than that.
    """
    height, width = _height_and_width(size)
    if image.shape[0] < height or image.shape[1] < width:
        raise ValueError(f"cannot crop {height}x{width} out of an image of {image.shape[0]}x{image.shape[1]}")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an image [H, W, C]."""
    return centre_crop(image, min(image.shape[:2]))


def resize(image: np.ndarray, size) -> np.ndarray:
    """A uint8 image [H, W, C] at another size: a number (a square) or (height, width).

    An axis that shrinks is averaged over the exact area of each new pixel (what OpenCV calls INTER_AREA),
    so that every source pixel counts, by as much of it as the new pixel covers. Pillow's BOX takes pixels
    wholly or not at all, which is uneven at the usual ratios of 2 or 3; LANCZOS rings at hard edges.
    The sums are of integers: the same pixels on any machine. An axis that grows is interpolated (bicubic).
    """
    height, width = _height_and_width(size)
    old_height, old_width = image.shape[:2]
    if height < old_height or width < old_width:
        image = _average_areas(image, min(height, old_height), min(width, old_width))
    if image.shape[:2] != (height, width):
        gray = image.shape[2] == 1
        enlarged = Image.fromarray(image[:, :, 0] if gray else image).resize((width, height), Image.BICUBIC)
        image = np.asarray(enlarged).reshape(height, width, image.shape[2])
    return np.ascontiguousarray(image)


def _average_areas(image, height, width):
    total = image.shape[0] * image.shape[1]
    sums = _sum_areas(image, height, np.int32)
    sums = _sum_areas(np.ascontiguousarray(sums.swapaxes(0, 1)), width, np.int64).swapaxes(0, 1)
    return ((2 * sums + total) // (2 * total)).astype(np.uint8)


def _sum_areas(values, count, dtype):
    """Divide the first axis into `count` equal parts and sum each, in units of 1/count of a row."""
    length = values.shape[0]
    edges = np.arange(count + 1, dtype=np.int64) * length
    sums = np.zeros((count, *values.shape[1:]), dtype)
    for tap in range(-(-length // count) + 1):  # a part overlaps at most this many rows
        row = edges[:-1] // count + tap
        weight = np.minimum(edges[1:], (row + 1) * count) - np.maximum(edges[:-1], row * count)
        weight = np.maximum(weight, 0).astype(dtype).reshape(-1, *[1] * (values.ndim - 1))
        sums += values[np.minimum(row, length - 1)] * weight
    return sums
