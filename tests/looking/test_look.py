"""look(): what is in a folder, what it needs, and that the command it gives trains."""

import os
import shlex
import zipfile
from unittest.mock import Mock

import numpy as np
import pytest
from commands import run_cli
from drawn_pictures import encoded
from PIL import Image

import dcgan_tf
from dcgan_tf.data.sources import open_source
from dcgan_tf.data.survey.survey import survey
from dcgan_tf.looking.advice import advise, suggested_size
from dcgan_tf.looking.look import usual_output
from dcgan_tf.networks.quick import check_size
from dcgan_tf.system.errors import UserError
from dcgan_tf.training import train as train_module


def shapes(seed, side=70, channels=3):
    """A picture of a few large areas, as photographs have them; noise has none."""
    areas = np.random.default_rng(seed).integers(0, 256, (6, 6, channels), np.uint8)
    picture = Image.fromarray(areas if channels == 3 else areas[:, :, 0]).resize((side, side), Image.BICUBIC)
    return np.asarray(picture)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 20; beside them one of each kind that a report has a word for."""
    path = tmp_path_factory.mktemp("mine") / "pets"
    for number in range(40):
        place = path / ("cat" if number % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02d}.png").write_bytes(encoded(shapes(number)))
    Image.fromarray(shapes(1)).resize((140, 140)).save(path / "cat" / "x1.jpg", quality=60)
    (path / "dog" / "same.png").write_bytes((path / "dog" / "00.png").read_bytes())
    (path / "cat" / "small.png").write_bytes(encoded(shapes(41, 30)))
    (path / "cat" / "y-gray.png").write_bytes(encoded(shapes(42, channels=1)))
    see_through = Image.fromarray(shapes(43)).convert("RGBA")
    see_through.putalpha(200)
    see_through.save(path / "dog" / "clear.png")
    moving = [Image.fromarray(shapes(number)) for number in (44, 45, 46)]
    moving[0].save(path / "dog" / "moves.webp", save_all=True, append_images=moving[1:], lossless=True)
    (path / "cat" / "notes.txt").write_text("hello")
    (path / "dog" / "cut.png").write_bytes(encoded(shapes(47))[:900])
    (path / ".hidden").write_text("")
    return path


@pytest.fixture(scope="module")
def found(folder):
    before = sorted(folder.parent.rglob("*"))
    found = dcgan_tf.look(folder, output=folder.parent / "sheets" / "look.png", workers=1)
    after = {folder.parent / "sheets", folder.parent / "sheets" / "look.png"}
    assert set(folder.parent.rglob("*")) - set(before) == after  # nothing is prepared
    return found


def test_what_was_found_is_said(found, folder):
    assert found.findings == {
        "pictures": "46 of 48 files can be used; 1 hidden passed over",
        "left out": "1 not an image: cat/notes.txt",
        "left out 2": "1 damaged: dog/cut.png",
        "formats": "PNG 44, JPEG 1, WEBP 1",
        "sizes": "30x30 to 140x140, the middle one 70x70; 1 smaller than 64x64: cat/small.png",
        "kinds": "1 gray; 1 transparent, laid over white; 1 with several frames or pages, of which the first is taken: "
        "--all-frames takes 2 more",
        "values": f"nearly all from {found.findings['values'].split()[3]} to 255",
        "labels": "its 2 subfolders are classes: cat (23), dog (23)",
        "near-duplicates": "2 nearly the same as one before (1 to the last bit): cat/x1.jpg is cat/01.png, "
        "dog/same.png is dog/00.png",
    }
    table = found.table.set_index("name")
    assert len(table) == 48 and table.loc["cat/x1.jpg", "near_duplicate_of"] == "cat/01.png"
    assert table.loc["dog/clear.png", "label"] == "dog" and table.loc["dog/cut.png", "label"] == ""
    assert table.loc["cat/small.png", ["width", "height"]].tolist() == [30, 30]
    with Image.open(folder.parent / "sheets" / "look.png") as sheet:
        assert sheet.width > 700 and sheet.height > 200
    assert "<pre>" in found._repr_html_() and str(found).count("\n") > 12


def test_the_command_trains(found, folder, tmp_path, monkeypatch):
    """Up to where the first step would be made: recipes train in test_gan.py."""
    monkeypatch.chdir(tmp_path)
    gans = []
    monkeypatch.setattr(train_module, "Training", lambda run, lease, gan, *more: gans.append(gan) or Mock())
    monkeypatch.setattr(train_module, "monitor_for", Mock())
    words = shlex.split(found.command)
    assert words[:4] == ["python", "-m", "dcgan_tf", "train"]
    assert words[4:] == ["--dataset", str(folder), "--drop-small", "--evaluate-every", "500", "--recipe", "few"]
    status, output, error = run_cli(*words[3:])
    assert status == 0, error
    (run,) = (tmp_path / "results").iterdir()
    config = dcgan_tf.Run(run).config
    assert gans[0].recipe.name == config["recipe"]["name"] == "few_colour" and config["dataset"]["drop_small"]
    assert config["dataset"]["images"] == 45 and "1 of 48 files are pictures smaller than 64x64" in output
    assert "are few" not in output


def test_mistakes_are_one_line_and_a_zip_is_looked_at_too(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("some.zip", "w") as archive:
        for number in range(5):
            archive.write(folder / "dog" / f"{2 * number:02d}.png", f"{number}.png")
    status, output, _ = run_cli("look", "some.zip")
    assert status == 0 and "5, all of which can be used" in output and "--batch-size 5" in output
    assert (tmp_path / "results" / "look-some.zip.png").is_file()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "labels.csv").write_text("file,label\na.png,x\n")
    (tmp_path / "texts" / "a.txt").write_text("hello")
    for arguments, words in (
        (["texts"], "no usable picture in 'texts': none of its 1 files is one: a.txt (not an image)"),
        (["nothing"], "unknown dataset 'nothing'"),
        ([folder, "--output", folder / "look.png"], "would lie among the pictures"),
        ([folder, "--output", "look.jpg"], "must be the name of a PNG file"),
        ([folder, "--image-size", "0"], "image_size=0 must be a whole number of at least 1"),
        ([folder, "--workers", "0"], "workers=0 must be a whole number of at least 1"),
        ([folder, "--workers", "-3"], "workers=-3 must be a whole number of at least 1"),
    ):
        status, _, error = run_cli("look", *arguments)
        assert status == 2 and words in error and error.count("\n") == 1, error
    (tmp_path / "texts" / "b.png").write_bytes(encoded(shapes(0)))
    found = dcgan_tf.look("texts", workers=1)
    assert found.command == "" and "labels.csv' " in found.reasons[0] and found.reasons[0].startswith("first: ")
    monkeypatch.chdir(folder)
    status, output, _ = run_cli("look", ".")
    assert status == 0 and not (folder / "results").exists()


def test_what_pictures_need(tmp_path):
    assert [suggested_size(np.array(sides)) for sides in ([40, 40], [28], [500, 64, 90], [16, 20])] == [40, 28, 64, 28]
    assert suggested_size(np.array([30] + [64] * 20)) == 64 and suggested_size(np.array([30, 64, 64])) == 28
    assert suggested_size(np.array([50, 33, 60])) == 32
    assert [check_size((size, size, 3)) for size in (28, 32, 48, 64, 128)] == [None] * 5
    for number in range(30):
        gray = shapes(number, 20, 1) // 8  # dark, and all of it stored as colour
        place = tmp_path / "abc"[number % 3]
        place.mkdir(exist_ok=True)
        (place / f"{number}.png").write_bytes(encoded(gray[..., None].repeat(3, 2)))
    advice = advise(survey(open_source(tmp_path), workers=1, progress=False), classes=("a", "b", "c"))
    assert advice.command("x y") == (
        "python -m dcgan_tf train --dataset 'x y' --resize --stretch --evaluate-every 500 --recipe few --batch-size 30 "
        "--set image_size=28 --set channels=1 --set horizontal_flips=false"
    )
    dataset = dcgan_tf.load_dataset(tmp_path, image_size=28, channels=1, resize=True, stretch=True)
    assert dataset.image_shape == (28, 28, 1) and dataset.images[:].max() == 255


def test_nothing_is_advised_that_train_refuses(tmp_path):
    (tmp_path / "one.png").write_bytes(encoded(shapes(0, 200)))
    one = dcgan_tf.look(tmp_path, workers=1)
    assert one.command.endswith(" --recipe few --batch-size 1") and "few copies" not in str(one)
    (tmp_path / "two.png").write_bytes(encoded(shapes(1, 200)))
    assert "--evaluate-every 500" in dcgan_tf.look(tmp_path, workers=1).command
    for size, can in ((28, True), (128, True), (27, False), (500, False)):
        found = dcgan_tf.look(tmp_path, image_size=size, workers=1)
        assert found.command.endswith(f"--set image_size={size}") if can else found.command == ""
        assert can or found.reasons[0].startswith(
            f"first: quick makes images of 28 to 128 pixels, none of {size}: look"
        )


def test_what_is_prepared_or_has_a_name(tmp_path):
    found = dcgan_tf.look("fake", workers=1)
    start = "python -m dcgan_tf train --dataset fake"
    assert found.command == f"{start} --evaluate-every 500 --steps 3000 --set grid_every=100"
    assert any("--recipe few" in reason for reason in found.reasons)
    assert found.findings["near-duplicates"] == "none" and found.findings["kinds"] == "all gray"
    with pytest.raises(UserError, match="Did you mean 'mnist5k'"):
        dcgan_tf.look("mnist5")


def test_names_that_are_no_text_can_be_printed(tmp_path):
    for name in (b"p\xe9ts/caf\xe9/a.png", b"p\xe9ts/dog/\xe9.png", b"p\xe9ts/dog/\xe8.txt"):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(shapes(len(name))) if name.endswith(b"png") else b"hello")
    found = dcgan_tf.look(tmp_path / os.fsdecode(b"p\xe9ts"), workers=1)
    assert str(found).encode() and "its 2 subfolders are classes: caf\\udce9 (1), dog (1)" in str(found)
    assert found.table["name"].tolist() == ["caf\\udce9/a.png", "dog/\\udce8.txt", "dog/\\udce9.png"]
    assert found.table["label"].tolist() == ["caf\\udce9", "", "dog"]


def test_the_longest_names_have_sheets_of_their_own():
    names = [usual_output("x" * 249 + letter).name for letter in "ab"]
    assert len(set(names)) == 2 and all(name.startswith("look-xxx") and len(name) < 100 for name in names)
    assert usual_output("x" * 225).name == f"look-{'x' * 225}.png"
