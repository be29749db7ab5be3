"""Nothing that is at work ends because a line cannot be said."""

import io
import os
import sys
from pathlib import Path

import pytest

from dcgan_tf.commands.one_run import evaluate
from dcgan_tf.sweeps.executors import child
from dcgan_tf.sweeps.sharing import Place
from dcgan_tf.system.saying import counted, prepared_output, say
from dcgan_tf.training.progress import BarProgress, PlainProgress

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["a full disk", "a pipe that nobody reads", "closed"])
def output(request):
    """A stream on which nothing can be said; pytest sets sys.stdout anew between a fixture and its test."""
    if request.param == "a full disk" and not Path("/dev/full").exists():
        pytest.skip("needs a disk that is always full")
    with open("/dev/full" if request.param == "a full disk" else _unread_pipe(), "w") as stream:
        if request.param == "closed":
            stream.close()
        yield stream


def _unread_pipe():
    read, write = os.pipe()
    os.close(read)
    return write


def test_what_nobody_hears_goes_unsaid_and_nothing_is_left_for_the_end_of_python(output, monkeypatch):
    monkeypatch.setattr(sys, "stdout", output)
    with prepared_output():
        say("a line")
        PlainProgress().say("a line")
        BarProgress().say("a line")
    assert output.closed or output.flush() is None  # which is what Python does in the end


def test_no_command_ends_because_its_lines_cannot_be_said(output, tmp_path, monkeypatch):
    module, recorded = "dcgan_tf.evaluation.evaluate", []
    monkeypatch.setattr(f"{module}.evaluate", lambda *_, say, **options: say("measuring") or {"fid": 7.0})
    monkeypatch.setattr(f"{module}.table", str)
    monkeypatch.setattr(f"{module}.record_line", lambda run, line: recorded.append(line))
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", output)
    with prepared_output():
        evaluate.callback(str(tmp_path), None, no_progress=True)
    assert recorded == [{"fid": 7.0}]
    for file in (file for folder in (ROOT / "dcgan_tf", ROOT / "data_prep") for file in folder.rglob("*.py")):
        assert "click.echo" not in file.read_text(encoding="utf-8"), file  # it would end the command


@pytest.mark.parametrize("encoding, said", [("ascii", b"r \\xe9\\u65e5"), ("cp1252", b"r \xe9\\u65e5")])
def test_a_name_that_the_output_has_no_letters_for_is_said(encoding, said, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    with prepared_output():
        print("r é日")
    assert written.getvalue().rstrip() == said


def test_the_output_of_a_sweeps_run_is_utf_8_wherever_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setattr(child, "WORKER", [sys.executable, "-c", "print('r é日')"])
    process = child.start({"folder": str(tmp_path)}, tmp_path / "log", Place())
    assert process.wait() == 0 and (tmp_path / "log").read_text(encoding="utf-8") == "r é日\n"


def test_one_of_them_is_no_plural():
    said = [counted(count, what) for count, what in ((0, "run"), (1, "run"), (1000, "run"), (1, "class"), (2, "class"))]
    assert said == ["0 runs", "1 run", "1,000 runs", "1 class", "2 classes"]
