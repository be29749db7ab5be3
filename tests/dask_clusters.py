"""Real Dask schedulers and workers, each a process of its own."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PATIENCE = 60


class DaskProcesses:
    """A scheduler at a port that it keeps, and its workers; start() starts a scheduler again."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.workers = folder, 0, {}
        self.start()

    @property
    def on(self):
        return f"dask://127.0.0.1:{self.port}"

    def start(self):
        self.scheduler = self._process(
            "scheduler", "scheduler", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard", "--no-show"
        )
        self.port = int(self._said("scheduler", r"Scheduler at:\s+tcp://127\.0\.0\.1:(\d+)"))

    def add(self, name, *options, **environment):
        """A worker: a single process, without a nanny."""
        options = ("--no-nanny", "--no-dashboard", "--nthreads", 1, *options)  # a later option wins
        self.workers[name] = self._process(
            name, "worker", f"tcp://127.0.0.1:{self.port}", "--name", name, *options, **environment
        )

    def wait(self):
        """Until all of them are there."""
        for name in self.workers:
            self._said(name, r"Registered to:")

    def kill(self, name):
        process = self.scheduler if name == "scheduler" else self.workers.pop(name)
        process.kill()
        process.wait()

    def _process(self, name, *arguments, **environment):
        log = self.folder / f"{name}.log"
        log.unlink(missing_ok=True)
        path = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), str(ROOT)]))
        with open(log, "w") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, arguments)],
                stdout=file,
                stderr=file,
                cwd=self.folder,
                env={**os.environ, **environment, "PYTHONPATH": path},
                start_new_session=True,
            )

    def _said(self, name, pattern):
        latest = time.monotonic() + _PATIENCE
        while not (found := re.search(pattern, (self.folder / f"{name}.log").read_text())):
            assert time.monotonic() < latest, (self.folder / f"{name}.log").read_text()
            time.sleep(0.05)
        return found[1] if found.groups() else found[0]


@contextmanager
def dask_processes(folder: Path):
    cluster = DaskProcesses(folder)
    try:
        yield cluster
    finally:
        for process in (*cluster.workers.values(), cluster.scheduler):
            process.kill()
            process.wait()
