"""Claims: what their files say, what follows from a table of runs, and the files and notebooks of the project."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from written_runs import write_run

from dcgan_tf.evaluation.metrics import METRICS
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.sweeps.claims.claim import (
    CONTRARY,
    HERE_ONLY,
    HOLDS,
    NOT_SEEN,
    TOO_FEW,
    Claim,
    check_claim,
    examine,
    find_claim,
    read_claim,
    read_table,
    verdict,
)
from dcgan_tf.sweeps.claims.report import claim_picture, effects_frame
from dcgan_tf.sweeps.plan import plan_sweep
from dcgan_tf.sweeps.yaml_file import read_yaml
from dcgan_tf.system.errors import UserError

CLAIMS = Path(__file__).parents[3] / "notebooks" / "claims"
FILES = sorted(CLAIMS.glob("*.yaml"))


def table_of(**columns):
    rows = {"run": [f"r{i}" for i in range(6)], "status": ["finished"] * 6, "seed": [0, 1, 2] * 2,
            "width": [8, 8, 8, 16, 16, 16], "loss": ["bce", "bce", "bce", "hinge", "hinge", "hinge"]}  # fmt: skip
    return pd.DataFrame({**rows, **columns}).astype(str)


def claim_of(*effects):
    return Claim.model_validate({"report": "us", "claim": "wider is better", "effects": list(effects)})


WIDE = {"of": {"width": 16}, "against": {"width": 8}, "expected": "smaller"}


def test_runs_are_compared_seed_by_seed():
    table = table_of(frechet_distance=[1, 10, 100, 0.5, 5, 50])
    shuffled = table.iloc[[3, 1, 0, 5, 2, 4]]
    for rows in (table, shuffled):
        found = examine(claim_of(WIDE), rows)[0]
        assert found.effect.each == pytest.approx((0.5, 0.5, 0.5)) and found.says == "as expected"


def test_a_run_that_failed_is_counted_and_not_compared():
    table = table_of(frechet_distance=[1, 10, 100, 0.5, 5, ""], status=["finished"] * 4 + ["failed", "failed"])
    found = examine(claim_of(WIDE), table)[0]
    assert (found.effect.pairs, found.failed, found.says) == (1, 2, "nothing") and verdict([found]) == TOO_FEW


def test_a_side_with_two_runs_of_a_seed_is_refused_whatever_their_order():
    table = table_of(frechet_distance=[1, 10, 100, 0.5, 5, 50])
    both = pd.concat([table.assign(batch_size=size, run=table["run"] + f"-{size}") for size in ("16", "64")])
    for rows in (both, both[::-1], both.assign(status=["failed"] * 6 + ["finished"] * 6)):
        with pytest.raises(UserError, match=r"r\d-\d+' have one seed, on one side of .*width=16 against width=8'"):
            examine(claim_of(WIDE), rows)
    found = examine(claim_of({**WIDE, "where": {"batch_size": 64}}), both)[0]
    assert found.effect.each == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(UserError, match="no setting 'seed', by which runs are compared"):
        examine(claim_of(WIDE), table.drop(columns="seed"))


@pytest.mark.parametrize(
    ("change", "shown", "message"),
    [
        ({"width": [8, 32]}, 8, "no run of the sweep has width=16: give it among the settings"),
        ({"loss": ["hinge"]}, 8, "no run of the sweep has loss=bce"),
        ({"batch_size": [16, 64]}, 8, "have one seed, on one side"),
        ({}, 4, "no run of the sweep has width=4"),
    ],
)
def test_what_a_claim_compares_is_looked_for_before_the_runs_are_made(change, shown, message):
    figures = {"of": "recall", "against": "precision", "expected": "larger", "where": {"loss": "bce"}}
    settings = {"width": [8, 16], "loss": ["bce"], "seed": [0, 1]}
    claim = claim_of(WIDE, figures).model_copy(update={"shown": [{"width": shown}]})
    check_claim(claim_of(WIDE, figures), plan_sweep(CLAIMS / "one_run.ipynb", settings))
    with pytest.raises(UserError, match=message):
        check_claim(claim, plan_sweep(CLAIMS / "one_run.ipynb", {**settings, **change}))


def test_columns_of_the_same_runs_and_runs_near_a_value_are_compared():
    table = table_of(**{"precision at 1": [0.5] * 6, "precision at 2": [0.7] * 6, "fid": [1, 2, 3, 4, 5, 6],
                        "g": [1.1, 1.2, 1.3, 0.4, 0.3, 0.2]})  # fmt: skip
    columns = {"of": "precision at 2", "against": "precision at 1", "expected": "larger", "where": {"loss": "hinge"}}
    near = {"measure": "fid", "near": {"g": 1.0}, "expected": "larger"}
    by_column, by_rank = examine(claim_of(columns, near), table)
    assert by_column.effect.pairs == 3 and by_column.effect.value == pytest.approx(0.2)
    assert by_rank.effect.value == pytest.approx(1.0) and by_rank.effect.pairs == 6


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ((0.5, 0.5), HOLDS),
        ((0.5, 1.0), HERE_ONLY),
        ((0.5, 2.0), HERE_ONLY),
        ((1.0, 1.0), NOT_SEEN),
        ((1.0, 2.0), CONTRARY),
    ],
)
def test_the_verdict_follows_from_what_decides(ratios, expected):
    columns = {f"m{place}": [1, 1.1, 0.9, ratio, 1.1 * ratio, 0.9 * ratio] for place, ratio in enumerate(ratios)}
    beside = {**WIDE, "measure": "m0", "expected": "larger", "decides": False}
    found = examine(claim_of({**WIDE, "measure": "m0"}, {**WIDE, "measure": "m1"}, beside), table_of(**columns))
    assert verdict(found) == expected
    assert list(effects_frame(found)["decides"]) == ["yes", "yes", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"of": {"widht": 16}}, "the sweep has no setting 'widht'. Did you mean 'width'?"),
        ({"of": {"width": 32}}, "no run of the sweep has width=32"),
        ({"measure": "frechet"}, "no run has a figure 'frechet'. Did you mean 'frechet_distance'?"),
    ],
)
def test_what_the_table_does_not_have_is_one_line(change, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        examine(claim_of({**WIDE, **change}), table_of(frechet_distance=range(6)))


def test_mistakes_in_a_claims_file_are_one_line(tmp_path):
    path = tmp_path / "mine.yaml"
    for about, message in (
        ("", "has no `about:`"),
        ("about: {report: us, claim: x, effect: []}\n", "effects.*field required|effect.*Did you mean 'effects'"),
        ("about: {report: us, claim: x, effects: [{expected: bigger}]}\n", "effects.0.expected"),
    ):
        path.write_text(about + "width: [8, 16]\n")
        with pytest.raises(UserError, match=message):
            read_claim(path)
    with pytest.raises(UserError, match=r"there is no claim 'droput'\. Did you mean 'dropout'\?"):
        find_claim("droput", CLAIMS)
    with pytest.raises(UserError, match=r"there is no folder '.*/claims' of claims: run this inside the checkout"):
        find_claim("dropout", tmp_path / "claims")
    with pytest.raises(UserError, match="make the sweep first"):
        read_table(tmp_path)


def test_the_picture_shows_the_grids_and_draws_every_effect(tmp_path):
    run = write_run(tmp_path / "r0")
    run.grids_path.mkdir()
    save_png(run.grids_path / "epoch_0001.png", np.full((8, 8, 3), 128, np.uint8))
    claim = claim_of(WIDE, {"measure": "fid", "near": {"frechet_distance": 0.0}, "expected": "larger"})
    claim = claim.model_copy(update={"shown": [{"width": 8}, {"width": 16}]})
    table = table_of(frechet_distance=range(1, 7), fid=range(6))
    picture = claim_picture(claim, examine(claim, table), table, tmp_path)
    texts = [
        text.get_text()
        for axes in picture.findobj(lambda a: hasattr(a, "get_yticklabels"))
        for text in axes.get_yticklabels()
    ]
    assert any("width=16\nagainst width=8" in text for text in texts) and len(picture.png()) > 5000


# --- those of the project ----------------------------------------------------------------------------------

OWN_FIGURES = {"lead_swing", "checkerboard", "generator_loss_mean", "generator_loss_std", "discriminator_loss_mean"}
OWN_FIGURES |= {"share Complete", "recall against all", "distance against all"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_claim_of_the_project_can_be_made_and_compares_what_it_trains(path):
    claim = read_claim(path)
    plan = plan_sweep(CLAIMS / "one_run.ipynb", *read_yaml(path))
    check_claim(claim, plan)
    figures = {metric.title for metric in METRICS.values()} | OWN_FIGURES
    for one in claim.effects:
        assert one.measure in figures and set(one.near or {}) <= figures
        for side in (one.of, one.against):
            if isinstance(side, dict):  # some run is so, and so are at least five, unless one seed screens many
                chosen = [run for run in plan if {**one.where, **side}.items() <= run.settings.items()]
                assert len(chosen) >= 5 or path.stem == "rescue", (path.stem, side)
    assert f"claims/{path.name}" in path.read_text()  # the command that repeats it


def test_the_files_hold_nothing_but_plain_values():
    for path in FILES:
        assert json.dumps(yaml.safe_load(path.read_text()))
