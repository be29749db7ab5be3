"""From names and paths to images: every way they can be wrong, classes, limits and sizes."""

from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import encoded, noise, prepared_from

from dcgan_tf.data import datasets
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.stored import StoredImages
from dcgan_tf.system.errors import UserError


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "mnist5",
            r"unknown dataset 'mnist5'. Did you mean 'mnist5k'\? Known are mnist5k, .*a folder of images, a zip",
        ),
        ("no/such/folder", "there is nothing at 'no/such/folder'. Known are"),
        ("", "unknown dataset ''"),
        (None, "dataset=None must be a name or a path"),
        (
            np.zeros((64, 28, 28, 1), np.uint8),
            r"dataset=ndarray of uint8 \[64, 28, 28, 1\] must be .* give.* Dataset\('mine', images\)",
        ),
        (5, "dataset=5 must be"),
    ],
)
def test_names_that_mean_nothing(name, message):
    with pytest.raises(UserError, match=message):
        load_dataset(name)


def test_paths_that_hold_no_pictures(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello")
    (tmp_path / "one.jpg").write_bytes(encoded(noise(0), "JPEG"))
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4 and no more")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "dataset.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    for name, message in [
        ("empty", "no usable picture in 'folder empty': there are no files in it"),
        ("texts", r"no usable picture in 'folder texts': all of its 1 files were dropped: a.txt \(not an image\)"),
        ("one.jpg", r"one.jpg' is not a whole zip file \(it is something else\).*give a zip or a folder"),
        ("cut.zip", r"cut.zip' is not a whole zip file \(a download that was cut short\?\)"),
        ("damaged", "damaged' is damaged, dataset.json"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            load_dataset(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_prepared_folder_is_opened_as_it_is(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
    prepared_from(tmp_path / "out", images, labels=np.arange(10), label_names=[f"n{k}" for k in range(10)])
    dataset = load_dataset(tmp_path / "out")
    assert dataset.fingerprint == read_prepared(tmp_path / "out").fingerprint
    assert np.array_equal(dataset.images[:], images)
    assert load_dataset(tmp_path / "out", classes="n3", image_size=8).labels.tolist() == [3]
    assert np.array_equal(load_dataset(tmp_path / "out", limit=5).images[:], images[::2])
    assert datasets.NAMED.keys() == {"mnist5k", "mnist", "fashion_mnist", "cifar10"}


def test_classes_by_number_and_by_name():
    for classes in ("3,7", " 7 , 3,", [3, 7], (7, "3"), np.array([3, 7])):
        dataset = load_dataset("mnist5k", classes=classes)
        assert np.unique(dataset.labels).tolist() == [3, 7]
        assert len(dataset) == 1000
    assert len(load_dataset("mnist5k", classes=0)) == 500
    assert load_dataset("mnist5k", classes=0).fingerprint != load_dataset("mnist5k", classes=1).fingerprint


def test_classes_of_attributes_are_images_that_have_them_all(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), np.uint8)
    attributes = np.array([[0, 1, 1], [1, 1, 0], [1, 1, 1]] * 4)
    prepared_from(tmp_path / "out", images, labels=attributes, label_names=["Bald", "Male", "Young"])
    dataset = load_dataset(tmp_path / "out", classes="male,Young")
    assert np.array_equal(dataset.images[:], images[[0, 2, 3, 5, 6, 8, 9, 11]])
    assert dataset.labels.shape == (8, 3)
    assert load_dataset(tmp_path / "out", classes=["Bald", 2]).labels.all()
    with pytest.raises(UserError, match=r"no class 'youg'. Did you mean 'Young'\? Its classes are Bald, Male, Young"):
        load_dataset(tmp_path / "out", classes="youg")


@pytest.mark.parametrize(
    "name, classes, message",
    [
        ("mnist5k", "10", r"'mnist5k' has no class '10'.* 0, 1, 2, 3"),
        ("mnist5k", "cat", "has no class 'cat'"),
        ("mnist5k", "", "names no class"),
        ("mnist5k", "-1", "has no class '-1'"),
        ("mnist5k", 2.5, "has no class '2.5'"),
        ("fake", "1", "'fake' has no labels"),
    ],
)
def test_classes_that_are_not_there(name, classes, message):
    with pytest.raises(UserError, match=message):
        load_dataset(name, classes=classes)


def test_classes_that_are_picked_already_are_those_of_the_path(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    prepared_from(tmp_path / "out", images, labels=np.arange(9) % 3, label_names=["cat", "dog", "bird"])
    whole = load_dataset(tmp_path / "out")
    for classes, same, changes in (
        ("cat", [0], {}),
        ("cat", 0, {"limit": 2}),
        ("dog,cat", ["cat", "dog"], {"image_size": 4, "resize": True}),
        ("cat,dog,bird", "bird,cat,dog", {}),
    ):
        data = load_dataset(tmp_path / "out", classes=classes, **changes)
        again = load_dataset(data, classes=same, **changes)
        assert again.fingerprint == data.fingerprint != whole.fingerprint and len(again) == len(data)
    assert load_dataset(whole, classes="cat,dog,bird").fingerprint == again.fingerprint  # by a name or in memory
    some = load_dataset(load_dataset(whole, classes="cat,dog"), classes="dog")
    assert some.labels.tolist() == [1, 1, 1] and some.picked == (1,)
    assert data.changed(labels=np.zeros((9, 1), int), label_names=["Hat"]).picked == ()  # others than were picked by


def test_classes_that_differ_in_capitals_and_classes_that_are_called_by_numbers():
    images, labels = np.zeros((6, 4, 4, 1), np.uint8), np.arange(6) % 3
    assert load_dataset(Dataset("d", images, labels, ["A", "a,b", "b"]), classes="a,b").labels.tolist() == [1, 1]
    assert load_dataset(Dataset("d", images, labels, ["A", "a", "b"]), classes="A,B").labels.tolist() == [0, 2, 0, 2]
    with pytest.raises(UserError, match=r"'CAT' may be 'Cat' or 'cat'"):
        load_dataset(Dataset("d", images, labels, ["Cat", "cat", "b"]), classes="CAT")
    numbered = Dataset("d", images, labels, ["1", "2", "3"])
    assert load_dataset(numbered, classes="1,3").labels.tolist() == [0, 2, 0, 2]
    with pytest.raises(UserError, match=r"dataset 'd' has no class '0'.* Its classes are 1, 2, 3"):
        load_dataset(numbered, classes="0")


def test_a_limit_takes_images_from_everywhere():
    assert load_dataset("mnist5k", limit=10).labels.tolist() == list(range(10))
    assert len(load_dataset("mnist5k", limit=9999)) == 5000


def test_other_sizes_and_channels_only_on_request():
    with pytest.raises(UserError, match=r"'mnist5k' are 28x28x1, not 32x32x1: give --resize"):
        load_dataset("mnist5k", image_size=32)
    with pytest.raises(UserError, match=r"'mnist5k' are 28x28x1, not 28x28x3: give --resize"):
        load_dataset("mnist5k", channels=3)
    own = load_dataset("mnist5k", limit=5)
    same = load_dataset("mnist5k", limit=5, image_size=28, channels=1)
    assert (own.fingerprint, own.notes) == (same.fingerprint, ())
    colour = load_dataset("mnist5k", limit=5, channels=3, resize=True)
    assert np.array_equal(colour.images, own.images.repeat(3, axis=3))
    assert colour.notes == ("images of 'mnist5k' were converted from 28x28x1 to 28x28x3",)
    assert colour.fingerprint not in ("", own.fingerprint)
    half = load_dataset("mnist5k", limit=5, image_size=14, resize=True).images
    assert np.abs(half - own.images.reshape(5, 14, 2, 14, 2, 1).mean(axis=(2, 4))).max() <= 0.5
    assert load_dataset("mnist5k", limit=5, image_size=32, resize=True).image_shape == (32, 32, 1)


def test_a_prepared_dataset_is_converted_on_disk(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 12, 3), np.uint8)
    labels = np.arange(20) % 2
    prepared_from(tmp_path / "out", images, labels=labels, label_names=["even", "odd"])
    with pytest.raises(UserError, match=r"are 8x12x3, not 4x4x1: give --resize"):
        load_dataset(tmp_path / "out", image_size=4, channels=1)
    for _ in range(2):
        dataset = load_dataset(tmp_path / "out", image_size=4, channels=1, resize=True, classes="odd")
        assert isinstance(dataset.images, StoredImages)
        assert (dataset.image_shape, dataset.labels.tolist()) == ((4, 4, 1), [1] * 10)
    square = images[1::2, :, 2:10].reshape(10, 4, 2, 4, 2, 3).mean(axis=(2, 4)) @ [0.299, 0.587, 0.114]
    assert np.abs(dataset.images[:][..., 0] - square).max() <= 1.01
    assert load_dataset(tmp_path / "out").image_shape == (8, 12, 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"limit": 0}, "limit=0 must be a whole number of at least 1"),
        ({"image_size": -64}, "image_size=-64 must be"),
        ({"image_size": 2.5}, "image_size=2.5 must be"),
        ({"image_size": True}, "image_size=True must be"),
        ({"channels": 2}, r"channels=2 must be 1 \(gray\) or 3 \(colour\)"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(UserError, match=message):
        load_dataset("mnist5k", **options)


def test_a_name_that_hides_a_folder_is_asked_about(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fake").mkdir()
    assert len(load_dataset("fake")) == 1000  # there is nothing in it
    (tmp_path / "fake" / "a.png").write_bytes(encoded(noise(0)))
    with pytest.raises(UserError, match=r"give './fake' for the folder, or 'named:fake' for the dataset"):
        load_dataset("fake")
    assert len(load_dataset("./fake", image_size=15)) == len(load_dataset(Path("fake"), image_size=15)) == 1
    assert len(load_dataset("named:fake")) == 1000
    assert load_dataset("named:fake").name == "fake"


def test_data_from_disk_have_an_absolute_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepared_from(tmp_path / "out", np.zeros((3, 8, 8, 3), np.uint8))
    assert load_dataset("out").name == str(tmp_path / "out")


def test_what_is_of_folders_only_is_refused_elsewhere(tmp_path):
    prepared_from(tmp_path / "out", np.zeros((3, 8, 8, 3), np.uint8))
    with pytest.raises(UserError, match=r"stretch cannot be had of 'mnist5k', whose pictures are prepared already"):
        load_dataset("mnist5k", stretch=True)
    with pytest.raises(UserError, match=r"stretch and all_frames cannot be had of .*out'"):
        load_dataset(tmp_path / "out", stretch=True, all_frames=True)


def test_a_dataset_is_taken_as_it_is_and_what_is_asked_of_it_is_done():
    digits = load_dataset("mnist5k", limit=50)
    assert load_dataset(digits).fingerprint == digits.fingerprint
    assert np.unique(load_dataset(digits, classes=[3, 7]).labels).tolist() == [3, 7]
    assert load_dataset(digits, image_size=14, resize=True).image_shape == (14, 14, 1)
    with pytest.raises(UserError, match="are 28x28x1, not 14x14x1: give --resize"):
        load_dataset(digits, image_size=14)
    assert load_dataset(digits).notes == ()
    nearly_black = Dataset("mine", digits.images // 128)
    assert load_dataset(nearly_black).notes == (
        "these images use little of the range 0 to 255: nearly all pixels are from 0 to 1",
    )
    with pytest.raises(UserError, match="'mnist5k' is in memory: stretch cannot be had of it"):
        load_dataset(digits, stretch=True)
