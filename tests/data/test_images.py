"""Decoding, sizes, grids and GIFs, on real files made here."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from dcgan_tf.data import images
from dcgan_tf.data.images import ImageError, decode
from dcgan_tf.system.errors import UserError


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height=20, width=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def png_that_claims(width, height):
    """A valid, tiny PNG file whose header names any size."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


# ------------------------------------------------------------------------------------------ value range


def test_every_pixel_value_survives_the_way_there_and_back():
    values = np.arange(256, dtype=np.uint8)
    model_range = images.to_model_range(values.astype(np.float32))
    assert model_range.dtype == np.float32
    assert (model_range.min(), model_range.max()) == (-1, 1)
    assert np.array_equal(images.to_uint8(model_range), values)


def test_to_uint8_clips_and_never_stretches():
    values = np.array([-9, -1, -0.5, 0.5, 1, 9, np.nan, np.inf, -np.inf], np.float32)
    assert images.to_uint8(values).tolist() == [0, 0, 64, 191, 255, 255, 128, 255, 0]


def test_importing_does_not_bring_tensorflow_along():
    code = "import sys, dcgan_tf.data.images; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --------------------------------------------------------------------------------------------- decoding


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
    exif[images.EXIF_ORIENTATION] = orientation
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


# ---------------------------------------------------------------------------------------- crop and size


def test_centre_crop_and_square():
    image = noise(5, 9)
    assert np.array_equal(images.centre_crop(image, (3, 5)), image[1:4, 2:7])
    assert np.array_equal(images.square(image), image[:, 2:7])
    with pytest.raises(ValueError, match="cannot crop 6x6 out of an image of 5x9"):
        images.centre_crop(image, 6)


@pytest.mark.parametrize("shape", [(12, 12, 3), (13, 29, 1), (108, 108, 3), (64, 65, 3)])
def test_shrinking_averages_exact_areas(shape):
    image = noise(*shape)
    size = (9, 7)
    # By definition: repeat every pixel so often that each new pixel is a whole number of them.
    fine = image.astype(float).repeat(size[0], axis=0).repeat(size[1], axis=1)
    wanted = fine.reshape(size[0], shape[0], size[1], shape[1], shape[2]).mean(axis=(1, 3))
    got = images.resize(image, size)
    assert got.dtype == np.uint8
    assert np.abs(got - wanted).max() <= 0.5 + 1e-9


def test_a_fine_chessboard_shrinks_to_even_gray():
    board = (np.indices((200, 200)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None]
    assert np.abs(images.resize(board, 64).astype(int) - 128).max() <= 20
    assert set(images.resize(board, 50).ravel()) == {128}


def test_enlarging_keeps_flat_areas_and_the_same_size_is_the_same_image():
    assert set(images.resize(np.full((4, 5, 3), 77, np.uint8), (9, 11)).ravel()) == {77}
    assert images.resize(noise(8, 40), 16).shape == (16, 16, 3)  # one axis grows, the other shrinks
    assert np.array_equal(images.resize(noise(), (20, 30)), noise())
    assert images.resize(noise(channels=1), (40, 60)).shape == (40, 60, 1)
    with pytest.raises(ValueError, match="at least 1x1"):
        images.resize(noise(), 0)


def test_enlarge_repeats_pixels():
    assert images.enlarge(np.array([[[1], [2]]], np.uint8), 2)[:, :, 0].tolist() == [
        [1, 1, 2, 2],
        [1, 1, 2, 2],
    ]
    assert images.enlarge(np.zeros((7, 4, 5, 3), np.uint8), 3).shape == (7, 12, 15, 3)


# ------------------------------------------------------------------------------------- grids and files


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 16, 17])
def test_a_grid_shows_every_image(count):
    batch = np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 1), np.uint8)
    picture = images.grid(batch, background=0)
    values, areas = np.unique(picture, return_counts=True)
    assert values.tolist() == list(range(count + 1))
    assert set(areas[1:]) == {12}


def test_grid_layout():
    batch = noise(2 * 3, 4).reshape(3, 2, 4, 3)
    picture = images.grid(batch, columns=2, padding=1, background=(1, 2, 3))
    assert picture.shape == (7, 11, 3)
    assert np.array_equal(picture[1:3, 6:10], batch[1])
    assert np.array_equal(picture[4:6, 1:5], batch[2])
    assert (picture[4:, 6:] == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="uint8 images"):
        images.grid(batch.astype(float))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_comes_back_and_leaves_nothing_else(tmp_path, channels):
    image = noise(channels=channels)
    images.save_png(tmp_path / "a.png", image)
    assert np.array_equal(decode(tmp_path / "a.png"), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    images.save_png(tmp_path / "a.png", noise())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcgan_tf.system.files.os.replace", full)
    with pytest.raises(UserError, match="the disk is full"):
        images.save_png(tmp_path / "a.png", noise(seed=1))
    assert np.array_equal(decode(tmp_path / "a.png"), noise())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_frames_and_durations(tmp_path, channels):
    frames = [np.full((8, 8, channels), 50 * k, np.uint8) for k in range(5)]
    images.write_gif(tmp_path / "a.gif", frames, seconds_per_frame=0.25, hold_last=3)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 5
        assert gif.info["loop"] == 0
        for k in range(5):
            gif.seek(k)
            assert gif.info["duration"] == (3000 if k == 4 else 250)
            assert np.array_equal(np.asarray(gif.convert("RGB"))[:, :, :channels], frames[k])
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_gif_of_one_frame_of_equal_frames_and_of_none(tmp_path):
    images.write_gif(tmp_path / "a.gif", [noise()])
    images.write_gif(tmp_path / "a.gif", [noise()] * 3)
    assert decode(tmp_path / "a.gif").shape == (20, 30, 3)
    with pytest.raises(ValueError, match="at least one frame"):
        images.write_gif(tmp_path / "a.gif", [])
    with pytest.raises(ValueError, match="same shape"):
        images.write_gif(tmp_path / "a.gif", [noise(), noise(8, 8)])


def test_frames_thin_out_where_twice_the_root_of_the_epoch_reaches_a_whole_number():
    assert images.thin_frames(0) == []
    assert images.thin_frames(1) == [0]
    epochs = [index + 1 for index in images.thin_frames(100)]
    assert epochs == [1, 3, 4, 7, 9, 13, 16, 21, 25, 31, 36, 43, 49, 57, 64, 73, 81, 91, 100]
    assert [index + 1 for index in images.thin_frames(10)] == [1, 3, 4, 7, 9, 10]
