"""From what a sweep is asked for to the executor that makes its runs.

on              None or "local": processes of this computer, `jobs` at a time; "local:4": four
                "dask://HOST:PORT": the workers of a Dask scheduler, as many runs at a time as they have threads
                "slurm": Dask workers that are jobs of SLURM; `cluster` is a YAML file that says what jobs
jobs            at most so many runs at a time
per_run         what each run is given: "cores=2,gpus=1", or a dict of that
"""

import importlib.util

from dcgan_tf.sweeps.sharing import share_places, visible_gpus
from dcgan_tf.system.errors import UserError, check_count, nearest
from dcgan_tf.system.workers import available_cores

_QUEUED = 200  # runs that a scheduler is given at once, where nothing is said: each is waited for by a thread
_RESOURCES = {"cores": 1, "gpus": 0}  # and the least number of each
_EXTRA = ("dask", "distributed", "dask_jobqueue")


def executor_for(on=None, jobs=None, per_run=None, cluster=None, *, most: int, say=print):
    """The executor for at most `most` runs at a time. Raises UserError for what cannot be; nothing is reached yet."""
    jobs = None if jobs is None else check_count("jobs", jobs)
    given = _resources(per_run)
    kind, _, where = (on or "local").partition(":") if isinstance(on, str | None) else (on, "", "")
    if cluster is not None and kind != "slurm":
        raise UserError(f"cluster={str(cluster)!r} says what jobs of a cluster are like: give on=slurm as well")
    if kind == "local":
        return _local(where, jobs, given, most)
    if kind == "dask" and where.removeprefix("//").rpartition(":")[2].isdecimal():
        _check_installed(on)
        from dcgan_tf.sweeps.executors.dask import DaskCluster

        return DaskCluster(f"tcp://{where.removeprefix('//')}", min(jobs or _QUEUED, max(1, most)), given, say)
    if kind == "slurm" and not where:
        _check_installed(on)
        from dcgan_tf.sweeps.executors.slurm import SlurmCluster, read_options

        return SlurmCluster(read_options(cluster), min(jobs or _QUEUED, max(1, most)), given, say)
    raise UserError(
        f"on={on!r} must be local, local:4 (so many runs at a time), dask://HOST:PORT (that of a Dask scheduler, such "
        "as dask://localhost:8786) or slurm"
    )


def _check_installed(on):
    if not all(importlib.util.find_spec(name) for name in _EXTRA):
        raise UserError(f"on={on!r} needs Dask, which is not installed here: pip install 'dcgan-tf[cluster]'")


# --- what each run is given ----------------------------------------------------------------------------------


def _resources(per_run) -> dict[str, int]:
    """ "cores=2,gpus=1" -> {"cores": 2, "gpus": 1}."""
    if isinstance(per_run, str):
        parts = [part.partition("=") for part in per_run.split(",")]
        names = [name.strip() for name, *_ in parts]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"per_run: {twice} is given twice: give it once")
        per_run = {name.strip(): int(value) if value.strip().isdecimal() else value for name, _, value in parts}
    if not isinstance(per_run or {}, dict):
        raise UserError(f"per_run={per_run!r} must be such as cores=2,gpus=1")
    for name in per_run or {}:
        if name not in _RESOURCES:
            known = ", ".join(_RESOURCES)
            raise UserError(f"per_run: unknown resource {name!r}.{nearest(name, _RESOURCES)} There are {known}")
    return {name: check_count(f"per_run: {name}", value, _RESOURCES[name]) for name, value in (per_run or {}).items()}


def _local(where, jobs, given, most):
    from dcgan_tf.sweeps.executors.local import LocalProcesses

    if where:
        if not where.isdecimal() or int(where) < 1:
            raise UserError(f"on='local:{where}' must be local: and a whole number of at least 1, such as local:4")
        if jobs not in (None, int(where)):
            raise UserError(f"on='local:{where}' and jobs={jobs} are both given: give one of the two")
        jobs = int(where)
    fit = []
    for name, here in (("cores", available_cores), ("gpus", lambda: len(visible_gpus()))):
        if given.get(name):
            there = here()
            fit.append(there // given[name])
            if fit[-1] < (jobs or 1):
                needed = f"{given[name]} {name}" if jobs in (None, 1) else f"{jobs} times {given[name]} {name}"
                raise UserError(
                    f"per_run: {name}={given[name]} needs {needed}, and this computer has {there}: ask for fewer"
                )
    return LocalProcesses(share_places(max(1, min(jobs or min(fit, default=1), most)), **given))
