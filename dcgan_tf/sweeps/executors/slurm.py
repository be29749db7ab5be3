"""The runs of a sweep in jobs of SLURM, each of which is a Dask worker: dask-jobqueue submits them, and ends them.

    cores: 8                a YAML file says what one job is like: all that dask_jobqueue.SLURMCluster takes,
    memory: 32GB            and `gpus`, how many of them a job has
    gpus: 2
    queue: gpu
    walltime: "12:00:00"
    job_script_prologue: ["module load cuda", "source ~/dcgan/bin/activate"]

The scheduler lives in the sweep's own process, on the computer where that was started; its jobs end with it. A job that
has reached its walltime lets its runs save, and they go on in another job, or when the same command is given again.
"""

import inspect
import math
import shutil
import subprocess
import tempfile

from dcgan_tf.sweeps.executors.dask import DaskCluster
from dcgan_tf.sweeps.yaml_file import read_mapping
from dcgan_tf.system.errors import UserError, nearest

_CLOSE = 30.0  # seconds to wait until jobs are cancelled
_OURS = {"self", "scheduler", "name", "n_workers", "job_cls", "loop", "asynchronous", "silence_logs", "kwargs"}


def read_options(path) -> dict:
    """What the jobs are like. Raises UserError for a file that does not say so, or says what is not known."""
    if path is None:
        raise UserError("on='slurm' needs --cluster FILE.yaml, which says what a job is like: cores, memory, queue ...")
    options = read_mapping(path, "options of a job, a line each, such as cores: 8")
    known = _known_options()
    for name in options:
        if name not in known:
            raise UserError(f"{str(path)!r}: unknown option {str(name)!r}.{nearest(name, known)}")
    for name, example in (("cores", "8"), ("memory", "16GB")):
        if name not in options:
            raise UserError(f"{str(path)!r} must say what {name} a job has, such as {name}: {example}")
    for name in ("cores", "processes", "gpus"):
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UserError(f"{name}={value!r} in {str(path)!r} must be a whole number of at least 1")
    return options


def _known_options():
    from dask_jobqueue.core import Job, JobQueueCluster
    from dask_jobqueue.slurm import SLURMJob

    names = {name for kind in (SLURMJob, Job, JobQueueCluster) for name in inspect.signature(kind.__init__).parameters}
    return sorted((names | {"gpus"}) - _OURS - {name for name in names if name.endswith("_kwargs")})


class SlurmCluster(DaskCluster):
    """Runs as tasks of a scheduler of this process, whose workers are jobs of SLURM."""

    def __init__(self, options: dict, jobs: int, given: dict[str, int], say=print):
        super().__init__("", jobs, given, say)
        options = dict(options)
        processes, gpus = options.setdefault("processes", 1), options.pop("gpus", 0)
        there = {"cores": options["cores"] // processes, "GPU": gpus // processes}
        room = processes * min([there["cores"], *(there[name] // count for name, count in self.resources.items())])
        if room < 1:
            asked = ", ".join(f"{name}={count}" for name, count in given.items())
            has = f"cores: {there['cores']}, gpus: {there['GPU']}"
            raise UserError(f"per_run: {asked} find no room in a worker of this cluster, which has {has}")
        declared = " ".join(f"{name}={count}" for name, count in there.items())
        options["worker_extra_args"] = [*(options.get("worker_extra_args") or []), "--resources", f"'{declared}'"]
        if gpus:
            options["job_extra_directives"] = [*(options.get("job_extra_directives") or []), f"--gres=gpu:{gpus}"]
        self.options, self.submitted = options, math.ceil(jobs / room)

    def _reach(self, opened):
        if shutil.which("sbatch") is None:
            raise UserError("on='slurm' needs SLURM's command sbatch, which is not found here: use a login node")
        cluster = self._cluster()
        opened.callback(cluster.close, timeout=_CLOSE)
        _check_taken(cluster.job_script())
        cluster.scale(jobs=self.submitted)
        self.say(f"submitted to SLURM: {self.submitted} {'job' if self.submitted == 1 else 'jobs'}")
        return cluster.scheduler_address

    def _cluster(self):
        from dask_jobqueue import SLURMCluster

        try:
            return SLURMCluster(**self.options)
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            raise UserError(f"these options make no cluster: {' '.join(str(error).split())}") from None

    def _how_to_start(self):
        return "SLURM begins a job of the sweep when it can (see `squeue --me`)"


def _check_taken(script: str):
    """UserError unless SLURM would take this job: dask-jobqueue would say so in a traceback, and go on."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(["sbatch", "--test-only", file.name], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"SLURM takes no job of these options: {' '.join(done.stderr.split())}")
