"""Repeats on the page over all runs: from a card to the others, and a row per setting where runs are compared."""

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf import gallery_page
from dcgan_tf.compare.curves import _mean_curve
from dcgan_tf.compare.repeats import by_setting
from dcgan_tf.compare.rows import read_runs
from dcgan_tf.gallery_page.build import gallery

PAGE = Path(gallery_page.__file__).parent / "page"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three seeds of hinge, the last of which diverged; two of bce; a run alone; one that is damaged."""
    folder = tmp_path_factory.mktemp("results")
    values = {"hinge": [4.0, 5.0, 9.0], "bce": [6.0, 7.5], "minimax": [8.0]}
    for loss, seed, value in [
        (loss, seed, value) for loss, found in values.items() for seed, value in enumerate(found)
    ]:
        run = write_run(
            folder / f"loss={loss}-seed={seed}", loss=loss, seed=seed, scores=[(20, value)], beside=(1.25, 99)
        )
        if (loss, seed) == ("hinge", 2):
            run.diverged_path.write_text("it did")
    write_run(folder / "damaged").config_path.write_text("{")
    gallery(folder)
    return folder


def test_only_what_repeats_has_the_number_of_its_setting(folder):
    text = (folder / "index.html").read_text()
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    numbers = {run["name"]: run.get("setting") for run in data["runs"]}
    assert "alike" not in text and numbers == {
        "damaged": None, "loss=bce-seed=0": 0, "loss=bce-seed=1": 0, "loss=hinge-seed=0": 1, "loss=hinge-seed=1": 1,
        "loss=hinge-seed=2": 1, "loss=minimax-seed=0": None,
    }  # fmt: skip


def test_a_setting_is_a_row_with_the_numbers_that_tables_have(browser, folder):
    page = browser.open(folder / "index.html")
    card = '.card[data-run="loss%3Dhinge-seed%3D1"] '
    assert page.text(f"{card}.repeats") == "one of 3 seeds: compare them" and page.count(".repeats") == 5
    page.click(f"{card}.repeats")
    page.wait_for("document.querySelectorAll('.column').length === 3")
    rows = {row.name: row for row in by_setting(read_runs(folder))}
    found = " ".join(page.text(".repeats-table tbody").split())
    distance = rows["loss=hinge"].spreads["frechet_distance"]
    assert found.startswith("loss=hinge-seed=0 seed 0, seed 1, seed 2 2 of 3, 1 diverged 1.5 ± 0 (2) 0.5 ± 0 (2)")
    assert found.endswith(f"(2) {distance}")
    names = ("hinge-seed={}", "hinge-seed={}", "bce-seed={}", "bce-seed={}", "minimax-seed={}")
    ids = [quote(quote("loss=" + name.format(place % 2)), safe="") for place, name in enumerate(names)]
    page.evaluate(f"location.hash = '#/compare/{','.join(ids)}'")
    page.wait_for("document.querySelectorAll('.column').length === 5")
    page.wait_for("document.querySelectorAll('.repeats-table tbody tr').length === 3")
    cells = [" ".join(text.split()) for text in page.texts(".repeats-table tbody td:last-child")]
    assert cells == ["4.50 ± 0.71 (2)", str(rows["loss=bce"].spreads["frechet_distance"]), "8 (1)"]
    heads = [" ".join(text.split()) for text in page.texts(".repeats-table tbody th")]
    assert heads == ["loss hinge seed 0, seed 1", "loss bce seed 0, seed 1", "loss minimax seed 0"]
    assert page.count(".repeats-table .best") == 1 and "pixels; 100 samples" in page.text(".part .note:last-child")
    page.evaluate(f"location.hash = '#/run/{ids[0]}'")
    page.wait_for("document.querySelector('main > .run')")
    assert page.texts(".scores dd") == ["4", "smaller is better", "real images 1.25, noise 99"]
    page.evaluate(f"location.hash = '#/compare/{ids[0]},{ids[2]}'")  # of each setting one
    page.wait_for("document.querySelectorAll('.column').length === 2")
    assert page.count(".repeats-table") == 0 and page.errors == []


def test_curves_of_repeats_are_one_line_in_a_band_as_in_pictures(browser, folder):
    page = browser.open(folder / "index.html")
    page.click('.card[data-run="loss%3Dhinge-seed%3D0"] .repeats')
    page.wait_for("document.querySelectorAll('.column').length === 3")
    page.wait_for("document.querySelector('svg .band')")
    names = ".chart:first-child .series"
    assert page.texts(names) == ["loss=hinge-seed=0 (2)", "loss=hinge-seed=2"]  # that one diverged
    assert page.texts(".chart:first-child .keys b")[0].count(" ± ") == 1
    page.click(".bands input")
    page.wait_for("!document.querySelector('svg .band') && document.querySelector('svg .curve')")
    assert page.texts(names) == [f"loss=hinge-seed={seed}" for seed in range(3)]
    curves = [([0, 10, 30], [0.0, 10.0, 10.0]), ([5, 10, 20], [2.0, 3.0, 1.0])]
    written = json.dumps([{"x": x, "y": y} for x, y in curves])
    scripts = "".join((PAGE / name).read_text(encoding="utf-8") for name in ("2_charts.js", "5_repeats.js"))
    call = f"const one = meanOf({written}), other = meanOf([{{x: [1], y: [1]}}, {{x: [3], y: [1]}}]);"
    call += " return [[one.x, one.y, one.band], other]"
    mean, apart = page.evaluate(f"(() => {{ {scripts}\n{call} }})()")
    assert np.allclose(mean, _mean_curve(curves)) and apart is None
    assert page.errors == []


def test_repeats_without_a_part_in_common_are_lines_of_their_own(browser, tmp_path):
    for seed, scores in enumerate([[(1, 9.0), (3, 8.0)], [(10, 6.0), (20, 5.0)]]):
        write_run(tmp_path / f"seed={seed}", seed=seed, scores=scores)
    gallery(tmp_path)
    page = browser.open(tmp_path / "index.html")
    page.click(".repeats")
    page.wait_for("document.querySelectorAll('.chart:last-child .curve').length === 2")
    assert page.texts(".chart:last-child .series") == ["seed=0", "seed=1"]
    assert page.count(".chart:first-child .band") == 1 and page.count(".chart:last-child .band") == 0
    assert page.errors == []
