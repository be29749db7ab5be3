"""A labels.csv beside pictures: classes or attributes, and what is wrong with it in one line."""

import hashlib
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from drawn_pictures import encoded, noise
from PIL import Image

from data_prep.anime import anime
from dcgan_tf.data import datasets, folders
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.labels import picture_labels
from dcgan_tf.data.labels.label_files import label_files_among, read_labels
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.sources import open_source
from dcgan_tf.system.errors import UserError


@pytest.fixture
def pets(tmp_path):
    """Four pictures in a folder, and what writes its labels.csv."""
    return folder_of(tmp_path / "pets", "a.png", "b.png", "c.png", "d.png")


def folder_of(folder, *names):
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(noise(index)))
    return folder


def zip_of(folder, inside=""):
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, inside + path.relative_to(folder).as_posix())
    return folder.with_suffix(".zip")


def load(folder, text=None, name="labels.csv", **options):
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    return load_dataset(folder, image_size=10, **options)


ATTRIBUTES = "file,Hat,Male\nd.png,1,0\nc.png,1,1\na.png,0,0\nb.png,1,0\n"


def test_columns_of_zeros_and_ones_are_attributes(pets):
    dataset = load(pets, ATTRIBUTES)
    assert (dataset.labels.dtype, dataset.labels.tolist()) == (np.uint8, [[0, 0], [1, 0], [1, 1], [1, 0]])
    assert dataset.label_names == ("Hat", "Male")
    assert dataset.notes[1:] == ("its labels.csv gives 2 attributes: Hat (3), Male (1)",)  # it is no skipped file
    assert len(load(pets, classes="Hat")) == 3 and len(load(pets, classes="hat,male")) == 1
    with pytest.raises(UserError, match=r"has no class 'Hut'. Did you mean 'Hat'"):
        load(pets, classes="Hut")


def test_one_column_is_classes(pets):
    dataset = load(pets, "file_name,breed\na.png,pug\nb.png,boxer\nc.png,pug\nd.png,pug\n", name="metadata.csv")
    assert (dataset.labels.dtype, dataset.labels.tolist()) == (np.int64, [1, 0, 1, 1])
    assert dataset.label_names == ("boxer", "pug")
    assert dataset.notes[1:] == ("its metadata.csv gives 2 classes: boxer (1), pug (3)",)
    assert len(load(pets, classes="pug")) == 3


@pytest.mark.parametrize(
    "column, labels, names",
    [
        ("breed 10 9 10 -1", [2, 1, 2, 0], ("-1", "9", "10")),  # as numbers, not as texts
        ("breed 3.0 1.0 3.0 3.0", [1, 0, 1, 1], ("1", "3")),
        ("label 0 1 0 1", [0, 1, 0, 1], ("0", "1")),
        ("Category -1 1 1 1", [0, 1, 1, 1], ("-1", "1")),
        ("hat 0 1 0 1", [[0], [1], [0], [1]], ("hat",)),
        ("hat -1 1 1 1", [[0], [1], [1], [1]], ("hat",)),
        ("hat True False True true", [[1], [0], [1], [1]], ("hat",)),
        ("hat True 0 1 false", [[1], [0], [1], [0]], ("hat",)),
        ("breed 2 +1 01 1", [1, 0, 0, 0], ("1", "2")),
        ("breed 02 01 02 01", [1, 0, 1, 0], ("01", "02")),
        ("hat no Yes no no", [[0], [1], [0], [0]], ("hat",)),
        ("hat 1.0 0.0 1 1", [[1], [0], [1], [1]], ("hat",)),
        ("hat 1 1 1 1", [[1], [1], [1], [1]], ("hat",)),
        ("hat yes no maybe no", [2, 1, 0, 1], ("maybe", "no", "yes")),
    ],
)
def test_what_one_column_is(pets, column, labels, names):
    header, *cells = column.split()
    dataset = load(pets, f"id,{header}\n" + "".join(f"{a}.png,{cell}\n" for a, cell in zip("abcd", cells, strict=True)))
    assert (dataset.labels.tolist(), dataset.label_names) == (labels, names)


@pytest.mark.parametrize(
    "text",
    [
        "file,hat\n./a.png,1\n.\\b.png,0\nin/c.png,1\nin\\d.png,0\n",
        "\ufefffile;hat\r\na.png;1\r\n\r\nb.png;0\r\nin/c.png;1\r\nin/d.png;0;\r\n".replace("0;\r", "0\r"),
        'file\that\n"a.png"\t1\nb.png\t 0\nin/c.png\t1\nin/d.png\t0\n',
        "hat,,File_Name\n1,,a.png\n0,,b.png\n1,,in/c.png\n0,,in/d.png\n",
        "id,hat\na,1\nb,0\nin/c,1\nin/d,0\n",
        "file,hat\na.png,1\na.png,1\nb.png,0\nin/c.png,1\nin/d.png,0\n",
    ],
)
def test_ways_to_write_it(tmp_path, text):
    folder = folder_of(tmp_path / "pets", "a.png", "b.png", "in/c.png", "in/d.png")
    dataset = load(folder, text)
    assert dataset.labels.tolist() == [[1], [0], [1], [0]]
    assert dataset.notes[-1] == "its labels.csv gives 1 attribute: hat (2)"


@pytest.mark.parametrize(
    "header, line",
    [
        (",file,label", "{row},{file}.png,{label}"),  # as pandas writes it
        ("n,label,file", "{row},{label},./{file}.png"),
        (",file_name,label", "{row},{file},{label}"),
        ("id,label,url", "{file},{label},http://x/{row}.png"),
        (",label", "{file},{label}"),
    ],
)
def test_row_numbers_in_front_are_no_file_names(header, line):
    rows = [line.format(row=row, file=29 - row, label="bright" if row % 3 else "dark") for row in range(30)]
    table = read_labels("\n".join([header, *rows]).encode(), "it", [f"{file}.png" for file in range(30)])
    assert {name.partition(".")[0]: table.classes[row] for name, row in table.rows.items()} == {
        str(29 - row): "bright" if row % 3 else "dark" for row in range(30)
    }


def test_two_columns_that_may_both_name_files_are_asked_about():
    with pytest.raises(UserError, match=r"it: its columns '' and 'id' may both name files: call one file_name"):
        read_labels(b",id,label\n0,1,x\n1,0,y\n", "it", ["0.png", "1.png"])


def test_labels_in_a_cache_that_were_read_otherwise_are_read_again(pets, monkeypatch):
    wanted = load(pets, ATTRIBUTES)
    monkeypatch.setattr(picture_labels, "_READING", 1)
    monkeypatch.setattr(picture_labels, "read_labels", lambda *_: read_labels(b"file,Cap\na,1\nb,1\nc,1\nd,0\n", "it"))
    assert load(pets).label_names == ("Cap",)
    monkeypatch.undo()
    assert (load(pets).label_names, load(pets).fingerprint) == (("Hat", "Male"), wanted.fingerprint)


@pytest.mark.parametrize("inside", ["", "all/"])
def test_a_zip_gives_the_same(pets, inside):
    dataset = load(pets, ATTRIBUTES)
    packed = load(zip_of(pets, inside))
    assert (packed.fingerprint, packed.notes[1:]) == (dataset.fingerprint, dataset.notes[1:])
    assert len(load(pets.with_suffix(".zip"), classes="Male")) == 1


def test_names_may_be_relative_to_the_folder_that_holds_all_pictures(tmp_path):
    folder = folder_of(tmp_path / "pets", "images/a.png", "images/b.png", "images/é.png")
    (folder / "README.txt").write_text("hello")
    text = "file,label\na.png,x\nb.png,y\ne\u0301.png,x\n"  # as macOS writes é
    assert load(folder, text).labels.tolist() == [0, 1, 0]
    dataset = load(folder, "file,label\na.png,\xe9\nb.png,y\ne\u0301.png,e\u0301\n")
    assert (dataset.labels.tolist(), dataset.label_names) == ([0, 1, 0], ("\xe9", "y"))


def test_a_csv_wins_over_subfolders_and_only_the_one_at_the_top_is_taken(tmp_path):
    folder = folder_of(tmp_path / "pets", "cats/a.png", "dogs/b.png")
    (folder / "dogs" / "labels.csv").write_text("file,breed\nb.png,pug\n")
    dataset = load(folder)
    assert dataset.label_names == ("cats", "dogs")
    assert "1 of 3 files were skipped: dogs/labels.csv (not an image)" in dataset.notes
    assert load(folder, "file,breed\ncats/a.png,x\ndogs/b.png,x\n").label_names == ("x",)
    assert label_files_among(["all/a.png", "all/Labels.csv"]) == ["all/Labels.csv"]
    assert label_files_among(["a.png", "in/labels.csv"]) == []


def test_only_labels_are_written_anew_when_they_change(pets, monkeypatch):
    without = load(pets)
    (cache,) = (pets.parent / "pets.dcgan_tf").iterdir()
    pixels = (cache / "images.npy").stat()
    first = load(pets, ATTRIBUTES)
    assert first.images_fingerprint == without.fingerprint and first.is_what_had(without.fingerprint)
    classes = load(pets, "file,label\na.png,x\nb.png,y\nc.png,x\nd.png,x\n")
    assert classes.labels.tolist() == [0, 1, 0, 0] and classes.label_names == ("x", "y")
    read_prepared(cache).verify()
    with monkeypatch.context() as patch:
        patch.setattr(folders, "prepare", None)  # and nothing at all when they do not
        assert load(pets).fingerprint == classes.fingerprint
    with pytest.raises(UserError, match="is empty"):
        load(pets, "")
    (pets / "labels.csv").unlink()
    again = load(pets)
    assert (again.labels, again.notes, again.fingerprint) == (None, without.notes, without.fingerprint)
    assert list(cache.parent.iterdir()) == [cache] and (cache / "images.npy").stat() == pixels


def test_a_zip_packed_anew_with_other_labels_keeps_its_pictures(pets):
    (pets / "labels.csv").write_text(ATTRIBUTES)
    first = load(zip_of(pets))
    (pets / "labels.csv").write_text(ATTRIBUTES.replace("Hat", "Cap"))
    second = load(zip_of(pets))
    assert (first.label_names, second.label_names) == (("Hat", "Male"), ("Cap", "Male"))
    assert len(list((pets.parent / "pets.zip.dcgan_tf").iterdir())) == 1


def test_without_a_label_file_the_cache_keeps_its_name(pets):
    """Nobody is to prepare anew what an older version prepared."""
    stamps = {path.name: path.stat() for path in (*pets.iterdir(), zip_of(pets))}
    packed = stamps.pop("pets.zip")
    lines = [f"{name}\0{stamp.st_size}\0{stamp.st_mtime_ns}\n" for name, stamp in sorted(stamps.items())]
    assert open_source(pets).fingerprint == hashlib.sha256("".join(lines).encode()).hexdigest()
    wanted = hashlib.sha256(f"{packed.st_size} {packed.st_mtime_ns}".encode()).hexdigest()
    assert open_source(pets.with_suffix(".zip")).fingerprint == wanted


def test_pictures_that_cannot_be_decoded_take_their_labels_along(pets):
    (pets / "b.png").write_bytes(b"broken")
    (pets / "e.png").write_bytes(b"broken, and in no row")
    dataset = load(pets, "file,label\na.png,x\nb.png,gone\nc.png,y\nd.png,x\nf.png,z\n")
    assert dataset.labels.tolist() == [0, 1, 0] and dataset.label_names == ("x", "y")
    assert dataset.notes[-1] == "its labels.csv gives 2 classes: x (2), y (1); it names 1 file not there, 'f.png'"


def test_a_mistake_found_behind_the_pictures_does_not_undo_them(pets, monkeypatch):
    with pytest.raises(UserError, match=r"lacks 1 of the 4 pictures, 'd.png'"):
        load(pets, "file,label\na.png,x\nb.png,y\nc.png,x\n")
    monkeypatch.setattr(folders, "decode", None)
    monkeypatch.setattr(folders, "own_channels", lambda source: 3)
    assert load(pets, "file,label\na.png,x\nb.png,y\nc.png,x\nd.png,x\n").labels.tolist() == [0, 1, 0, 0]


def test_all_frames_of_an_animation_have_its_labels(tmp_path):
    folder = folder_of(tmp_path / "in", "b.png")
    frames = [Image.fromarray(noise(index)) for index in range(3)]
    frames[0].save(folder / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert load(folder, "file,label\na.webp,x\nb.png,y\n", all_frames=True).labels.tolist() == [0, 0, 0, 1]


def test_free_text_is_left_out_and_it_is_said(tmp_path):
    names = [f"{'cats' if index < 15 else 'dogs'}/{index:02d}.png" for index in range(30)]
    folder = folder_of(tmp_path / "pets", *names)
    rows = "".join(f'{name},"a picture, number {index}",{index % 2}\n' for index, name in enumerate(names))
    dataset = load(folder, f"file_name,text,label\n{rows}")
    left = "left out: text (30 different values in 30 rows)"
    assert dataset.notes[-1] == f"its labels.csv gives 2 classes: 0 (15), 1 (15); {left}"
    dataset = load(folder, "file_name,text\n" + re.sub(",.\n", "\n", rows))
    of_folders = "its 2 subfolders are classes: cats (15), dogs (15)"
    assert dataset.notes[-1] == f"its labels.csv gives no labels; {left}; {of_folders}"
    many = "".join(f"{row}.png,{row % 1001},{row % 1000}\n" for row in range(3000))
    table = read_labels(f"file,id,label\n{many}".encode(), "it")
    assert table.left_out == ("id (1,001 different values in 3,000 rows)",) and table.attribute_names == ("label",)


ROWS = "a.png,1,0\nb.png,1,0\nc.png,0,0\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"labels.csv' is empty: give a header and a line for each picture, as file,label; or move the file away"),
        ("file,label\n", r"no line below its header 'file,label': add one"),
        ("a.png,x\nb.png,y\nc.png,x\nd.png,x\n", r"has no header, its first line begins with the file 'a.png': add"),
        ("a,x\nb,y\nc,x\nd,x\n", r"has no header, its first line begins with the file 'a': add"),
        ("file\na.png\n", r"has no labels, only the column 'file': add a column of classes"),
        (",file,of,label\n0,a.png,b.png,1\n", r"columns 'file' and 'of' may both name files: call one file_name"),
        (f"file,Hat,Male\n{ROWS}", r"lacks 1 of the 4 pictures, 'd.png': add a line for each, or take them out"),
        (
            "file,label\nx/a.jpg,1\nb.jpg,2\n",
            r"column 'file' names none of the 4 .*'a.png', .*\.\.\., but 'x/a.jpg', 'b.j",
        ),
        (f"file,Hat,Male\n{ROWS}d.png,2,0\n", r"labels.csv', line 5: 'Hat' is '2', and an attribute is 0 or 1"),
        (f"file,Hat,Male\n{ROWS}d.png,,0\n", r"line 5: 'Hat' is '', and an attribute"),
        (f"file,Hat,Male\n{ROWS}\nd.png,1,-1\n", r"line 6: 'Male' is '-1', and an attribute"),
        (
            "file,Hat,breed\na.png,1,pug\nb.png,0,pug\n",
            r"line 2: 'breed' is 'pug', .* or remove 'breed' or the other col",
        ),
        (
            "file,age\na.png,1\nb.png,12\nc.png,old\nd.png,3\n",
            r"line 4: 'age' is 'old', a name, and a whole number in most",
        ),
        (
            "file,age\na.png,1\nb.png,x\nc.png,y\n",
            r"line 2: 'age' is '1', a whole number, and a name in most rows: give",
        ),
        ("file,breed\na.png,pug\nb.png,\n", r"line 3: 'breed' is empty, not a class: give one, or remove"),
        ("file,breed\na.png,pug\nb.png,nan\n", r"line 3: 'breed' is nan, not a class: give one, or remove"),
        (
            f"file,Hat,Male\n{ROWS}./a.png,0,0\n",
            r"'./a.png' is there twice with different labels, in lines 2 and 5: rem",
        ),
        (f"file,Hat,hat\n{ROWS}", r"2 columns are called 'hat': give each"),
        (f"file,Hat,\n{ROWS}", r"a column has labels, but no header: give"),
        ("file,Hat\na.png,1\nb.png,1,0\n", r"line 3: it has 3 cells \('b.png,1,0'\), the header has 2: put texts that"),
        ("file,Hat\n,1\n", r"line 2: there is no file name: give one"),
        ('file,Hat\n"a.png,1\n', r"line 2: it is no CSV \(unexpected end of data\): look for a double quote"),
    ],
)
def test_a_mistake_is_one_line_that_says_where(pets, text, message):
    with pytest.raises(UserError, match=message) as caught:
        load(pets, text)
    assert "\n" not in str(caught.value) and "labels.csv'" in str(caught.value)
    assert not list(pets.parent.glob("*.dcgan_tf/*")) or "lacks" in message or "file 'a'" in message


def test_files_that_cannot_be_taken(pets):
    (pets / "labels.csv").write_bytes("file,label\na.png,Bär\n".encode("latin-1"))
    with pytest.raises(
        UserError, match=r"labels.csv' is not UTF-8, in line 2 there is the byte 0xe4: save it as UTF-8"
    ):
        load(pets)
    (pets / "metadata.csv").write_text(ATTRIBUTES)
    with pytest.raises(UserError, match=r"beside '.*labels.csv' there is 'metadata.csv', and one .*: remove the other"):
        load(pets)
    with pytest.raises(UserError, match=r"pets.zip/labels.csv' there is 'metadata.csv'"):
        load(zip_of(pets))


def test_it_is_for_people_who_prepare_by_hand_too(pets, tmp_path):
    (pets / "labels.csv").write_text(ATTRIBUTES)
    prepared = read_prepared(anime(pets, tmp_path / "out", size=16, workers=1, progress=False))
    assert prepared.label_names == ("Hat", "Male")
    assert datasets.load_dataset(tmp_path / "out").notes == ("its labels.csv gives 2 attributes: Hat (3), Male (1)",)


def test_tensorflow_is_not_imported():
    code = "import sys, dcgan_tf.data.labels.picture_labels; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
