"""Run directories written without training, for the tests of what reads them."""

import json
import zipfile

from dcgan_tf.recipe.catalogue import get_recipe
from dcgan_tf.run.directory import Run


def write_run(path, steps=20, length=20, seed=0, scores=(), samples=100, whole=True, beside=None, **fields):
    """A run directory as train() leaves it, but for the pictures and networks, which hold nothing."""
    run = Run(path)
    run.path.mkdir(parents=True)
    recipe = get_recipe("quick").with_fields({"batch_size": 64, "beta_1": 0.5, **fields}).as_dict()
    del recipe["epochs"], recipe["steps"]
    data = {"name": "fake", "fingerprint": "f" * 64, "images": 1000, "image_shape": [28, 28, 1]}
    run.write_config(
        {"format": 1, "recipe": recipe, "seed": seed, "dataset": data, "log_every": 10, "steps_per_epoch": 10,
         "length": {"epochs": None, "steps": length, "max_seconds": None}, "started": "2026-01-01T00:00:00+0000"}
    )  # fmt: skip
    for step in range(10, steps + 1, 10):
        row = {"step": step, "epoch": step // 10, "seconds": step / 2, "images_per_second": 5.0}
        losses = {"generator_loss": 1.5, "discriminator_loss": 0.5}
        run.append_row({**row, **losses, "discriminator_real": 0.6, "discriminator_fake": 0.4})
    for step, value in scores:
        line = {"step": step, "generator": "averaged", "metrics": {"frechet_distance": {"mean": value}},
                "features": {"description": "pixels"}, "samples": samples, "seeds": [0],
                "real": {"dataset": "fake", "split": "all", "images": 1000, "fingerprint": "f" * 64}}  # fmt: skip
        if beside is not None:  # what real images, and noise, give
            real, noise = ({"frechet_distance": value} for value in beside)
            images = {"real": [500, 100], "noise": [1000, 100]}
            line["yardsticks"] = {"real": real, "noise": noise, "images": images}
        with open(run.metrics_path, "a") as file:
            file.write(json.dumps(line) + "\n")
    if whole:
        with zipfile.ZipFile(run.generator_path, "w"):
            run.gif_path.write_bytes(b"GIF89a;")
    return run
