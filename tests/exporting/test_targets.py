"""What was exported before is replaced, and nothing else is."""

import os
from pathlib import Path

import pytest

from dcgan_tf.exporting.targets import check_folder, new_folder
from dcgan_tf.system.errors import UserError


def export_to(folder, contents="weights"):
    with new_folder(folder, "saved-model", {}) as temporary:
        (temporary / "variables").mkdir()
        (temporary / "variables" / "data").write_text(contents)


def test_an_earlier_export_is_replaced_when_the_new_one_is_whole(tmp_path):
    folder = tmp_path / "model"
    export_to(folder)
    export_to(folder, "newer weights")
    with pytest.raises(ZeroDivisionError), new_folder(folder, "saved-model", {}):
        raise ZeroDivisionError
    assert (folder / "variables" / "data").read_text() == "newer weights"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_killed_at_any_moment_it_can_be_exported_again(tmp_path, monkeypatch):
    folder, rename, moments = tmp_path / "model", os.rename, []
    export_to(folder)
    (folder / ".0123abcd.partial").mkdir()
    (folder / ".0123abcd.partial" / "saved_model.pb").touch()

    def watched(*paths):
        rename(*paths)
        check_folder(folder, "saved-model")
        moments.append(paths)

    monkeypatch.setattr("dcgan_tf.system.files.os.rename", watched)
    export_to(folder, "newer weights")
    assert len(moments) == 4 and (folder / "variables" / "data").read_text() == "newer weights"


def test_the_folder_that_one_stands_in_is_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for contents in ("weights", "newer weights"):
        export_to(Path("."), contents)
        assert Path("variables/data").read_text() == contents and sorted(Path().iterdir())[1:] == [Path("variables")]


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("README", "mine", "README' is not part of the export"),
        ("variables/data", "changed", "data' was changed since the export"),
        ("export.json", '{"kind": "web", "files": {}}', "no earlier export of this kind"),
        ("export.json", "[]", "no earlier export of this kind"),
    ],
)
def test_what_a_person_put_there_is_not_replaced(tmp_path, name, contents, message):
    export_to(tmp_path / "model")
    (tmp_path / "model" / name).write_text(contents)
    with pytest.raises(UserError, match=message):
        check_folder(tmp_path / "model", "saved-model")
    with pytest.raises(UserError, match=message):
        export_to(tmp_path / "model")
    assert (tmp_path / "model" / name).read_text() == contents


def test_of_two_exports_at_once_the_later_one_stays_and_a_file_that_came_meanwhile_does(tmp_path):
    folder = tmp_path / "model"

    def export(text):
        with new_folder(folder, "saved-model", {}) as temporary:
            (temporary / "a").write_text(text)
            yield
        yield

    one, other, third = export("one"), export("other"), export("third")
    for step in (one, other, other, one):
        next(step)
    assert (folder / "a").read_text() == "one" and len(list(tmp_path.iterdir())) == 1
    next(third)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"mine.txt' is not part of the export: move it away"):
        next(third)
    assert (folder / "a").read_text() == "one" and (folder / "mine.txt").read_text() == "mine"
