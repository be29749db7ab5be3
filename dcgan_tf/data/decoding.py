"""From files to pixels: decoding whatever pictures people have.

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

SEVERAL = (
    "GIF",
    "PNG",
    "WEBP",
    "TIFF",
    "AVIF",
    "HEIF",
)  # formats in which a file may hold several pictures of equal right
AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", *AVIF_BRANDS)

# How reasons begin that tell of the computer, and not of the file: on another day it may be read.
UNREADABLE = "cannot be read"
NEEDS_HEIF, NEEDS_PILLOW = "HEIC, which needs one more package", "AVIF, which needs a newer Pillow"
OF_THE_COMPUTER = (UNREADABLE, NEEDS_HEIF, NEEDS_PILLOW)

EXIF_ORIENTATION = 0x0112
TIFF_PHOTOMETRIC = 262  # 0: the value 0 is white


class ImageError(ValueError):
    """This picture cannot be used; the text says why in a few words ("truncated", "not an image", ...)."""


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
        return _upright(image, channels, levels)


def count_frames(source: bytes | str | os.PathLike) -> int:
    """How many pictures a file holds: frames of an animation, pages of a TIFF; 1 for all other formats.

    Raises ImageError when it is no image at all.
    """
    with _opened(source) as image:
        return getattr(image, "n_frames", 1) if image.format in SEVERAL else 1


def examine(source: bytes | str | os.PathLike) -> tuple[np.ndarray, dict]:
    """A picture as decode() gives it, and what its file is: format, frames, whether anything shows through
    (is_transparent), whether it has 16 bits a pixel (is_deep), and its grayness(). Raises ImageError as decode() does.
    """
    with _opened(source) as image:
        facts = {"format": image.format, "frames": getattr(image, "n_frames", 1) if image.format in SEVERAL else 1}
        image.load()
        facts["is_transparent"] = _shows_through(image)
        facts["is_deep"] = _is_sixteen_bit(image)
        pixels = _upright(image, None, None)
        return pixels, {**facts, **grayness(pixels)}


def grayness(pixels: np.ndarray) -> dict:
    """Whether a picture uint8 [H, W, C] shows no colour, and whether it has no channels for any."""
    is_stored_gray = pixels.shape[2] == 1
    return {"is_gray": is_stored_gray or bool((pixels == pixels[:, :, :1]).all()), "is_stored_gray": is_stored_gray}


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


def is_of_the_computer(reason: str) -> bool:
    """Whether an ImageError of this text is for what the computer lacked, a package or the right to read the file."""
    return reason.split(":")[0] in OF_THE_COMPUTER


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
                _scale_transparency(image)
                yield image
    except (ImageError, MemoryError):
        raise
    except FileNotFoundError:
        raise ImageError("no such file") from None
    except (PermissionError, IsADirectoryError) as error:
        raise ImageError(f"{UNREADABLE}: {error.strerror}") from None
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
        brand = _brand_of(source)
        if brand in AVIF_BRANDS and "AVIF" in Image.OPEN:
            raise ImageError("damaged: AVIF that cannot be read") from None
        if brand in AVIF_BRANDS:  # pillow-heif has no decoder for it
            raise ImageError(f"{NEEDS_PILLOW}: pip install --upgrade pillow") from None
        if brand in HEIF_BRANDS:
            return _open_heif(source)
        raise ImageError(_why_unidentified(source)) from None


def _known_formats(wanted):
    Image.init()
    return [name for name in wanted if name in Image.OPEN]


def _brand_of(source):
    """What a file says it is, where it begins as HEIC pictures of phones and AVIF pictures do; else None."""
    if isinstance(source, io.BytesIO):
        start = bytes(source.getbuffer()[:12])
    else:
        with open(source, "rb") as file:
            start = file.read(12)
    return start[8:12] if start[4:8] == b"ftyp" else None


def _open_heif(source):
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(f"{NEEDS_HEIF}: pip install pillow-heif") from None
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


def _scale_transparency(image):
    """Bring the transparent value of a PNG to the 8 bits that its pixels are read as: Pillow leaves it as it is.

    Of 16-bit colours Pillow keeps the upper 8 bits, so all that share these with the transparent one count as it.
    """
    if image.format != "PNG" or "transparency" not in image.info or not image.tile:
        return
    value, bits = image.info["transparency"], image.tile[0][3]
    if bits in ("L;2", "L;4"):
        image.info["transparency"] = value * (85 if bits == "L;2" else 17)
    elif bits == "RGB;16B":
        image.info["transparency"] = tuple(part >> 8 for part in value)


def _is_sixteen_bit(image):
    return image.mode.startswith("I;16") or image.mode == "I"  # Pillow opens some 16-bit files as "I"


def _sixteen_bit(image):
    """The values of a loaded 16-bit image, 0 is black, transparency is white: int64 [height, width]."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("32-bit pixel values")
    if getattr(image, "tag_v2", {}).get(TIFF_PHOTOMETRIC) == 0:
        values = 65535 - values  # 0 is white; Pillow turns such pictures round only where they have 8 bits
    values[values == image.info.get("transparency", -1)] = 65535
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
    see_through = _with_alpha(image)
    if see_through is not None:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), see_through)
    if channels is None:
        channels = 1 if gray_inside else 3
    image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image).reshape(image.height, image.width, channels)
    return pixels if levels is None else _spread(np.arange(256) / 255, levels).astype(np.uint8)[pixels]


def _shows_through(image):
    """Whether anything shows through a loaded Pillow image."""
    if _is_sixteen_bit(image):
        return bool((np.asarray(image) == image.info.get("transparency", -1)).any())
    alpha = _with_alpha(image)
    return alpha is not None and alpha.getchannel("A").getextrema()[0] < 255


def _with_alpha(image):
    """A loaded Pillow image as RGBA, where it has transparency of any kind; else None."""
    if image.mode not in ("RGBA", "LA", "PA", "RGBa", "La") and "transparency" not in image.info:
        return None
    return (image.convert(image.mode.upper()) if image.mode in ("La", "RGBa") else image).convert("RGBA")


def _spread(values, levels):
    """Values 0..1 as 0..255, so that levels[0] becomes 0 and levels[1] becomes 255; what is beyond is clipped."""
    low, high = levels
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)


def _upright(image, channels, levels):
    """A loaded Pillow image as decode() gives it."""
    try:
        # After loading: a PNG may hold its EXIF data behind the pixels; a TIFF turns itself when it is loaded.
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:
        orientation = 1  # broken metadata are no reason to lose the picture
    return np.ascontiguousarray(_turn(_as_uint8(image, channels, levels), orientation))


def _turn(pixels, orientation):
    """Undo an EXIF orientation (1 to 8; anything else means upright)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
