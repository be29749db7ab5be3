"""A claim as its YAML file states it, and what the runs of its sweep say of it.

    about:
      report: nitk
      claim: BatchNorm in all layers makes the training oscillate
      effects:
        - {measure: lead_swing, of: {batch_norm: all}, against: {batch_norm: inner}, expected: larger}

The rest of the file are the settings of the sweep (see plan.py). An effect compares, seed by seed, a column of
sweep.csv between two settings; or two columns of the same runs, where `of` and `against` are names of columns; or it
is the rank correlation, over the runs, of `measure` with how far other columns are from what is said there (`near:
{column: value}`). Effects with `where: {setting: value}` are of these runs alone. Those with `decides: false` are
shown, and have no say in the verdict.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_tf.compare.choosing import describe_setting
from dcgan_tf.sweeps.claims.effects import Effect, correlation, paired_effect
from dcgan_tf.sweeps.plan import PlannedRun
from dcgan_tf.sweeps.yaml_file import read_mapping
from dcgan_tf.system.errors import UserError, nearest
from dcgan_tf.system.places import expanded

HOLDS, HERE_ONLY, NOT_SEEN, CONTRARY = "holds", "holds here only", "not seen", "the contrary"
TOO_FEW = "too few runs"  # no verdict
SHARES = ("precision", "share", "recall", "coverage", "alarm", "attributes moved")  # columns so called are from 0 to 1

Text = Annotated[str, Field(min_length=1)]
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Comparison(BaseModel):
    """What is compared with what, and what the claim expects."""

    model_config = _STRICT
    measure: Text = "frechet_distance"
    of: dict[str, object] | Text | None = None
    against: dict[str, object] | Text | None = None
    near: dict[Text, float] | None = None
    where: dict[str, object] = {}
    expected: Literal["larger", "smaller"]
    decides: bool = True

    @property
    def has_sides(self) -> bool:
        """Whether runs of two settings are compared, and not figures of the same runs."""
        return not self.near and not isinstance(self.of, str)

    @property
    def title(self) -> str:
        """What is compared, for people."""
        where = f" ({_said(self.where)})" if self.where else ""
        if self.near:
            return f"{self.measure}, and how far from {_said(self.near)}{where}"
        if isinstance(self.of, str):
            return f"{self.of} against {self.against}{where}"
        return f"{self.measure}: {_said(self.of)} against {_said(self.against)}{where}"


class Claim(BaseModel):
    """A report's claim, what is known of it elsewhere, and the comparisons that decide."""

    model_config = _STRICT
    report: Text
    claim: Text
    known: list[Text] = []  # what the literature says, with its source
    effects: list[Comparison] = Field(min_length=1)
    shown: list[dict[str, object]] = []  # the runs whose images are shown, by their settings
    larger: Text = ""  # the command for a GPU and the report's own data
    note: Text = "."


@dataclass(frozen=True)
class Found:
    """One comparison, and what the runs say of it."""

    comparison: Comparison
    effect: Effect
    failed: int  # pairs of which a run did not end, or has no such figure

    @property
    def says(self) -> str:
        return self.effect.says(self.comparison.expected)


def find_claim(name: str, folder) -> Path:
    """The YAML file of a claim, by its name or its path. Raises UserError, with the nearest, where there is none.

    folder: of the project's claims, whose notebook makes the runs of any other claim, too.
    """
    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {str(folder)!r} of claims: run this inside the checkout, which has it")
    known = {path.stem: path for path in sorted(Path(folder).glob("*.yaml"))}
    path = known.get(name, expanded(name))
    if not path.is_file():
        raise UserError(f"there is no claim {name!r}.{nearest(name, known)} Known are {', '.join(known)}")
    return path


def read_claim(path) -> Claim:
    """The `about` of a claim's YAML file. Raises UserError when there is none, or it says something unknown."""
    about = read_mapping(path, "settings and what they are about").get("about")
    if not isinstance(about, dict):
        raise UserError(f"{str(path)!r} has no `about:` that says which claim it tests, with report, claim and effects")
    try:
        return Claim.model_validate(about)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = [*Claim.model_fields, *Comparison.model_fields]
        near = nearest(str(first["loc"][-1]), known) if first["type"] == "extra_forbidden" else ""
        raise UserError(f"about: {place} in {str(path)!r}: {first['msg'].lower()}.{near}") from None


def read_table(folder) -> pd.DataFrame:
    """sweep.csv of a sweep, a row per run, as texts. Raises UserError when there is none."""
    path = Path(folder) / "sweep.csv"
    if not path.is_file():
        raise UserError(f"there is no table {str(path)!r}: make the sweep first")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def examine(claim: Claim, table: pd.DataFrame) -> list[Found]:
    """Every comparison of the claim, as the table of its runs has it.

    Raises UserError for a setting or a column that is not there, or a comparison without any run.
    """
    return [_examined(comparison, table) for comparison in claim.effects]


def check_claim(claim: Claim, plan: list[PlannedRun]):
    """UserError unless the planned runs have the settings that the claim compares and shows, before they are made.

    What they will measure nobody knows yet.
    """
    names = list(dict.fromkeys(name for run in plan for name in run.settings))
    settings = [{name: run.settings.get(name, run.resolved.get(name)) for name in names} for run in plan]
    table = pd.DataFrame(settings, dtype=object).assign(run=[run.name for run in plan])
    for comparison in claim.effects:
        chosen = _chosen(table, comparison.where)
        if comparison.has_sides:
            _sides(comparison, chosen)
    for shown in claim.shown:
        _chosen(table, shown)


def verdict(found: list[Found]) -> str:
    """What follows: of the comparisons that decide, all as expected: holds; some, whatever the others say: holds here
    only; none as expected and one the other way: the contrary; else not seen. None where one has too few pairs."""
    if any(np.isnan(one.effect.low) for one in found if one.comparison.decides):
        return TOO_FEW
    says = [one.says for one in found if one.comparison.decides]
    if all(said == "as expected" for said in says):
        return HOLDS
    if "as expected" in says:
        return HERE_ONLY
    return CONTRARY if "the contrary" in says else NOT_SEEN


def _examined(comparison, table):
    rows = _chosen(table, comparison.where)
    if comparison.near:
        apart = sum((_column(rows, name) - value).abs() for name, value in comparison.near.items())
        effect = correlation(apart, _column(rows, comparison.measure))
        return Found(comparison, effect, len(rows) - effect.pairs)
    if not comparison.has_sides:
        of, against = _column(rows, comparison.of), _column(rows, str(comparison.against))
        kind = _kind(comparison.of)
    else:
        measured = [
            _column(side, comparison.measure).where(side["status"] == "finished") for side in _sides(comparison, rows)
        ]
        of, against = pd.concat(measured, axis=1).to_numpy(float).T
        kind = _kind(comparison.measure)
    effect = paired_effect(of, against, kind)
    return Found(comparison, effect, len(of) - effect.pairs)


def _kind(column):
    return "difference" if column.startswith(SHARES) else "ratio"


def _column(rows, name):
    if name not in rows:
        raise UserError(f"no run has a figure {name!r}.{nearest(name, list(rows.columns))}")
    return pd.to_numeric(rows[name], errors="coerce")


def _sides(comparison, rows):
    """The runs of either side by their seeds. UserError where one has several of a seed: which is whose pair?"""
    if "seed" not in rows:
        raise UserError(
            "the sweep has no setting 'seed', by which runs are compared: give some, as seed: [0, 1, 2, 3, 4]"
        )
    sides = [_chosen(rows, side or {}) for side in (comparison.of, comparison.against)]
    for side in sides:
        if len(twice := side[side["seed"].duplicated(keep=False)]):
            one, other = twice[twice["seed"] == twice["seed"].iloc[0]]["run"].iloc[:2]
            raise UserError(
                f"{one!r} and {other!r} have one seed, on one side of {comparison.title!r}: give what else they differ "
                "in one value, or say in the claim's `where` which is meant"
            )
    return [side.set_index("seed").sort_index() for side in sides]


def _chosen(table, settings):
    """The rows with these settings. Raises UserError where there are none."""
    for name, value in settings.items():
        if name not in table:
            raise UserError(f"the sweep has no setting {name!r}.{nearest(name, list(table.columns))}")
        table = table[[_same(found, value) for found in table[name]]]
    if not len(table):
        raise UserError(f"no run of the sweep has {_said(settings)}: give it among the settings, or change the claim")
    return table


def _same(found, value):
    try:
        return float(found) == float(value)
    except (TypeError, ValueError):
        return str(found).lower() == describe_setting(value).lower()


def _said(settings):
    return ", ".join(f"{name}={describe_setting(value)}" for name, value in (settings or {}).items())
