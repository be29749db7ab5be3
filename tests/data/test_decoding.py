"""Decoding, on real files made here: every kind people have, and every way they can be damaged."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from dcgan_tf.data import decoding
from dcgan_tf.data.decoding import ImageError, decode


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height=20, width=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def png_of(width, height, bits, kind, pixels, transparent=None):
    """A PNG file, chunk by chunk; kind: 0 (gray) or 2 (colour)."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    key = b"" if transparent is None else chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent))
    return b"\x89PNG\r\n\x1a\n" + header + key + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def png_that_claims(width, height):
    """A valid, tiny PNG file whose header names any size."""
    return png_of(width, height, 8, 0, bytes(1000))


def test_colour_and_gray_come_back_exactly(tmp_path):
    colour, gray = noise(), noise(channels=1)
    assert np.array_equal(decode(encode(Image.fromarray(colour), "PNG")), colour)
    assert np.array_equal(decode(encode(Image.fromarray(gray[:, :, 0]), "PNG")), gray)
    assert np.array_equal(decode(encode(Image.fromarray(gray[:, :, 0]), "PNG"), 3), gray.repeat(3, axis=2))
    assert decode(encode(Image.fromarray(colour), "PNG"), 1).shape == (20, 30, 1)
    Image.fromarray(colour).save(tmp_path / "wrong-ending.jpg", "PNG")
    assert np.array_equal(decode(tmp_path / "wrong-ending.jpg"), colour)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    blocks = np.kron(np.array([[0, 80], [160, 255], [30, 200]], np.uint8), np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[decoding.EXIF_ORIENTATION] = orientation
    data = encode(Image.fromarray(blocks).convert("RGB"), kind, exif=exif)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    assert wanted.shape == ((24, 16, 3) if orientation < 5 else (16, 24, 3))
    assert np.array_equal(decode(data), wanted)


def test_transparency_lies_over_white():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = 0, 51, 255  # black: unseen, a fifth, whole
    assert decode(encode(Image.fromarray(rgba), "PNG"))[0, :, 0].tolist() == [255, 204, 0]

    gray = Image.fromarray(rgba[:, :, 2:])
    assert gray.mode == "LA"
    decoded = decode(encode(gray, "PNG"))
    assert decoded.shape == (1, 3, 1)
    assert decoded[0, :, 0].tolist() == [255, 204, 0]

    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    assert decode(encode(palette, "PNG")).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert decode(encode(palette, "PNG", transparency=0)).tolist() == [[[255, 255, 255], [0, 0, 255]]]

    keyed = Image.new("RGB", (1, 1), (1, 2, 3))
    assert decode(encode(keyed, "PNG", transparency=(1, 2, 3))).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("bits", "row", "transparent", "wanted"),
    [
        (1, b"\x00\x50", 0, [255, 255, 255, 255]),
        (2, b"\x00\x1b", 1, [0, 255, 170, 255]),
        (4, b"\x00\x03\xaf", 10, [0, 51, 255, 255]),
        (8, b"\x00\x00\x03\x0a\xff", 10, [0, 3, 255, 255]),
        (16, struct.pack(">x4H", 0, 30000, 30001, 65535), 30000, [0, 255, 117, 255]),
    ],
)
def test_the_transparent_gray_of_a_png_is_white_at_every_depth(bits, row, transparent, wanted):
    data = png_of(4, 1, bits, 0, row, [transparent])
    assert decode(data).ravel().tolist() == wanted
    assert decoding.examine(data)[1]["is_transparent"]
    assert decoding.histogram(data).nonzero()[0].max() == 65535
    assert not decoding.examine(png_of(4, 1, bits, 0, row))[1]["is_transparent"]


def test_the_transparent_one_of_16_bit_colours_is_white():
    row = struct.pack(">x6H", 0x1234, 0x80FF, 255, 0x3412, 0, 30000)
    assert decode(png_of(2, 1, 16, 2, row, (0x1234, 0x80FF, 255)))[0].tolist() == [[255, 255, 255], [52, 0, 117]]


def test_tiffs_in_which_0_is_white_are_no_negatives():
    values = np.array([[0, 256, 32896, 65535]], np.uint16)
    deep = encode(Image.fromarray(values), "TIFF", tiffinfo={decoding.TIFF_PHOTOMETRIC: 0})
    assert decode(deep).ravel().tolist() == [255, 254, 127, 0]
    assert decoding.histogram(deep).nonzero()[0].tolist() == [0, 32639, 65279, 65535]
    flat = encode(Image.fromarray(np.array([[0, 1, 255]], np.uint8)), "TIFF", tiffinfo={decoding.TIFF_PHOTOMETRIC: 0})
    assert decode(flat).ravel().tolist() == [0, 1, 255]  # Pillow turns them when it writes, and when it reads


def test_sixteen_bit_gray_is_scaled_not_clipped():
    values = np.array([[0, 256, 32896, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert decode(encode(Image.fromarray(values), kind))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_and_bilevel():
    white, ink = Image.new("CMYK", (8, 8), (0, 0, 0, 0)), Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert decode(encode(white, "JPEG")).min() > 250
    red = decode(encode(ink, "TIFF"))[0, 0]
    assert red[0] > 200
    assert red[1:].max() < 60
    assert decode(encode(Image.new("1", (2, 2), 1), "PNG")).tolist() == [[[255]] * 2] * 2


def test_first_frame_of_an_animation():
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    data = encode(red, "GIF", save_all=True, append_images=[blue])
    assert decode(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_damaged_files_raise_image_error_only(kind, tmp_path):
    data = encode(Image.fromarray(noise(64, 64)), kind)
    rng = np.random.default_rng(0)
    for cut in (1, 10, 50, len(data) // 3, len(data) // 2):
        with pytest.raises(ImageError):
            decode(data[:cut])
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 5):
            damaged[place] = rng.integers(256)
        try:
            assert decode(bytes(damaged)).dtype == np.uint8
        except ImageError as error:
            assert len(str(error)) < 120


def test_reasons_are_short_and_plain(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("hello")
    for source, reason in [
        (b"", "empty file"),
        (tmp_path / "empty.png", "empty file"),
        (tmp_path / "text.jpg", "not an image"),
        (b"<svg/>", "not an image"),
        (tmp_path / "none.jpg", "no such file"),
        (tmp_path, "cannot be read"),
        (png_that_claims(20_000, 20_000), "too many pixels: .*more than 64,000,000"),
        (png_that_claims(9_000, 9_000), "too many pixels: 9000x9000 is more than 64,000,000"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ]:
        with pytest.raises(ImageError, match=reason):
            decode(source)


def test_frames_are_counted_and_taken_by_number():
    pictures = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    for kind, options in (("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = encode(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)
        assert decoding.count_frames(data) == 3
        for number, picture in enumerate(pictures):
            assert np.array_equal(decode(data, frame=number), np.asarray(picture)), kind
        with pytest.raises(ImageError):
            decode(data, frame=3)
    assert decoding.count_frames(encode(pictures[0], "JPEG")) == 1
    with pytest.raises(ImageError, match="not an image"):
        decoding.count_frames(b"hello")


def test_levels_spread_what_is_in_use():
    deep = Image.fromarray(np.array([[0, 1000, 2000, 3000, 65535]], np.uint16))
    assert decode(encode(deep, "PNG")).ravel().tolist() == [0, 4, 8, 12, 255]
    assert decode(encode(deep, "PNG"), levels=(1000 / 65535, 3000 / 65535)).ravel().tolist() == [0, 0, 128, 255, 255]
    flat = Image.fromarray(np.array([[10, 20, 30]], np.uint8))
    assert decode(encode(flat, "PNG"), levels=(10 / 255, 30 / 255)).ravel().tolist() == [0, 128, 255]
    counts = decoding.histogram(encode(deep, "PNG"))
    assert np.flatnonzero(counts).tolist() == [0, 1000, 2000, 3000, 65535] and counts.sum() == 5
    assert np.flatnonzero(decoding.histogram(encode(flat, "PNG"))).tolist() == [10 * 257, 20 * 257, 30 * 257]


def test_pictures_of_phones(tmp_path):
    """HEIC, read where it is met: the package for it is not imported before."""
    code = (
        "import sys, numpy as np, dcgan_tf.data.decoding as decoding\n"
        "assert 'pillow_heif' not in sys.modules\n"
        "gray = decoding.decode(sys.argv[1])\n"
        "assert gray.shape == (48, 64, 3) and abs(gray.astype(int) - 90).max() < 4, gray\n"
        "try: decoding.decode(open(sys.argv[1], 'rb').read()[:300])\n"
        "except decoding.ImageError as error: print(error)\n"
    )
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 48), (90, 90, 90))).save(tmp_path / "a.heic")
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.heic"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("damaged")


def test_pictures_that_move_or_are_several():
    """AVIF and HEIC: colours are close, since neither keeps every bit; what is cut short says what it is."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    shades = [Image.new("RGB", (64, 48), shade) for shade in ((250, 60, 60), (60, 60, 250))]
    for kind, word in (("AVIF", "AVIF"), ("HEIF", "HEIC")):
        data = encode(shades[0], kind, quality=90, save_all=True, append_images=shades[1:])
        assert decoding.count_frames(data) == 2
        for frame, shade in enumerate(shades):
            found = decode(data, frame=frame).astype(int)
            assert found.shape == (48, 64, 3) and np.abs(found - np.asarray(shade)).max() < 8
        with pytest.raises(ImageError, match=f"damaged.*{word} that cannot be read"):
            decode(data[: len(data) // 2])
        see_through = shades[0].convert("RGBA")
        see_through.putalpha(0)
        assert decode(encode(see_through, kind)).min() > 247  # over white
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(Image.OPEN, "AVIF")  # an older Pillow
        with pytest.raises(ImageError, match="AVIF, which needs a newer Pillow: pip install --upgrade pillow"):
            decode(encode(shades[0], "AVIF"))
