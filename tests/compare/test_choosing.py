"""Choosing among many runs: differences, filters, the best by one protocol."""

from dataclasses import replace

import pytest
from written_runs import write_run

from dcgan_tf.compare.choosing import best_run, differing_settings, natural, select, yardstick
from dcgan_tf.compare.rows import read_runs
from dcgan_tf.system.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_run(folder / "a", scores=[(10, 5.0), (20, 7.0)])
    write_run(folder / "group" / "b", batch_size=16, beta_1=0.0, scores=[(20, 6.0)])
    write_run(folder / "group" / "c", batch_size=128, seed=1, length=40, scores=[(20, 1.0)], samples=50)
    write_run(folder / "d", whole=False)
    (folder / "e").mkdir()
    (folder / "e" / "config.json").write_text('{"recipe": ')
    (folder / ".hidden" / "run").mkdir(parents=True)
    (folder / ".hidden" / "run" / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("text", ["width 4²", "²", "run ٣", "7"])
def test_any_name_can_be_sorted(text):
    assert sorted([text, "width 10", "width 4"], key=natural)


def test_what_noise_gives_d_is_each_runs_own(folder):
    rows = read_runs(folder)[:1]
    score = rows[0].scores["frechet_distance"]
    line = {**score.line, "yardsticks": {"noise": {"frechet_distance": 9.0, "divergence_bound": 0.6}}}
    scores = {title: replace(score, line=line) for title in ("frechet_distance", "divergence_bound")}
    rows = [replace(rows[0], scores=scores)]
    found = {title: yardstick(rows, title, "noise") for title in scores}
    assert found == {"frechet_distance": 9.0, "divergence_bound": None}


def test_differences_are_those_of_whole_runs(folder):
    rows = read_runs(folder)
    assert differing_settings(rows) == ["seed", "beta_1", "batch_size", "steps"]
    assert differing_settings(rows[:3]) == []


def test_select_by_setting_pattern_and_status(folder):
    rows = read_runs(folder)

    def names(*filters):
        return [row.name for row in select(rows, filters)]

    assert names("batch_size=16") == ["group/b"]
    assert names("batch_size=16", "seed=1") == []
    assert names("group/*") == ["group/b", "group/c"]
    assert names("beta_1=0") == ["group/b"] and names("beta_1=0.50") == ["a", "d", "group/c"]
    assert names("clip_norm=none", "status=finished") == ["a", "group/b"]
    assert names() == [row.name for row in rows]
    with pytest.raises(UserError, match=r"no run has a setting 'batchsize'\. Did you mean 'batch_size'\?"):
        names("batchsize=32")
    with pytest.raises(UserError, match=r"filters=\[\{'width': 4\}\] must be texts, such as \"width=4\""):
        names({"width": 4})  # as YAML reads [width: 4]


def test_only_scores_by_one_protocol_are_compared(folder):
    rows = read_runs(folder)
    row, score, others = best_run(rows, "frechet_distance")
    assert (row.name, score.value) == ("group/b", 6.0)  # c has 1.0, of 50 samples instead of 100
    assert [other.name for other in others] == ["d", "e", "group/c"]
    assert best_run(rows, "frechet_distance", newest=False)[0].name == "a"
    with pytest.raises(UserError, match=r"Did you mean 'frechet_distance'\?"):
        best_run(rows, "frechet_distanse")
    with pytest.raises(UserError, match="`evaluate` measures a run"):
        best_run([rows[1]], "frechet_distance")
