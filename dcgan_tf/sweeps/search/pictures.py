"""Optuna's pictures of a search, as PNG files: which setting mattered, and which values went with which result."""

import warnings
from pathlib import Path

from dcgan_tf.system.files import atomic_file

_FEWEST = 2  # finished trials, to compare


def write_pictures(folder: Path, study, objective) -> list[str]:
    """importances.png and parallel.png; a line for each, or one that says why there is none."""
    finished = [one for one in study.trials() if one.state.name == "COMPLETE"]
    if len({one.value for one in finished}) < _FEWEST:
        return [f"no pictures: they compare trials, and fewer than {_FEWEST} different ones are finished"]
    from optuna.visualization import matplotlib as pictures

    name = objective.title if objective.metric.better != "nearest 1" else f"distance of {objective.title} from 1"
    counted = f"{len(finished)} finished trials"
    drawn = {
        "importances": (pictures.plot_param_importances, f"How much each setting mattered to {name}; {counted}"),
        "parallel": (pictures.plot_parallel_coordinate, f"Settings, and the {name} that came of them; {counted}"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna calls them experimental
        paths = [_write(folder / f"{one}.png", plot, study.study, name, title) for one, (plot, title) in drawn.items()]
    return [f"picture: {path}" for path in paths]


def _write(path, plot, study, name, title):
    import matplotlib.pyplot as plt

    with plt.ioff(), plt.rc_context():  # Optuna sets a style for good, and leaves its figures open
        axes = plot(study, target=lambda trial: trial.value, target_name=name)
        try:
            axes.set_title(title, loc="left", y=1.03)
            for lines in axes.collections:
                lines.set_cmap("viridis")  # its own ends in white
            axes.figure.set_size_inches(10, 5)
            with atomic_file(path) as temporary:
                axes.figure.savefig(temporary, dpi=100, bbox_inches="tight")
        finally:
            plt.close(axes.figure)
    return path
