"""Folders and zips of pictures as datasets: prepared once, nothing changed or passed over without a word."""

import errno
import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import encoded, noise
from PIL import Image

from dcgan_tf.data import folders
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.decoding import ImageError
from dcgan_tf.data.labels.picture_labels import subfolder_labels
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.sources import FolderSource
from dcgan_tf.system.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Five colour pictures of 40x30, one of them nested, and a text."""
    (tmp_path / "faces" / "more").mkdir(parents=True)
    for index in range(4):
        (tmp_path / "faces" / f"{index}.png").write_bytes(encoded(noise(index)))
    (tmp_path / "faces" / "more" / "4.jpg").write_bytes(encoded(noise(4), "JPEG"))
    (tmp_path / "faces" / "notes.txt").write_text("hello")
    return tmp_path / "faces"


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


def test_a_folder_with_the_longest_name_has_its_cache_elsewhere(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for letter in "ab":
        other = folder.rename(folder.with_name("é" * 124 + letter))  # 249 bytes
        assert len(load_dataset(other, image_size=15)) == 5
        folder = other
    assert len(list((tmp_path / "home" / "dcgan_tf").glob("é*/15x15*/images.npy"))) == 2
    assert sorted(os.listdir(tmp_path)) == ["home", folder.name]


def test_a_cache_that_lost_a_file_is_made_anew(folder):
    wanted = load_dataset(folder, image_size=15).fingerprint
    next(folder.parent.glob("faces.dcgan_tf/*/images.npy")).unlink()
    assert load_dataset(folder, image_size=15).fingerprint == wanted


def without_permission(source, index, read=FolderSource.read):
    if source.names[index] == "2.png":
        raise ImageError("cannot be read: Permission denied")
    return read(source, index)


def test_what_the_computer_could_not_read_is_taken_as_soon_as_it_can(folder, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    for name, count in (("a", 2), ("b", 1)):
        shots = heif.from_pillow(Image.fromarray(noise(0)))
        for index in range(1, count):
            shots.add_from_pillow(Image.fromarray(noise(index)))
        shots.save(folder / f"{name}.heic")
    calls = []

    def prepare(*arguments, **options):
        calls.append(arguments)
        return folders_prepare(*arguments, **options)

    def counts(**options):
        return len(load_dataset(folder, image_size=15, **options)), len(calls)

    folders_prepare = folders.prepare
    monkeypatch.setattr(folders, "prepare", prepare)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pillow_heif", None)
        patch.setattr(FolderSource, "read", without_permission)
        assert [counts(), counts(), counts(all_frames=True)] == [(4, 1), (4, 1), (4, 2)]
        patch.delitem(sys.modules, "pillow_heif")
        assert [counts(), counts(), counts(all_frames=True)] == [(6, 3), (6, 3), (7, 4)]
    assert [counts(), counts(), counts(all_frames=True)] == [(7, 5), (7, 5), (8, 6)]
    assert len(list((folder.parent / "faces.dcgan_tf").iterdir())) == 2  # nothing of the old ones is left
    with monkeypatch.context() as patch:
        patch.setattr(FolderSource, "read", without_permission)  # what is prepared already stays
        assert counts() == (7, 6)


def test_an_outdated_cache_that_may_not_be_changed_is_used_as_it_is(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FolderSource, "read", without_permission)
        assert len(load_dataset(folder, image_size=15)) == 4
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda path, target: os.rename(path / "nothing", target))
        assert len(load_dataset(folder, image_size=15)) == 4
    assert len(load_dataset(folder, image_size=15)) == 5


def test_a_relative_path_and_a_home_path(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(load_dataset(".", image_size=15)) == 5
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(load_dataset("~/faces", image_size=15)) == 5
    assert sorted(os.listdir(folder.parent)) == ["faces", "faces.dcgan_tf"]


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


def test_pictures_without_any_colour_are_gray_however_they_are_stored(tmp_path):
    (tmp_path / "gifs").mkdir()
    indices = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    for name, palette in (("a", [255 - value // 3 for value in range(768)]), ("b", [0, 0, 0, 9, 9, 9] * 128)):
        image = Image.fromarray(indices, "P")
        image.putpalette(palette)
        image.save(tmp_path / "gifs" / f"{name}.gif")
    assert load_dataset(tmp_path / "gifs", image_size=16).image_shape == (16, 16, 3)  # as stored
    gray = load_dataset(tmp_path / "gifs", image_size=16, channels=1)
    assert np.array_equal(gray.images[:][..., 0], [255 - indices, indices % 2 * 9]) and len(gray.notes) == 1
    image.putpalette([0, 0, 0, 9, 9, 8] * 128)
    image.save(tmp_path / "gifs" / "b.gif")
    with pytest.raises(UserError, match=r"1 is colour, not gray \(b.gif of 16x16\): give --resize"):
        load_dataset(tmp_path / "gifs", image_size=16, channels=1)


def test_skipped_files_are_counted_and_named(folder):
    for index in range(9):
        (folder / f"broken{index}.jpg").write_bytes(encoded(noise(index), "JPEG")[: 100 * index])
    (folder / ".hidden.png").touch()
    notes = load_dataset(folder, image_size=15).notes
    assert notes[1].startswith("10 of 15 files were skipped: broken0.jpg (empty file), broken1.jpg (")
    assert "index.csv" in notes[1]
    assert notes[2] == "1 hidden files were passed over"


# ---------------------------------------------------------------------------------------------- subfolders, labels


def write(folder, **pictures):
    """Pictures at these places ("__" for "/") of a folder: what is given, or noise."""
    for index, (name, data) in enumerate(pictures.items()):
        path = folder / (name.replace("__", "/") + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or encoded(noise(index)))
    return folder


def test_one_subfolder_per_class_labels_the_pictures(tmp_path):
    pets = write(tmp_path / "pets", dogs__1=None, cats__deep__2=None, cats__1=None, dogs__2=None, birds__1=None)
    (pets / "README").write_text("no picture, and no class")
    (pets / "docs").mkdir()
    (pets / "docs" / "a.txt").write_text("no picture, and no class")
    dataset = load_dataset(pets, image_size=15)
    assert dataset.label_names == ("birds", "cats", "dogs")
    assert dataset.labels.tolist() == [0, 1, 1, 2, 2]
    assert dataset.notes[-1] == "its 3 subfolders are classes: birds (1), cats (2), dogs (2)"
    cats = load_dataset(pets, image_size=15, classes="cats")
    assert np.array_equal(cats.images[:], dataset.images[1:3])
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:  # all in one folder, as zips are
        for path in sorted(pets.rglob("*.png")):
            archive.write(path, Path("all", path.relative_to(pets)))
    assert load_dataset(tmp_path / "pets.zip", image_size=15).fingerprint == dataset.fingerprint


@pytest.mark.parametrize(
    "names, labels, classes, note",
    [
        (["a.png", "b.png"], None, None, ""),
        (["all/a.png", "all/b.png"], None, None, ""),
        (["all/x/a.png", "all/y/b.png"], [0, 1], ["x", "y"], "its 2 subfolders are classes: x (1), y (1)"),
        (["all\\y\\a.png", "all\\x\\b.png"], [1, 0], ["x", "y"], "its 2 subfolders are classes: x (1), y (1)"),
        (["x/a.png", "x/deep/c.png", "xx/b.png"], [0, 0, 1], ["x", "xx"], "its 2 .*x \\(2\\), xx \\(1\\)"),
        (["cafe\u0301/a.png", "caff/b.png"], [0, 1], ["caf\xe9", "caff"], "classes: caf\xe9 (1), caff (1)"),  # of macOS
        (["caf\xe9/a.png", "cafe\u0301/b.png"], [0, 0], ["caf\xe9"], "classes: caf\xe9 (2)"),
        (["caf\udce9/a.png", "x/b.png"], [0, 1], ["caf\\udce9", "x"], r"caf\\udce9 \(1\), x \(1\)"),
        (["a.png", "x/b.png", "y/c.png"], None, None, "are not taken as classes: 1 picture lies beside them, a.png"),
    ],
)
def test_what_subfolders_say_of_labels(names, labels, classes, note):
    found, found_classes, said = subfolder_labels(names)
    assert (found if found is None else found.tolist()) == labels
    assert found_classes == classes
    assert re.search(note, said) if "\\" in note else said.endswith(note)


def test_names_that_are_no_text_are_written_as_they_can_be(tmp_path):
    folder = tmp_path / os.fsdecode(b"p\xe9ts")  # in Latin-1, as old disks have it
    for name in (b"caf\xe9/a.png", b"caf\xe9/b.png", b"caf\xe8/a.png"):
        write(folder, **{os.fsdecode(name).removesuffix(".png").replace("/", "__"): None})
    os.symlink("nowhere", folder / os.fsdecode(b"l\xe9.png"))
    first = load_dataset(folder, image_size=15)
    assert (first.labels.tolist(), first.label_names) == ([0, 1, 1], ("caf\\udce8", "caf\\udce9"))
    assert first.name.endswith("p\\udce9ts") and "left out: l\\udce9.png (a link" in " ".join(first.notes)
    for one in ("caf\\udce9", os.fsdecode(b"caf\xe9")):
        assert len(load_dataset(folder, image_size=15, classes=one)) == 2
    (cache,) = folder.with_name(folder.name + ".dcgan_tf").iterdir()
    assert json.loads((cache / "dataset.json").read_text())["source"] == "folder p\\udce9ts"
    rows = [f"{name},x\n" for name in read_prepared(cache).names()]
    (folder / "labels.csv").write_text("".join(["file,label\n", *rows]))
    assert load_dataset(folder, image_size=15).label_names == ("x",)
    (folder / "labels.csv").unlink()
    again = load_dataset(folder, image_size=15)  # only the labels are written anew, from the same names
    assert (again.label_names, again.fingerprint) == (first.label_names, first.fingerprint)


def test_pictures_beside_subfolders_leave_all_without_labels_and_it_is_said(folder):
    (folder / "others").mkdir()
    (folder / "others" / "1.png").write_bytes(encoded(noise(7)))
    dataset = load_dataset(folder, image_size=15)
    assert dataset.labels is None
    assert dataset.notes[-1] == "its subfolders are not taken as classes: 4 pictures lie beside them, 0.png"
    with pytest.raises(UserError, match=r"has no labels, .*when each class is a subfolder, with no pictures beside"):
        load_dataset(folder, image_size=15, classes="more")


def test_a_cache_that_cannot_be_read_at_the_moment_is_not_made_anew(tmp_path, monkeypatch):
    pets = write(tmp_path / "pets", dogs__1=None, cats__1=None)
    load_dataset(pets, image_size=15)
    (cache,) = (tmp_path / "pets.dcgan_tf").iterdir()
    before = (cache / "images.npy").stat()

    def too_many(path):
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("dcgan_tf.data.prepared.StoredImages", too_many)
        with pytest.raises(UserError, match=r"images.npy' cannot be read"):
            load_dataset(pets, image_size=15)
    load_dataset(pets, image_size=15)
    assert (cache / "images.npy").stat() == before


def test_a_cache_of_a_version_without_labels_is_given_them(tmp_path):
    pets = write(tmp_path / "pets", dogs__1=None, cats__1=None)
    wanted = load_dataset(pets, image_size=15)
    (cache,) = (tmp_path / "pets.dcgan_tf").iterdir()
    metadata = json.loads((cache / "dataset.json").read_text())
    old = {name: metadata[name] for name in ("format", "source", "settings", "counts", "dropped", "first_dropped")}
    old |= {"flags": {}, "image_shape": [15, 15, 3], "label_names": None}
    old |= {"fingerprint": metadata["images_fingerprint"], "key": metadata["key_without_labels"]}
    (cache / "dataset.json").write_text(json.dumps(old))
    (cache / "labels.npy").unlink()
    pixels = (cache / "images.npy").stat()
    again = load_dataset(pets, image_size=15)
    assert (again.fingerprint, again.notes) == (wanted.fingerprint, wanted.notes)
    assert again.is_what_had(old["fingerprint"])  # a run of that time can go on
    assert (cache / "images.npy").stat() == pixels


# -------------------------------------------------------------------------- what would otherwise pass without a word


def test_a_picture_that_is_too_small_is_named(tmp_path):
    place = write(tmp_path / "in", a=None, b=None, tiny=encoded(noise(5, 9, 12)))
    with pytest.raises(UserError, match=r"1 is smaller than 20x20 \(tiny.png of 12x9\): .*--resize.*N at most 9"):
        load_dataset(place, image_size=20)


def test_what_a_run_left_among_the_pictures_is_no_picture(folder):
    before = load_dataset(folder, image_size=15)
    (folder / "results" / "run" / "grids").mkdir(parents=True)
    (folder / "results" / "run" / "config.json").write_text("{}")
    (folder / "results" / "run" / "grids" / "epoch_0001.png").write_bytes(encoded(noise(8)))
    after = load_dataset(folder, image_size=15)
    assert after.fingerprint == before.fingerprint
    assert set(after.notes) - set(before.notes) == {"left out: results/run (a run of this project)"}


def test_pictures_that_use_little_of_the_range_can_be_stretched(tmp_path):
    (tmp_path / "xray").mkdir()
    values = [np.random.default_rng(index).integers(100, 4000, (20, 20)).astype(np.uint16) for index in range(3)]
    for index, pixels in enumerate(values):
        Image.fromarray(pixels).save(tmp_path / "xray" / f"{index}.png")
    dark = load_dataset(tmp_path / "xray", image_size=20)
    assert dark.images[:].max() == 16
    assert re.fullmatch(
        r"these images use little .*: nearly all pixels are from 0 to 16; --stretch \(stretch=True\) spreads .*",
        dark.notes[-1],
    )
    bright = load_dataset(tmp_path / "xray", image_size=20, stretch=True)
    assert len(bright.notes) == 1
    (cache,) = (tmp_path / "xray.dcgan_tf").glob("*-stretched-*")
    low, high = 65535 * np.array(read_prepared(cache).metadata["settings"]["levels"])
    assert 100 <= low < 120 and 3980 < high <= 4000
    wanted = np.clip((values[1] - low) / (high - low), 0, 1) * 255
    assert np.abs(bright.images[1][:, :, 0] - wanted).max() <= 0.501
    assert bright.fingerprint != dark.fingerprint


def test_frames_that_are_left_are_counted_and_can_be_taken(tmp_path):
    (tmp_path / "in").mkdir()
    frames = [Image.fromarray(noise(index, 20, 20)) for index in range(4)]
    frames[0].save(tmp_path / "in" / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    frames[2].save(tmp_path / "in" / "b.tiff", save_all=True, append_images=frames[3:])
    frames[1].save(tmp_path / "in" / "c.png")
    first = load_dataset(tmp_path / "in", image_size=20)
    assert np.array_equal(first.images[:], np.stack([frames[0], frames[2], frames[1]]))
    assert first.notes[1].startswith("of 2 animations or stacks of pages the first picture was taken, and 4 were left")
    everything = load_dataset(tmp_path / "in", image_size=20, all_frames=True)
    assert np.array_equal(everything.images[:], np.stack([*frames, frames[2], frames[3], frames[1]]))
    assert len(everything.notes) == 1


def test_small_pictures_can_be_left_out(folder):
    (folder / "large.png").write_bytes(encoded(noise(9, 50, 60)))
    with pytest.raises(UserError, match=r"5 are smaller than 40x40 .*, or leave them out \(--drop-small, drop_small=T"):
        load_dataset(folder, image_size=40)
    dataset = load_dataset(folder, image_size=40, drop_small=True)
    assert len(dataset) == 1 and "/40x40xown-without_small-" in str(dataset.images.path).replace("\\", "/")
    assert dataset.notes[1:3] == (
        "5 of 7 files are pictures smaller than 40x40, and were left out",
        "1 of 7 files were skipped: notes.txt (not an image)",
    )
    assert dataset.options == ("drop_small",) and load_dataset(dataset, drop_small=True) is dataset
    with pytest.raises(UserError, match="is in memory: stretch cannot be had of it"):
        load_dataset(dataset, drop_small=True, stretch=True)
    both = load_dataset(folder, image_size=40, drop_small=True, resize=True)
    assert len(both) == 1 and both.options == ("drop_small", "resize")
    with pytest.raises(UserError, match=r"no usable picture in .* all of its 7 files .*\(smaller than 64x64: 30x40\)"):
        load_dataset(folder, drop_small=True)
