"""Sweeps in jobs of SLURM, which is not here: what is asked of it, and what happens when it says no."""

import os

import pytest

from dcgan_tf.sweeps.executors.choose import executor_for
from dcgan_tf.system.errors import UserError

OPTIONS = 'cores: 8\nmemory: 16GB\nqueue: gpu\nwalltime: "04:00:00"\njob_script_prologue: [module load cuda]\n'


def slurm(folder, text, **asked):
    (folder / "slurm.yaml").write_text(text)
    return executor_for("slurm", cluster=folder / "slurm.yaml", **{"most": 9, **asked})


def test_jobs_are_as_the_file_says_and_declare_what_they_have(tmp_path):
    executor = slurm(tmp_path, OPTIONS + "gpus: 2\n", per_run="cores=4,gpus=1")
    assert executor.submitted == 5  # two runs at a time in each
    assert slurm(tmp_path, OPTIONS, jobs=2).submitted == 1
    cluster = executor._cluster()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    for line in ("-p gpu", "--cpus-per-task=8", "--mem=15G", "-t 04:00:00", "--gres=gpu:2"):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load cuda\n" in script
    assert "--nthreads 8" in script and "--nworkers" not in script and "--resources 'cores=8 GPU=2'" in script


@pytest.mark.parametrize(
    "text, asked, message",
    [
        (OPTIONS + "quue: a", {}, r"'.*slurm\.yaml': unknown option 'quue'\. Did you mean 'queue'\?"),
        ("cores: 8", {}, r"'.*slurm\.yaml' must say what memory a job has, such as memory: 16GB"),
        ("cores: many\nmemory: 1GB", {}, r"cores='many' in '.*slurm\.yaml' must be a whole number of at least 1"),
        ("- cores", {}, r"'.*slurm\.yaml' must hold options of a job, a line each, such as cores: 8"),
        (OPTIONS, {"per_run": "cores=9"}, r"per_run: cores=9 find no room in a worker of this cluster, which has .*"),
        (
            OPTIONS,
            {"per_run": "gpus=1"},
            r"per_run: gpus=1 find no room in .*, which has cores: 8, gpus: 0",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(tmp_path, text, asked, message):
    with pytest.raises(UserError, match=message) as caught:
        slurm(tmp_path, text, **asked)
    assert "\n" not in str(caught.value)


def test_slurm_itself_may_refuse_or_not_be_there(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"on='slurm' needs --cluster FILE\.yaml, which says what a job is like"):
        executor_for("slurm", most=1)
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", str(commands))
    with pytest.raises(UserError, match="needs SLURM's command sbatch, which is not found here"):
        slurm(tmp_path, OPTIONS).__enter__()
    sbatch = commands / "sbatch"
    sbatch.write_text('#!/bin/sh\necho "sbatch: error: invalid partition specified: $2" >&2; exit 1\n')
    os.chmod(sbatch, 0o755)
    with pytest.raises(UserError, match=r"SLURM takes no job of these options: sbatch: error: invalid partition"):
        slurm(tmp_path, OPTIONS).__enter__()
    with pytest.raises(UserError, match=r"these options make no cluster: .*"):
        slurm(tmp_path, OPTIONS + "interface: nonsense0\n").__enter__()
