"""A fork is what a Python of its own would be, but for what was imported already."""

import os
import signal
import subprocess

import forks
import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_command_line_streams_environment_and_folder_are_its_own(tmp_path):
    code = "import os, sys; print(sys.argv, os.getcwd(), os.environ['MINE'], 'dcgan_tf' in sys.modules, __name__)"
    done = forks.run(["-c", f"{code}; print('beside', file=sys.stderr); sys.exit(5)", 1], cwd=tmp_path,
                     env={**os.environ, "MINE": "yes"})  # fmt: skip
    assert done.stdout == f"['-c', '1'] {tmp_path} yes False __main__\n"
    assert (done.stderr, done.returncode) == ("beside\n", 5)
    done = forks.run(["-m", "dcgan_tf", "train", "--recipe", "qick"])
    assert done.returncode == 2 and done.stderr.startswith("error: unknown recipe 'qick'")


def test_it_ends_as_python_ends(tmp_path):
    done = forks.run(["-c", "import atexit; atexit.register(print, 'at exit'); 1 / 0"])
    assert done.returncode == 1 and done.stdout == "at exit\n" and "ZeroDivisionError" in done.stderr
    waits = ["-c", "import time; print(flush=True); time.sleep(600)"]
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = forks.start(waits)
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(60) == -number
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(waits, timeout=0)


def test_a_session_of_its_own_is_there_at_once():
    """Else a signal to what is taken for its group reaches pytest."""
    for session in (True, False):
        process = forks.start(["-c", "import time; time.sleep(600)"], session=session)
        assert (os.getpgid(process.pid) == process.pid) == session
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
