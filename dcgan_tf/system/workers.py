"""Run one function over many numbers in worker processes of its own.

Not multiprocessing: its fork copies TensorFlow's threads half-way, its spawn runs a user's script again from
the top, and the workers of either outlive a parent that was killed. These are plain child processes that
take a number on stdin and answer on stdout; when the parent dies, however it dies, they see the end of stdin
and go. They import only what the function needs. What is pickled goes between a process and its own children.

Tried instead (2026): concurrent.futures and joblib's loky 3.7. After a SIGKILL of the parent their workers were
alive 19 seconds later; loky can be mended with a thread in each worker that looks for the parent, but an exception
that cannot be pickled then reads as a worker that died for want of memory, and two tracker processes come along.
"""

import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator

from dcgan_tf.system.saying import say_any_name

_SIGKILL = 9  # which Windows has no name for, nor ever reports


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arithmetic_threads() -> int:
    """How many threads TensorFlow's sums are split among: as many as there are cores, or as the environment says."""
    given = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else available_cores()


def run_in_workers(task: Callable, numbers: Iterable[int], workers: int) -> Iterator:
    """Yield task(number) for each number, in whatever order they are done.

    `task` must be picklable: a function of a module, or a functools.partial of one. With one worker it runs
    in this process. An exception of the task is raised here and ends all workers; so does closing the iterator.
    """
    if workers <= 1:
        yield from map(task, numbers)
        return
    main = getattr(sys.modules["__main__"], "__spec__", None)
    opening = (main.name if main else None, pickle.dumps(task))
    shared, answers, processes = _Shared(numbers, workers), queue.SimpleQueue(), []
    try:
        for _ in range(workers):
            processes.append(_start())
            talk = (processes[-1], opening, shared, answers)
            threading.Thread(target=_talk, args=talk, daemon=True).start()
        talking = workers
        while talking:
            done, result = answers.get()
            if done is _ANSWER:
                yield result
                shared.permits.release()
            elif done is _ERROR:
                raise result
            else:
                talking -= 1
    finally:
        shared.end()
        for process in processes:
            process.kill()  # its thread sees the end of stdout, and ends
        for process in processes:
            process.wait()


_ANSWER, _ERROR, _NO_MORE = "answer", "error", "no more"


class _Shared:
    """The numbers that are left, for several threads; no more are given than twice as many as there are workers,
    until an answer was taken: answers must not pile up."""

    def __init__(self, numbers, workers):
        self.numbers, self.workers, self.lock, self.ended = iter(numbers), workers, threading.Lock(), False
        self.permits = threading.Semaphore(2 * workers)

    def next(self):
        self.permits.acquire()
        with self.lock:
            return None if self.ended else next(self.numbers, None)

    def end(self):
        with self.lock:
            self.ended = True
        self.permits.release(self.workers)


def _talk(process, opening, shared, answers):
    """One thread for each worker, since pipes cannot be waited for together everywhere: number after number."""
    try:
        with process.stdin, process.stdout:
            _send(process, opening)
            while (number := shared.next()) is not None:
                _send(process, number)
                answers.put((_ANSWER, _answer(process)))
        answers.put((_NO_MORE, None))
    except BaseException as error:  # to be raised where the answers are read
        answers.put((_ERROR, error))


def _start():
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path}
    for library in ("OMP", "OPENBLAS", "MKL"):
        environment.setdefault(f"{library}_NUM_THREADS", "1")  # there is one worker per core already
    command = [sys.executable, "-c", "from dcgan_tf.system.workers import _serve; _serve()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _send(process, message):
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
    except OSError:  # a broken pipe; Windows calls it an invalid argument
        raise _died(process) from None


def _answer(process):
    try:
        result, error, trace = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        raise _died(process) from None
    if error is not None:
        raise error from RuntimeError(f"in a worker process:\n{trace}")
    return result


def _died(process):
    status = process.wait()
    hint = ", perhaps for want of memory (then take fewer workers)" if status == -_SIGKILL else ""
    return RuntimeError(f"a worker process ended with status {status}{hint}; the same command goes on from here")


def _serve():
    """What a worker process does: unpickle the task, then answer number after number until stdin ends."""
    for name in ("SIGINT", "SIGHUP"):  # Ctrl-C and a closed terminal are the parent's business
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the task prints must not get between the answers
    say_any_name()
    requests = sys.stdin.buffer
    try:
        opening = pickle.load(requests)
        task = None
        while True:
            number = pickle.load(requests)
            try:
                task = task or _unpickle(*opening)
                answer = task(number), None, None
            except Exception as error:
                answer = None, _sendable(error), traceback.format_exc()
            pickle.dump(answer, answers)
            answers.flush()
    except (EOFError, OSError):
        pass  # no more work, or nobody to hand it to
    finally:
        os._exit(0)


def _unpickle(main, pickled):
    try:
        return pickle.loads(pickled)
    except AttributeError as error:
        if "__main__" not in str(error):
            raise
        if main is None:
            raise ValueError(f"{error}: define it in a module, so that worker processes can import it") from None
        sys.modules["__main__"] = importlib.import_module(main)  # the parent is `python -m MODULE`
        return pickle.loads(pickled)


def _sendable(error):
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
