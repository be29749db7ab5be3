"""The trials of a search as Optuna keeps them: FOLDER/search.journal, which several machines may use at once.

A journal is a text file with a line for each thing that happened, and a file beside it as its lock. It works on
network drives, where SQLite does not, and holds no pickle. Of a trial it has what was drawn and measured; what was
trained is in the trial's run directory.

A trial is over when it is told a value, or given up. Everything else in Optuna is RUNNING and is gone on with,
by whoever can claim it (see claims.py). Each trial is drawn with a seed of its own, which follows from the search's
seed and its number: a search that was stopped goes on as if it had not been.
"""

import contextlib
import json
from pathlib import Path

import numpy as np

from dcgan_tf.sweeps.worker import FINISHED
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained

_NAME, _REPEAT = "search", "repeat "
_LOCK_LEFT = 10  # seconds after which the journal's lock was left behind by a killed process
_BEFORE_PRUNING = 5  # trials that are trained to their end, before others are compared with them
_TENTHS_BEFORE_PRUNING = 2  # a GAN's first fifth says little
_TRAINED = (FINISHED, "pruned", "diverged")  # what trials end with that were no mistake of the notebook or machine
_COMPARED_WITH = 3  # at least so many trials that were measured at the same tenth


def import_optuna():
    """Optuna, silent. UserError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise UserError("a search needs optuna, not installed here: pip install 'dcgan-tf[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class Study:
    """Begin trials, take them up, and end them.

    asked: what this search is, name -> text; another one in the same folder is refused. defaults: the same of the
    notebook's parameters that nobody asked for, which may have been edited since.
    """

    def __init__(self, folder: Path, direction: str, asked: dict[str, str], defaults: dict[str, str], seed: int,
                 prune: bool):  # fmt: skip
        self.optuna = import_optuna()
        self.seed, self.path = seed, folder / "search.journal"
        self.pruner = self.optuna.pruners.NopPruner()
        if prune:
            self.pruner = self.optuna.pruners.MedianPruner(
                _BEFORE_PRUNING, _TENTHS_BEFORE_PRUNING, n_min_trials=_COMPARED_WITH
            )
        with disk_errors_explained(self.path):
            self.storage = _open(self.path)
            self.study = self.optuna.create_study(
                storage=self.storage,
                sampler=self.optuna.samplers.RandomSampler(seed),  # begins trials; `take` draws them
                study_name=_NAME,
                direction=direction,
                load_if_exists=True,
            )
        self._agree(asked, defaults)

    def _agree(self, asked, defaults):
        noted = self.study.user_attrs
        then, declared = noted.get("asked", asked), noted.get("defaults", defaults)  # those of 0.5.3 have no defaults
        pairs = [(name, then.get(name, "nothing"), asked.get(name, "nothing")) for name in {**then, **asked}]
        pairs += [(name, declared[name], defaults[name]) for name in declared if name in defaults]
        if listed := "; ".join(f"{name}: {old} then, {new} now" for name, old, new in pairs if old != new):
            raise UserError(
                f"{str(self.path.parent)!r} holds another search ({listed}): give the same settings, or another "
                "--results-dir"
            )
        for name, value in (("asked", asked), ("defaults", defaults)):
            if name not in noted:
                self.study.set_user_attr(name, value)

    def trials(self) -> list:
        """All trials, as Optuna's FrozenTrial, in order."""
        return self.study.get_trials(deepcopy=False)

    def is_over(self, number: int) -> bool:
        return self.trials()[number].state.is_finished()

    def has_trained(self) -> bool:
        """Whether any trial was trained, to its end or as far as it was worth it; all processes count."""
        ended = (one.user_attrs.get("status") for one in self.trials() if one.state.is_finished())
        return any(status in _TRAINED for status in ended)

    def begin(self) -> int:
        """Begin another trial; its number."""
        return self.study.ask().number

    def take(self, number: int):
        """A trial, begun here or left by a process that is gone, as Optuna's Trial: to be drawn, and reported to."""
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        sampler = self.optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        study = self.optuna.load_study(study_name=_NAME, storage=self.storage, sampler=sampler, pruner=self.pruner)
        of_study = self.storage.get_study_id_from_name(_NAME)
        return self.optuna.trial.Trial(study, self.storage.get_trial_id_from_study_id_trial_number(of_study, number))

    def twin(self, number: int, params: dict):
        """An earlier trial of the same draws that is over; None without one."""
        ended = (other for other in self.trials() if other.number != number and other.state.is_finished())
        return next((other for other in ended if other.params == params), None)

    def finish(self, trial, cost: float, **notes):
        """End a trial with what it came to; the notes are kept with it."""
        self._note(trial, {"status": FINISHED, **notes})
        self.study.tell(trial.number, cost)

    def give_up(self, trial, status: str, **notes):
        """End a trial that is worth no more: the sampler keeps away from its like."""
        self._note(trial, {"status": status, **notes})
        self.study.tell(trial.number, state=self.optuna.trial.TrialState.PRUNED)

    def end_like(self, trial, twin, note: str):
        """End a trial as another one did."""
        self._note(trial, {"status": "same", "note": note, "value": twin.user_attrs.get("value")})
        finished = twin.state == self.optuna.trial.TrialState.COMPLETE
        self.study.tell(trial.number, twin.value if finished else None, state=twin.state)

    def note_repeat(self, name: str, value: float | None):
        """Keep what a further seed of one of the best came to, by the name of its run; None: it diverged."""
        self.study.set_user_attr(_REPEAT + name, value)

    def repeats(self) -> dict[str, float | None]:
        """All of those."""
        noted = self.study.user_attrs.items()
        return {name.removeprefix(_REPEAT): value for name, value in noted if name.startswith(_REPEAT)}

    def _note(self, trial, notes):
        for name, value in notes.items():
            trial.set_user_attr(name, value)


def _open(path):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    lock = JournalFileOpenLock(str(path), grace_period=_LOCK_LEFT)
    try:
        with contextlib.ExitStack() as held:
            if path.exists():
                lock.acquire()
                held.callback(lock.release)
                _end_with_a_whole_line(path)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise UserError(
            f"{str(path)!r} is damaged ({' '.join(str(error).split())[:100]}): put it back from a copy, or give "
            "another --results-dir"
        ) from None


def _end_with_a_whole_line(path):
    """Half a line that a kill left would run into the next one."""
    data = path.read_bytes()
    whole, newline, half = data.rpartition(b"\n")
    if not half:
        return
    with contextlib.suppress(ValueError):
        json.loads(half)
        whole, newline = data, b"\n"  # whole but for its end
    with open(path, "r+b") as file:
        file.write(whole + newline)
        file.truncate()
