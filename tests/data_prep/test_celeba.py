"""CelebA: straight from the zip, labels and splits, crops, the filter; and what is not CelebA."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner

from data_prep import celeba as module
from data_prep.celeba import celeba, parse_attributes, parse_partition
from data_prep.face_filter import cli as face_filter_cli
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.images import resize
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.system.errors import UserError

NAMES = ("5_o_Clock_Shadow", "Eyeglasses", "Smiling")
ATTRIBUTES = "8\n5_o_Clock_Shadow Eyeglasses Smiling \n" + "".join(
    f"{n:06d}.jpg {1 if n % 2 else -1:2d} {1 if n > 4 else -1:2d} -1\n" for n in range(1, 9)
)
PARTITION = "".join(f"{n:06d}.jpg {0 if n < 5 else 1 if n < 7 else 2}\n" for n in range(1, 9))


def picture(number):
    """178x218: a real face in odd ones (two of them in 7), none in even ones."""
    image = np.full((218, 178, 3), (200, 220, 180), np.uint8)
    image[:, :, number % 3] -= np.arange(178, dtype=np.uint8)[None] // 2
    if number % 2:
        image[20:200] = cv2.resize(skimage.data.astronaut()[:200, 120:320], (178, 180), interpolation=cv2.INTER_AREA)
    if number == 7:
        face = cv2.resize(skimage.data.astronaut()[:200, 120:320], (109, 109), interpolation=cv2.INTER_AREA)
        image[:109, :109] = image[109:, :109] = face
    return image


def jpeg(image):
    return cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.fixture(scope="module")
def pictures():
    return {f"{number:06d}.jpg": jpeg(picture(number)) for number in range(1, 9)}


@pytest.fixture
def archive(pictures, tmp_path):
    """img_align_celeba.zip, with the official folders beside it."""
    (tmp_path / "Img").mkdir()
    with zipfile.ZipFile(tmp_path / "Img" / "img_align_celeba.zip", "w") as file:
        file.writestr("img_align_celeba/", "")
        for name, data in pictures.items():
            file.writestr(f"img_align_celeba/{name}", data)
    for folder, name, text in (("Anno", "list_attr_celeba", ATTRIBUTES), ("Eval", "list_eval_partition", PARTITION)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.txt").write_text(text)
    return tmp_path / "Img" / "img_align_celeba.zip"


def prepare(source, output, **options):
    notes = []
    path = celeba(source, output, workers=1, progress=False, say=notes.append, **options)
    return read_prepared(path), "\n".join(notes)


def test_pictures_labels_and_splits_of_the_zip(archive, pictures, tmp_path):
    dataset, notes = prepare(archive, tmp_path / "out")
    assert dataset.images.shape == (8, 64, 64, 3)
    for index, data in enumerate(pictures.values()):
        middle = decode(data, channels=3)[55:163, 35:143]
        assert np.array_equal(dataset.images[index], resize(middle, 64))
    assert dataset.label_names == NAMES
    assert dataset.labels.tolist() == [[n % 2, int(n > 4), 0] for n in range(1, 9)]
    assert [row["split"] for row in dataset.index()] == ["train"] * 4 + ["valid"] * 2 + ["test"] * 2
    assert "a part of CelebA's 202,599" in notes
    assert {path.name for path in tmp_path.iterdir()} == {"Img", "Anno", "Eval", "out"}


def test_a_folder_gives_the_same(archive, pictures, tmp_path):
    folder = tmp_path / "Img" / "img_align_celeba"
    folder.mkdir()
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    (folder / "list_attr_celeba.csv").write_text(
        "image_id,"
        + ",".join(NAMES)
        + "\n"
        + "\n".join(line.replace(" ", ",") for line in ATTRIBUTES.replace("  ", " ").splitlines()[2:])
    )
    from_zip, _ = prepare(archive, tmp_path / "a")
    from_folder, _ = prepare(folder, tmp_path / "b")
    assert from_zip.fingerprint == from_folder.fingerprint
    assert len(from_folder.index()) == 8


@pytest.mark.parametrize(("crop", "size", "side"), [("radford", 32, 178), (150, 64, 150), ("100", 128, 100)])
def test_crops_and_sizes(archive, pictures, tmp_path, crop, size, side):
    dataset, notes = prepare(archive, tmp_path / "out", crop=crop, size=size)
    image = decode(pictures["000003.jpg"], channels=3)
    top, left = (218 - side) // 2, (178 - side) // 2
    assert np.array_equal(dataset.images[2], resize(image[top : top + side, left : left + side], size))
    assert ("enlarged" in notes) == (size > side)


def test_splits(archive, tmp_path):
    dataset, _ = prepare(archive, tmp_path / "out", splits="valid,test")
    assert dataset.names() == [f"img_align_celeba/{n:06d}.jpg" for n in range(5, 9)]
    assert dataset.labels[:, 1].tolist() == [1] * 4
    assert dataset.metadata["dropped"] == {"other split": 4}


def test_the_filter_its_columns_and_another_threshold_without_detecting_again(archive, tmp_path, monkeypatch):
    dataset, notes = prepare(archive, tmp_path / "out", filter="frontal", min_neighbors=20)
    rows = dataset.index()
    assert [row["kept"] for row in rows] == ["1", "0", "1", "0", "1", "0", "0", "0"]
    assert rows[1]["reason"] == "no frontal face" and rows[6]["reason"].startswith("several frontal faces")
    assert rows[0]["frontal_faces"] == "1" and rows[0]["frontal_boxes"].startswith("[[")
    assert dataset.metadata["settings"]["face_filter"]["min_neighbors"] == 20
    assert "3 of 8 pictures kept" in notes
    monkeypatch.setattr("data_prep.detections.find_faces", None)  # not called again
    stored = tmp_path / "out.detections"
    with pytest.raises(UserError, match="no usable picture"):
        prepare(archive, tmp_path / "none", filter="frontal", min_neighbors=500, detections=stored)
    other, _ = prepare(archive, tmp_path / "other", filter="frontal", min_neighbors=21, size=32, detections=stored)
    assert len(other.images) == 3
    result = CliRunner().invoke(face_filter_cli, ["audit", str(archive), str(stored), "--min-neighbors", "20"])
    assert result.exit_code == 0 and (stored / "audit" / "dropped.png").exists()


def test_a_slash_after_the_name_changes_nothing(archive, tmp_path):
    """A shell's completion leaves one after the name of a folder that is there."""
    (tmp_path / "out").mkdir()
    prepare(archive, f"{tmp_path / 'out'}/", filter="frontal", min_neighbors=20, splits=("valid",))
    assert (tmp_path / "out" / "dataset.json").exists() and (tmp_path / "out.detections").is_dir()


def test_low_thresholds_are_opencvs_own(archive, pictures, tmp_path):
    dataset, _ = prepare(archive, tmp_path / "out", filter="frontal", min_neighbors=2)
    assert dataset.metadata["settings"]["face_filter"]["min_size"] == 0
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    for row, data in zip(dataset.index(), pictures.values(), strict=True):
        gray = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2GRAY)
        assert int(row["frontal_faces"]) == len(cascade.detectMultiScale(gray, 1.1, 2))


def test_bad_entries_are_rows(archive, tmp_path):
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("img_align_celeba/000009.jpg", b"")
        file.writestr("img_align_celeba/000010.jpg", jpeg(picture(1))[:3000])
        file.writestr("img_align_celeba/000011.jpg", jpeg(picture(1)[:100]))
        file.writestr("img_align_celeba/holiday.jpg", jpeg(picture(1)))
        file.writestr("../000012.jpg", jpeg(picture(1)))
    attributes = tmp_path / "all.txt"
    attributes.write_text(ATTRIBUTES + "".join(f"{n:06d}.jpg 1 1 1\n" for n in (9, 10, 12)))
    dataset, _ = prepare(archive, tmp_path / "out", filter="frontal", min_neighbors=20, attributes=attributes)
    rows = {row["source"].split("/")[-1]: row for row in dataset.index()}
    assert len(rows) == 13 and len(dataset.images) == 3
    assert rows["000009.jpg"]["reason"] == "empty file"
    assert rows["000010.jpg"]["reason"].startswith("damaged")
    assert rows["000011.jpg"]["reason"] == "no attributes: it is not in the list"
    assert rows["holiday.jpg"]["reason"].startswith("not CelebA's")
    assert rows["000012.jpg"]["reason"] == "name leads out of the zip"
    plain, _ = prepare(archive, tmp_path / "plain", splits="train", attributes=attributes)
    assert len(plain.images) == 4


def test_a_picture_of_another_size_is_a_row(archive, tmp_path):
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("img_align_celeba/000009.jpg", jpeg(picture(1)[:100]))
    (tmp_path / "Anno" / "list_attr_celeba.txt").unlink()
    dataset, notes = prepare(archive, tmp_path / "out")
    assert dataset.index()[8]["reason"] == "not of 178x218 pixels: 178x100" and dataset.labels is None
    assert "no labels" in notes


def test_the_number_of_workers_changes_nothing(archive, tmp_path):
    one = celeba(archive, tmp_path / "a", filter="frontal", workers=1, progress=False, say=str)
    two = celeba(archive, tmp_path / "b", filter="frontal", workers=2, progress=False, say=str)
    assert read_prepared(one).fingerprint == read_prepared(two).fingerprint
    assert (one / "index.csv").read_bytes() == (two / "index.csv").read_bytes()


def test_what_is_not_celeba_is_refused(pictures, tmp_path):
    for folder, name, data in (
        ("photos", "holiday.jpg", jpeg(picture(1))),
        ("wild", "000001.jpg", jpeg(np.zeros((300, 400, 3), np.uint8))),
        ("empty", None, None),
    ):
        (tmp_path / folder).mkdir()
        if name:
            (tmp_path / folder / name).write_bytes(data)
        with pytest.raises(UserError, match=r"does not look like CelebA.*mmlab.ie.cuhk.edu.hk"):
            prepare(tmp_path / folder, tmp_path / "out")
    with pytest.raises(UserError, match=r"nothing at.*img_align_celeba.zip.*quota"):
        prepare(tmp_path / "none.zip", tmp_path / "out")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(500))
    with pytest.raises(UserError, match="not a whole zip"):
        prepare(tmp_path / "cut.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"crop": "vrld"}, "crop 'vrld'"),
        ({"crop": 200}, "from 8 to 178"),
        ({"crop": [108]}, r"crop \[108\]: expected vrdl or radford, or a number"),
        ({"size": 4}, "from 8 to 256"),
        ({"filter": "frontl"}, "Did you mean 'frontal'"),
        ({"filter": "frontal", "min_neighbors": 0}, "at least 1"),
        ({"filter": "frontal", "profile_min_neighbors": 3}, "--profile-min-neighbors 3 is only of use with not_prof"),
        ({"min_neighbors": 5}, "--min-neighbors 5 is only of use with --filter: give --filter frontal or not_profile"),
        ({"profile_min_neighbors": 5}, "--profile-min-neighbors 5 is only of use with --filter"),
        ({"detections": "nothere"}, "--detections nothere is only of use with --filter"),
        ({"min_size": 100}, "--min-size 100 is only of use with --filter"),
        ({"splits": "training"}, "Did you mean 'train'"),
        ({"attributes": "nowhere.txt"}, "nowhere.txt"),
    ],
)
def test_mistakes(archive, tmp_path, options, text):
    with pytest.raises(UserError, match=text):
        prepare(archive, tmp_path / "out", **options)
    assert not list(tmp_path.glob("out*"))


def test_nothing_is_written_among_the_pictures(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("data_prep.detections.find_faces", None)  # said before the faces are looked for
    for name, data in pictures.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=r"out' lies in '.*: choose a place outside of it"):
        prepare(tmp_path, tmp_path / "out", filter="frontal", detections=tmp_path.parent / "faces")
    assert {path.name for path in tmp_path.iterdir()} == set(pictures)


def test_a_folder_in_the_way_of_the_work_is_named_before_the_faces_are_looked_for(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("data_prep.detections.find_faces", None)
    (tmp_path / "out.partial" / "mine").mkdir(parents=True)
    with pytest.raises(UserError, match=r"out.partial', which is removed in the end, and 'mine' is there"):
        prepare(archive, tmp_path / "out", filter="frontal", detections=tmp_path / "faces")
    assert (tmp_path / "out.partial" / "mine").is_dir() and not (tmp_path / "faces").exists()


def test_splits_need_their_list(archive, tmp_path):
    (tmp_path / "Eval" / "list_eval_partition.txt").unlink()
    with pytest.raises(UserError, match=r"needs list_eval_partition\.txt"):
        prepare(archive, tmp_path / "out", splits="train")


def test_damaged_lists():
    for text in ("", "3\nA B\n", "1\nA B\n000001.jpg 1\n", "1\nA B\n000001.jpg 1 x\n"):
        with pytest.raises(UserError, match="'list'"):
            parse_attributes("list", text)
    with pytest.raises(UserError, match="'list' is damaged"):
        parse_partition("list", "000001.jpg 7\n")
    assert parse_partition("list", "image_id,partition\n000001.jpg,2\n") == {"000001.jpg": 2}
    with pytest.raises(UserError, match="'list' has two attributes 'A'"):
        parse_attributes("list", "1\nA B A\n000001.jpg 1 1 -1\n")


def test_a_picture_that_a_list_names_twice_is_what_both_lines_say():
    assert parse_attributes("list", "2\nA\n000001.jpg 1\n000001.jpg 1\n")[1] == {"000001.jpg": [1]}
    assert parse_partition("list", "000001.jpg 1\n000001.jpg 1\n") == {"000001.jpg": 1}
    with pytest.raises(UserError, match=r"'list' names '000001\.jpg' twice"):
        parse_attributes("list", "2\nA\n000001.jpg 1\n000001.jpg -1\n")
    with pytest.raises(UserError, match=r"'list' names '000001\.jpg' twice"):
        parse_partition("list", "000001.jpg 1\n000001.jpg 2\n")


@pytest.mark.parametrize(
    "lines",
    [
        ("image_id,A,B", "000001.jpg,1,-1", "000002.jpg,-1,1"),
        ('"image_id";"A";"B"', '"000001.jpg";"1";"-1"', '"000002.jpg";"-1";"1"'),
        (",image_id,A,B", "0,000001.jpg,1,-1", "1,000002.jpg,-1,1"),  # pandas writes the number of the row
        ("\ufeffindex\timage_id\tA\tB", "0\t000001.jpg\t1\t-1", "1\t000002.jpg\t-1\t1"),
        ("image_id, A, B", "000001.jpg, 1, 0", "000002.jpg, 0, 1", ""),
        ("2", "A B", "000001.jpg  1 -1", "000002.jpg -1  1"),
    ],
)
def test_lists_of_any_dialect(lines):
    wanted = ["A", "B"], {"000001.jpg": [1, 0], "000002.jpg": [0, 1]}
    assert parse_attributes("list", "\n".join(lines)) == wanted
    assert parse_attributes("list", "\r\n".join(lines)) == wanted


def test_attributes_that_are_given_later_are_added(archive, tmp_path):
    attributes = tmp_path / "Anno" / "list_attr_celeba.txt"
    attributes.rename(tmp_path / "elsewhere.txt")
    before, notes = prepare(archive, tmp_path / "out")
    assert before.labels is None and "no labels" in notes
    pixels = before.images.path.stat()
    (tmp_path / "elsewhere.txt").rename(attributes)
    after, _ = prepare(archive, tmp_path / "out")
    assert after.label_names == NAMES
    assert after.labels[:, 0].tolist() == [int(n % 2) for n in range(1, 9)]
    assert after.images.path.stat() == pixels  # not a pixel was made again
    after.verify()
    assert after.metadata["images_fingerprint"] == before.fingerprint
    attributes.unlink()
    assert prepare(archive, tmp_path / "out")[0].label_names == NAMES  # they stay


def test_command_line(archive, tmp_path):
    options = ["--crop", "radford", "--size", "32", "--filter", "frontal", "--min-neighbors", "20", "--workers", "1"]
    result = CliRunner().invoke(module.cli, [str(archive), str(tmp_path / "out"), *options])
    assert result.exit_code == 0, result.output
    assert "3 pictures of 32x32x3 with 3 labels" in result.output
    attributes = tmp_path / "Anno" / "list_attr_celeba.txt"
    attributes.write_text("".join(attributes.read_text().splitlines(keepends=True)[:5]))  # a download that broke off
    result = CliRunner().invoke(module.cli, [str(archive), str(tmp_path / "few"), "--size", "32", "--workers", "1"])
    assert "       5 dropped: no attributes" in result.output
    help_text = CliRunner().invoke(module.cli, ["--help"]).output
    assert "mmlab.ie.cuhk.edu.hk" in help_text and "quota" in help_text


def test_a_mistake_is_one_line_and_status_2(tmp_path):
    command = [sys.executable, "-m", "data_prep.celeba", "nowhere.zip", "out"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and result.stdout == ""
    assert list(tmp_path.iterdir()) == []
