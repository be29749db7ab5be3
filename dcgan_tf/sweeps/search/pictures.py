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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            f"picture: {_write(folder / 'importances.png', pictures.plot_param_importances, study.study, name)}",
            f"picture: {_write(folder / 'parallel.png', pictures.plot_parallel_coordinate, study.study, name)}",
        ]


def _write(path, plot, study, name):
    import matplotlib.pyplot as plt

    with plt.ioff(), plt.rc_context():  # Optuna sets a style for good, and leaves its figures open
        figure = plot(study, target=lambda trial: trial.value, target_name=name).figure
        try:
            figure.set_size_inches(10, 5)
            with atomic_file(path) as temporary:
                figure.savefig(temporary, dpi=100, bbox_inches="tight")
        finally:
            plt.close(figure)
    return path
