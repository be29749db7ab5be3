"""export(), and the command of the same name."""

from commands import run_cli

from dcgan_tf.exporting import onnx


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
