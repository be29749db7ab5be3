"""The runs of a search: trials, and the best of them with further seeds; what each ends with, and who is told."""

import dataclasses
import functools
import time
from collections.abc import Iterator
from pathlib import Path

from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import is_being_written
from dcgan_tf.run.reading import read_run
from dcgan_tf.sweeps.running import Outcome, log_path, make_run, standing
from dcgan_tf.sweeps.search.pruning import Watcher, evaluate_every
from dcgan_tf.sweeps.search.report import Report, in_words
from dcgan_tf.sweeps.search.standing import Row, Search, trial_name
from dcgan_tf.sweeps.search.together import Job
from dcgan_tf.sweeps.worker import FINISHED
from dcgan_tf.system.errors import UserError
from dcgan_tf.training.progress import describe_seconds

_PAUSE = 0.2  # seconds from one look at a run that another process still saves to the next
_MOST_FAILURES = 3  # of this process, before any trial has gone well, here or in an earlier call


class Runs:
    """Makes them with an executor, one at a time for each of its places."""

    def __init__(self, search: Search, report: Report, executor):
        self.report, self.executor, self.folder, self.space = report, executor, search.folder, search.space
        self.study, self.objective, self.declared = search.study, search.objective, search.declared
        self.count = search.trials
        self.notebook = Path(self.space.notebook).absolute()
        self.failures = 0

    # --- trials -----------------------------------------------------------------------------------------------

    def trials_left(self) -> Iterator[Job]:
        """Those that were begun and are not over, then new ones."""
        begun = self.study.trials()[: self.count]
        yield from (self._trial(one.number) for one in begun if not one.state.is_finished())
        while len(self.study.trials()) < self.count and not self.executor.stopping:
            number = self.study.begin()
            if number < self.count:  # else another process was quicker: it waits for a call with more trials
                yield self._trial(number)

    def _trial(self, number):
        is_over = functools.partial(self.study.is_over, number)
        return Job(trial_name(number), is_over, functools.partial(self._make_trial, number))

    def _make_trial(self, number, place):
        trial = self.study.take(number)
        drawn = self.space.draw(trial)
        twin = self.study.twin(number, trial.params)
        if twin is not None:
            self.study.end_like(trial, twin, note=f"as {trial_name(twin.number)}")
            self.report.trial(number, f"the same settings as {trial_name(twin.number)}", drawn)
            return
        try:
            run = self._planned(trial, drawn, trial_name(number), place)
        except UserError as error:
            self.study.give_up(trial, "impossible", note=str(error))
            self.report.trial(number, f"impossible: {error}", drawn)
            return
        watcher = Watcher(
            trial, Run(self.folder / run.name), self.objective, self.study.trials()[number].intermediate_values
        )
        started = time.monotonic()
        outcome = self._made(run, place, watcher)
        if outcome is not None:
            took = f"after {describe_seconds(time.monotonic() - started)}"
            self._end_trial(trial, run, drawn, outcome, watcher.pruned_at, took)

    def _end_trial(self, trial, run, drawn, outcome, pruned_at, took):
        """Tell Optuna and people what came of it; what failed is not over."""
        path, value = Run(self.folder / run.name), self.objective.of_run(self.folder / run.name)
        if outcome.status == FINISHED and value is not None:
            step, batch_size = read_run(path).last.get("step", 0), run.resolved.get("batch_size")
            self.study.finish(trial, self.objective.cost(value), value=value, step=step, batch_size=batch_size)
            text = self._told(value)
        elif outcome.status != FINISHED and pruned_at is not None:
            step, tenth, value = pruned_at
            self.study.give_up(trial, "pruned", value=value, step=step)
            text = f"pruned at step {step:,} ({tenth}0%) with {self._told(value)}"
        elif path.diverged_path.exists():
            self.study.give_up(trial, "diverged", note=outcome.error)
            text = "diverged"
        else:
            self._failed(run.name, outcome, drawn)
            return
        self.report.trial(trial.number, f"{text} {took}", drawn)

    def _planned(self, trial, drawn, name, place):
        """The run of a trial. How often it is evaluated is decided once, and noted."""
        run = self.space.plan(drawn)
        if "evaluate_every" in self.declared and "evaluate_every" not in self.space.fixed:
            every = trial.user_attrs.get("evaluate_every")
            if every is None and "batch_size" in run.resolved:
                notes = [other.user_attrs for other in self.study.trials()]
                seen = [(noted["step"], noted["batch_size"]) for noted in notes if noted.get("batch_size")]
                every = evaluate_every(run.resolved, seen, place.threads)
                trial.set_user_attr("evaluate_every", every)
            if every is not None:
                run = dataclasses.replace(run, parameters={**run.parameters, "evaluate_every": every})
        return dataclasses.replace(run, name=name)

    # --- the best few -----------------------------------------------------------------------------------------

    def repeat(self, row: Row, seed: int) -> Job:
        """A finalist with another seed."""
        run = self.space.plan({**row.settings, "seed": seed})
        every = self.study.trials()[row.number].user_attrs.get("evaluate_every")
        parameters = {**run.parameters, **({} if every is None else {"evaluate_every": every})}
        run = dataclasses.replace(run, name=f"{row.name}-seed={seed}", parameters=parameters)
        return Job(run.name, lambda: run.name in self.study.repeats(), functools.partial(self._make_repeat, run))

    def _make_repeat(self, run, place):
        """Note and tell what came of it; as with trials, one that diverged is over, and what failed is not."""
        outcome = self._made(run, place)
        if outcome is None:
            return
        value = self.objective.of_run(self.folder / run.name)
        if outcome.status == FINISHED and value is not None:
            self.study.note_repeat(run.name, value)
            self.report.repeat(run.name, self._told(value))
        elif Run(self.folder / run.name).diverged_path.exists():
            self.study.note_repeat(run.name, None)
            self.report.repeat(run.name, "diverged")
        else:
            self._failed(run.name, outcome, run.settings)

    # --- both -------------------------------------------------------------------------------------------------

    def _made(self, run, place, watcher=None) -> Outcome | None:
        """A run brought to its end, as far as it is not there: its Outcome; None when all is stopping."""
        outcome = standing(self.folder, run)
        if outcome.status == FINISHED or (watcher and watcher()):
            return outcome
        while is_being_written(Run(self.folder / run.name)) and not self.executor.stopping:
            time.sleep(_PAUSE)  # its process was killed, and what that had begun is saving
        return make_run(self.executor, self.notebook, self.folder, run, place, watcher)

    def _failed(self, name, outcome, settings):
        """Say it. It is not over: the same command tries it again. When nothing but that happens, stop."""
        if self.executor.stopping:
            self.report.say(f"{outcome.status}: {name}")
            return
        why = outcome.error or f"it has measured no {self.objective.title}"
        status = outcome.status if outcome.status != FINISHED else "failed"
        self.report.say(f"{status}: {name} ({in_words(settings)}): {why}; log: {log_path(self.folder, name)}")
        self.failures += 1
        if self.failures >= _MOST_FAILURES and not self.study.has_trained():
            raise UserError(f"{self.failures} runs and none went well, {name} with: {why}: mend that first")

    def _told(self, value):
        return f"{self.objective.title} {describe_value(value)}"
