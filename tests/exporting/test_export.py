"""export(), and the command of the same name."""

import pytest
from commands import run_cli

from dcgan_tf.exporting import onnx
from dcgan_tf.exporting.export import export
from dcgan_tf.system.errors import UserError


def test_mistakes_are_one_line(run, tmp_path, monkeypatch):
    for arguments, words in (
        (["export", run.path], "at least one of --web, --onnx, --saved-model"),
        (["export", "--onnx", run.path], "give the run before the options"),
        (["export", tmp_path / "nothing", "--onnx"], "is not a run directory"),
    ):
        status, output, errors = run_cli(*arguments)
        assert (status, output) == (2, "") and words in errors and len(errors.splitlines()) == 1
    monkeypatch.setattr(onnx.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else True)
    status, _, errors = run_cli("export", run.path, "--onnx", tmp_path / "x.onnx")
    assert status == 2 and errors.endswith("needs tf2onnx, not installed here: pip install tf2onnx\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"web": "out", "onnx": "out/g.onnx"}, "the exports to 'out' and 'out/g.onnx' would overwrite one another"),
        ({"web": "out/../o", "saved_model": "o"}, r"the exports to 'o' and 'out/\.\./o' would overwrite one another"),
        ({"web": "out", "onnx": "g.txt"}, r"'g\.txt': give the name of a file ending in \.onnx"),
        ({"onnx": "g.onnx", "saved_model": "taken"}, "'taken' is not empty and is no earlier export of this kind"),
    ],
)
def test_all_places_are_looked_at_before_anything_is_written(run, tmp_path, monkeypatch, places, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes").touch()
    with pytest.raises(UserError, match=message):
        export(run.path, **places)
    assert [path.name for path in tmp_path.rglob("*")] == ["taken", "notes"]
