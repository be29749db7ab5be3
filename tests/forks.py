"""Python processes that do not wait for TensorFlow: forks of one that has imported it, and has done nothing else.

Each is a process like any other: with a command line, streams, an environment and a folder of its own, that ends as
Python ends. The package itself is not imported in it beforehand. Whatever a process must do before it imports
TensorFlow, or without it, is not to be seen in a fork: such tests start a Python of their own.
"""

import atexit
import functools
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time


def run(arguments, *, cwd=None, env=None, timeout=300):
    """subprocess.run([sys.executable, *arguments], capture_output=True, text=True)."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as error:
        process = start(arguments, cwd=cwd, env=env, stdout=output, stderr=error)
        try:
            process.wait(timeout)
        finally:
            process.kill()
        for file in (output, error):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, process.returncode, output.read(), error.read())


def start(arguments, *, cwd=None, env=None, stdout=None, stderr=None, session=False):
    """subprocess.Popen([sys.executable, *arguments]), of `-m MODULE ...` or `-c CODE ...`; stdin is empty.

    stdout, stderr: files that are open; None: nowhere. session: in a session of its own.
    """
    if not hasattr(os, "fork"):
        streams = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr}
        return subprocess.Popen([sys.executable, *map(str, arguments)], cwd=cwd, env=env, **streams)
    return _Process(_origin(), arguments, cwd, env, stdout, stderr, session)


class _Process:
    """What tests and Jupyter need of a subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, origin, arguments, cwd, env, stdout, stderr, session):
        self.origin, self.args, self.returncode = origin, [sys.executable, *map(str, arguments)], None
        order = {"arguments": self.args[1:], "cwd": str(cwd or os.getcwd()), "session": session}
        order["env"] = dict(os.environ if env is None else env)
        with open(os.devnull, "r+b") as nothing:
            streams = [nothing, *(nothing if stream is None else stream for stream in (stdout, stderr))]
            self.pid = origin.ask(order, [stream.fileno() for stream in streams])

    def poll(self):
        if self.returncode is None:
            self.returncode = self.origin.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout=None):
        latest = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if latest is not None and time.monotonic() > latest:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:  # until it was waited for, no other process gets its number
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(9)

    def terminate(self):
        self.send_signal(15)


class _Origin:
    """The process that is forked; it ends when this one does."""

    def __init__(self):
        self.lock = threading.Lock()
        self.socket, other = socket.socketpair()
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        command = [sys.executable, __file__, str(other.fileno())]
        self.process = subprocess.Popen(
            command, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        other.close()
        self.answers = self.socket.makefile()
        atexit.register(self.end)

    def ask(self, order, streams=()):
        with self.lock:
            socket.send_fds(self.socket, [b"."], streams) if streams else self.socket.sendall(b".")
            self.socket.sendall(json.dumps(order).encode() + b"\n")
            return json.loads(self.answers.readline())

    def end(self):
        self.answers.close()
        self.socket.close()
        self.process.wait()


@functools.cache
def _origin():
    """One for each process of pytest."""
    return _Origin()


# --- in the process that is forked ------------------------------------------------------------------------


def _serve(connection):
    """Fork for each order and tell how the forks ended; returns in the forks alone: what the fork shall be."""
    orders, alive = connection.makefile(), set()
    while True:
        first, streams, *_ = socket.recv_fds(connection, 1, 3)
        if not first:
            for pid in alive:  # none of them outlives pytest
                os.kill(pid, 9)
            os._exit(0)
        order = json.loads(orders.readline())
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            alive.discard(pid)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := _fork(order["session"]):
            alive.add(answer)
        else:
            orders.close()
            connection.close()
            return order, streams
        for stream in streams:
            os.close(stream)
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _fork(session):
    """os.fork(). A fork that has a session of its own has it when this returns: Jupyter signals whole groups, and asks
    for the kernel's at once; before that it would be pytest's."""
    ready, tell = os.pipe()
    pid = os.fork()
    if not pid and session:
        os.setsid()
    os.close(tell)
    if pid:
        os.read(ready, 1)  # to its end
    os.close(ready)
    return pid


def _become(order, streams):
    """Take on the streams, the folder and the environment; the command, as sys.argv has it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    option, what, *arguments = order["arguments"]
    sys.argv = [option, *arguments]
    sys.path[0] = os.getcwd() if option == "-m" else ""
    found = [path for path in order["env"].get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    sys.path[1:1] = found
    return option, what


def _main():
    import runpy
    import types

    gc.disable()  # until all is imported: nothing of it could be thrown away, and each fork would look through it
    import PIL.Image
    import pydantic  # noqa: F401
    import tensorflow

    PIL.Image.init()
    tensorflow.keras.layers  # noqa: B018  Keras is imported when it is first looked at
    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # as in conftest.py
    gc.freeze()
    gc.enable()
    connection = socket.socket(fileno=int(sys.argv[1]))
    option, what = _become(*_serve(connection))
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)


if __name__ == "__main__":
    _main()
