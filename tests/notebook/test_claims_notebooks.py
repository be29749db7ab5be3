"""One run of a claim, through papermill: what it notes is what the claims compare."""

from pathlib import Path

from kernels import execute_in

from dcgan_tf.run.directory import Run
from dcgan_tf.sweeps.claims.claim import read_claim

CLAIMS = Path(__file__).parents[2] / "notebooks" / "claims"


def test_one_run_notes_every_figure_that_a_claim_of_the_project_compares(kernel, tmp_path):
    tiny = {"width": 4, "latent_dim": 8, "batch_size": 50}
    parameters = {"recipe": "gwu", "pictures": "fake", "image_size": 32, "overrides": tiny, "steps": 25,
                  "evaluation_samples": 60, "latent_stds": ["4e-1", 1.0], "latent_means": [0.1, 0.3],
                  "results_dir": str(tmp_path), "run_name": "one"}  # fmt: skip
    execute_in(kernel, "claims/one_run.ipynb", tmp_path / "executed.ipynb", parameters)
    noted = {name for line in Run(tmp_path / "one").metrics() for name in line["metrics"]}
    for path in CLAIMS.glob("*.yaml"):
        for one in read_claim(path).effects:
            columns = {one.of, one.against} if isinstance(one.of, str) else {one.measure, *(one.near or {})}
            # Noise has no labels; what filter_above notes is seen in tests/evaluation/test_latents.py.
            elsewhere = {name for name in columns if name.startswith(("attributes moved", "share "))}
            elsewhere |= {name for name in columns if name.endswith(" against all")}
            assert columns - elsewhere <= noted, path.stem
