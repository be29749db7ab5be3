"""Any folder of pictures: squared, resized, small ones and near-duplicates dropped, hostile ones named."""

import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image

from data_prep import anime as module
from data_prep.anime import anime, check_not_prepared, difference_hash
from dcgan_tf.data.images import resize, square
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.system.errors import UserError


def face(number, size=80):
    gray = np.uint8(255 * skimage.data.lfw_subset()[number])
    return cv2.resize(gray, (size, size), interpolation=cv2.INTER_CUBIC)[..., None].repeat(3, 2)


def save(path, image, **options):
    Image.fromarray(image).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Ten different faces; 3 again: recompressed, larger, and the same file; one small; an upright rectangle."""
    path = tmp_path / "faces"
    (path / "deeper").mkdir(parents=True)
    for number in range(10):
        save(path / f"{number}.png", face(number))
    save(path / "a3.jpg", face(3), quality=60)
    save(path / "deeper" / "b3.png", face(3, 200))
    (path / "c3.png").write_bytes((path / "3.png").read_bytes())
    save(path / "small.png", face(20, 40))
    save(path / "tall.png", np.concatenate([face(30), face(31)]))
    return path


def prepare(source, output, **options):
    return read_prepared(anime(source, output, workers=1, progress=False, **options))


def test_squared_resized_and_too_small_ones_dropped(folder, tmp_path):
    dataset = prepare(folder, tmp_path / "out")
    assert dataset.images.shape == (14, 64, 64, 3)
    rows = {row["source"]: row for row in dataset.index()}
    assert rows["small.png"]["reason"] == "too small: 40x40"
    tall = np.concatenate([face(30), face(31)])
    assert np.array_equal(dataset.images[int(rows["tall.png"]["row"])], resize(square(tall), 64))
    enlarged = prepare(folder, tmp_path / "all", min_side=10)
    assert len(enlarged.images) == 15 and enlarged.metadata["flags"]["enlarged"] == 1


def test_nothing_is_dropped_of_pictures_that_are_prepared(folder, tmp_path):
    prepare(folder, tmp_path / "out")
    check_not_prepared(tmp_path / "out", min_side=None, near_duplicates=False)
    for source in (None, folder):
        check_not_prepared(source, min_side=40, near_duplicates=True)
    with pytest.raises(UserError, match=r"^min_side=40 and near_duplicates=True cannot be had of '.*out', whose pict"):
        check_not_prepared(tmp_path / "out", min_side=40, near_duplicates=True)


def test_near_duplicates(folder, tmp_path):
    dataset = prepare(folder, tmp_path / "out", near_duplicate_bits=module.MAX_BITS)
    rows = {row["source"]: row for row in dataset.index()}
    dropped = {name for name, row in rows.items() if row["reason"].startswith("near-duplicate")}
    assert dropped == {"a3.jpg", "c3.png", "deeper/b3.png"}
    assert rows["c3.png"]["reason"] == "near-duplicate: of 3.png, 0 of 256 bits apart"
    exact = prepare(folder, tmp_path / "exact", near_duplicate_bits=0)
    assert exact.metadata["dropped"]["near-duplicate"] >= 1 and len(exact.images) >= len(dataset.images)


def test_hashes_agree_with_comparing_all_pairs():
    generator = np.random.default_rng(0)
    hashes = [int.from_bytes(generator.bytes(32), "big") for _ in range(60)]
    for value in hashes[:40]:
        flipped = value
        for bit in generator.choice(256, generator.integers(0, 20), replace=False).tolist():
            flipped ^= 1 << bit
        hashes.append(flipped)
    rows = [{"kept": True, "hash": f"{value:064x}", "source": str(n)} for n, value in enumerate(hashes)]
    kept, expected = [], set()
    for index, value in enumerate(hashes):
        if any((value ^ other).bit_count() <= 10 for other in kept):
            expected.add(index)
        else:
            kept.append(value)
    assert set(module.near_duplicates(iter(rows), 10)) == expected and expected


def test_different_people_are_far_apart():
    hashes = [difference_hash(face(number)) for number in range(100)]
    nearest = min((a ^ b).bit_count() for n, a in enumerate(hashes) for b in hashes[:n])
    assert nearest > 3 * module.MAX_BITS


def bomb():
    """A PNG of a few bytes that claims 20,000 x 20,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_hostile_files_are_rows_with_their_reason(tmp_path):
    path = tmp_path / "mixed"
    path.mkdir()
    save(path / "good.png", face(1))
    save(path / "dot.png", np.zeros((1, 1, 3), np.uint8))
    Image.fromarray(face(2)).convert("CMYK").save(path / "cmyk.jpg")
    Image.fromarray(face(3)[:, :, 0].astype(np.uint16) * 257).save(path / "deep.png")
    frames = [Image.fromarray(face(number)) for number in (4, 5)]
    frames[0].save(path / "moving.gif", save_all=True, append_images=frames[1:])
    (path / "bomb.png").write_bytes(bomb())
    (path / "cut.png").write_bytes((path / "good.png").read_bytes()[:700])
    (path / "empty.jpg").write_bytes(b"")
    (path / "text.jpg").write_text("not a picture")
    save(path / "ünïcode 顔.png", face(6))
    dataset = prepare(path, tmp_path / "out")
    reasons = {row["source"]: row["reason"] for row in dataset.index()}
    assert [name for name, reason in reasons.items() if not reason] == [
        *("cmyk.jpg", "deep.png", "good.png", "moving.gif", "ünïcode 顔.png")
    ]
    assert reasons["dot.png"] == "too small: 1x1" and reasons["empty.jpg"] == "empty file"
    assert reasons["bomb.png"].startswith("too many pixels") and reasons["text.jpg"] == "not an image"
    assert reasons["cut.png"].startswith("damaged")


def test_a_zip_with_names_twice_and_names_that_lead_out(tmp_path, folder):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        data = [(folder / f"{number}.png").read_bytes() for number in range(4)]
        file.writestr("same.png", data[0])
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("same.png", data[1])
        file.writestr("/root.png", data[2])
        file.writestr("a/../../b.png", data[3])
    dataset = prepare(tmp_path / "z.zip", tmp_path / "out")
    assert [row["kept"] for row in dataset.index() if row["source"] == "same.png"] == ["1", "1"]
    assert not np.array_equal(dataset.images[0], dataset.images[1])
    assert sum(row["reason"] == "name leads out of the zip" for row in dataset.index()) == 2


def test_gray(folder, tmp_path):
    assert prepare(folder, tmp_path / "out", channels=1).images.shape == (14, 64, 64, 1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 2}, "size 2 must"),
        ({"min_side": 0}, "min side 0 must"),
        ({"near_duplicate_bits": 99}, "near-duplicate bits 99 must"),
        ({"channels": 4}, "channels 4 must"),
        ({"min_side": 1000}, "no usable picture"),
    ],
)
def test_mistakes(folder, tmp_path, options, text):
    with pytest.raises(UserError, match=text):
        prepare(folder, tmp_path / "out", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_subfolders_are_labels_and_frames_and_dark_pictures_can_be_had(tmp_path):
    for name, number in (("cats", 0), ("dogs", 1)):
        (tmp_path / "in" / name).mkdir(parents=True)
        dark = face(number) // 8
        frames = [Image.fromarray(np.roll(dark, 9 * turn, axis=0)) for turn in range(3)]
        frames[0].save(tmp_path / "in" / name / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    dataset = prepare(tmp_path / "in", tmp_path / "out")
    assert dataset.label_names == ("cats", "dogs") and dataset.labels.tolist() == [0, 1]
    assert dataset.images[:].max() < 32
    everything = prepare(tmp_path / "in", tmp_path / "all", all_frames=True, stretch=True)
    assert everything.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert everything.images[:].min() == 0 and everything.images[:].max() == 255
    result = CliRunner().invoke(module.cli, [str(tmp_path / "in"), str(tmp_path / "out")])
    assert "its 2 subfolders are classes: cats (1), dogs (1)" in result.output
    assert "use little of the range 0 to 255" in result.output and "--stretch spreads" in result.output


def test_command_line(folder, tmp_path):
    arguments = [str(folder), str(tmp_path / "out"), "--size", "32", "--near-duplicates", "--workers", "1"]
    result = CliRunner().invoke(module.cli, arguments)
    assert result.exit_code == 0, result.output
    assert "of 32x32x3" in result.output and "dropped: near-duplicate" in result.output
    again = CliRunner().invoke(module.cli, [*arguments, "--bits", str(module.MAX_BITS)])
    assert again.output == result.output  # what is the default anyhow
    equal = CliRunner().invoke(module.cli, [str(folder), str(tmp_path / "new"), "--bits", "0"])
    assert isinstance(equal.exception, UserError) and not (tmp_path / "new").exists()
    assert "--bits 0 is only of use with --near-duplicates" in str(equal.exception)
