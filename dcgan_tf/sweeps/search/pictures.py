"""Optuna's pictures of a search, as PNG files: which setting mattered, and which values went with which result."""

import warnings
from pathlib import Path

from dcgan_tf.system.files import atomic_file

_FEWEST = {"importances": 5, "parallel": 2}  # different results, of which a picture can say something


def write_pictures(folder: Path, study, objective) -> list[str]:
    """importances.png and parallel.png; a line for each, or one that says why it is missing."""
    costs = [one.value for one in study.trials() if one.state.name == "COMPLETE"]
    lines = []
    for name, fewest in _FEWEST.items():
        path = folder / f"{name}.png"
        if len(set(costs)) < fewest:
            lines.append(f"no {path.name} yet: it needs {fewest} different results, and there are {len(set(costs))}")
        else:
            _draw(name, path, study.study, objective, len(costs))
            lines.append(f"picture: {path}")
    return lines


def _draw(name, path, study, objective, count):
    import matplotlib.pyplot as plt
    from optuna.visualization import matplotlib as pictures

    result = objective.title if objective.metric.better != "nearest 1" else f"distance of {objective.title} from 1"
    plot, title = {
        "importances": (pictures.plot_param_importances, f"How much each setting mattered to {result}"),
        "parallel": (pictures.plot_parallel_coordinate, f"Settings, and the {result} that came of them"),
    }[name]
    with warnings.catch_warnings(), plt.ioff(), plt.rc_context():  # Optuna sets a style for good
        warnings.simplefilter("ignore")  # and calls its pictures experimental
        axes = plot(study, target=lambda trial: trial.value, target_name=result)
        try:
            axes.set_title("", loc="center")
            axes.set_title(f"{title}; {count} finished trials", loc="left", y=1.03)
            for lines in axes.collections:
                lines.set(cmap="viridis", clip_on=False)  # its own map ends in white
            axes.figure.set_size_inches(10, 5)
            with atomic_file(path) as temporary:
                axes.figure.savefig(temporary, dpi=100, bbox_inches="tight")
        finally:
            plt.close(axes.figure)
