"""The page over all runs: what is written into it, and what it is in a real browser, opened as a file."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

import conditional_runs
import numpy as np
import pytest
from written_runs import write_run

from dcgan_tf.cli import cli
from dcgan_tf.gallery_page import build
from dcgan_tf.gallery_page.build import _embedded, gallery
from dcgan_tf.gallery_page.run_pictures import shown_in_grids
from dcgan_tf.pictures.films import write_gif, write_webp
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.system.errors import UserError

NASTY = "<img src=x onerror=alert(1)> 'q' \"Q\" #1 100% é–☃ &amp; javascript:alert(1)"
SCRIPT = "</script><script>document.title = 'taken'</script><!--"


def draw(run, count=2, shade=0):
    """Grids of plain colour, each of its own, and a film of them, twice."""
    run.grids_path.mkdir()
    pictures = [np.full((12, 12, 3), (40 * number + 20, shade, 90), np.uint8) for number in range(1, count + 1)]
    for number, picture in enumerate(pictures, 1):
        save_png(run.grids_path / f"epoch_{number:04d}.png", picture)
    write_gif(run.gif_path, pictures, 0.1)
    assert write_webp(run.webp_path, pictures, 0.1)
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good runs, in a sweep's folder too, and every way in which a run can be less than whole."""
    folder = tmp_path_factory.mktemp("res ults #1%")
    draw(write_run(folder / "good", steps=40, length=40, scores=[(20, 9.0), (40, 5.0)]), 4)
    about = {"alarm": "the training oscillates", "since": 5, "seen": "it swung", "remedies": "patience"}
    with open(folder / "good" / "alarms.jsonl", "w") as file:
        file.write(json.dumps({"step": 10, "on": True, **about}) + "\n")
        file.write(json.dumps({"step": 30, "on": False, "alarm": about["alarm"]}) + "\n")
    draw(write_run(folder / "sweep" / "small", scores=[(20, 7.0)], batch_size=17, width=8), 2, shade=99)
    draw(write_run(folder / "sweep" / "other", scores=[(20, 1.0)], samples=50, loss="hinge"), 2, shade=200)
    shutil.copy(folder / "good" / "grids" / "epoch_0001.png", folder / "sweep" / "sheet <b>.png")
    (folder / "sweep" / "sweep.csv").write_text("run\n")
    (folder / "good" / "latent").mkdir()
    shutil.copy(folder / "good" / "grids" / "epoch_0001.png", folder / "good" / "latent" / "a plane.png")
    draw(write_run(folder / NASTY))
    run = draw(write_run(folder / "named", steps=10, length=10), 1)
    config = run.config | {"started": "2025-06-30T12:00:00+0000"}
    config["dataset"] |= {"name": f"data/{SCRIPT}"}
    run.write_config(config)
    draw(write_run(folder / "half", length=90, whole=False))
    run = draw(write_run(folder / "diverged", length=90))
    run.diverged_path.write_text(f"a loss is no longer a finite number {SCRIPT}\n")
    run = draw(write_run(folder / "failed", length=90))
    error = {"output_type": "error", "ename": "UserError", "evalue": "the disk is full"}
    run.notebook_path.write_text(json.dumps({"cells": [{"source": []}, {"outputs": [error]}]}))
    shutil.copy(run.notebook_path, folder / "named" / "notebook.ipynb")
    draw(write_run(folder / "no config")).config_path.unlink()
    draw(write_run(folder / "bad config")).config_path.write_text('{"recipe": ')
    draw(write_run(folder / "bad history")).history_path.write_bytes(b"\xff\xfe\n\x00" * 99)
    draw(write_run(folder / "no numbers")).history_path.write_text("step,epoch\nx,y\nz\n")
    draw(write_run(folder / "bad metrics")).metrics_path.write_text('{"metrics": 3}\n')
    (folder / "only a notebook").mkdir()
    (folder / "only a notebook" / "notebook.ipynb").write_text(json.dumps({"cells": [{"outputs": [error]}]}))
    (folder / "pictures").mkdir()  # no run
    gallery(folder)
    return folder


def data_of(page):
    """The page's own data: the cards by the runs' names, and the details of each."""
    text = page.read_text(encoding="utf-8")
    blocks = dict(re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', text, re.S))
    data = json.loads(blocks["data"])
    return data, {run["name"]: (run, json.loads(blocks[f"run-{place}"])) for place, run in enumerate(data["runs"])}


def test_every_run_is_there_and_says_how_it_is(folder):
    data, runs = data_of(folder / "index.html")
    assert {name: run["status"] for name, (run, _) in runs.items()} == {
        "good": "finished", "small": "finished", "other": "finished", NASTY: "finished", "named": "finished",
        "half": "interrupted", "diverged": "diverged", "failed": "failed", "no config": "damaged",
        "bad config": "damaged", "bad history": "damaged", "no numbers": "damaged", "bad metrics": "damaged",
        "only a notebook": "failed",
    }  # fmt: skip
    problem = {name: " ".join(run["problems"]) for name, (run, _) in runs.items()}
    assert "config.json" in problem["no config"] and "has lost" in problem["no config"]
    assert "config.json" in problem["bad config"] and "damaged" in problem["bad config"]
    assert "history.csv" in problem["bad history"] and "no column 'seconds'" in problem["no numbers"]
    assert "metrics.jsonl" in problem["bad metrics"]
    assert "the disk is full" in problem["failed"] and "the disk is full" in problem["only a notebook"]
    assert "no longer a finite number" in problem["diverged"] and problem["good"] == problem["half"] == ""
    assert "its notebook stopped: UserError: the disk is full" in problem["named"]
    # What is there of a damaged run is shown.
    assert all(len(runs[name][1]["grids"]) == 2 for name in ("no config", "bad config", "bad history", "bad metrics"))
    assert data["title"].startswith("res ults #1%")


def test_the_numbers_are_those_of_the_runs(folder):
    data, runs = data_of(folder / "index.html")
    card, details = runs["good"]
    assert (card["step"], card["epochs"], card["seconds"], card["seed"]) == (40, 4, 20.0, 0)
    assert (card["recipe"], card["dataset"], card["folder"]) == ("quick", "fake", "")
    assert [grid[1:] for grid in details["grids"]] == [[10, 1, 5.0], [20, 2, 10.0], [30, 3, 15.0], [40, 4, 20.0]]
    assert details["history"]["generator_loss"] == [1.5] * 4 and details["history"]["step"] == [10, 20, 30, 40]
    assert details["settings"]["width"] == "32" and "width" not in details["changed"]
    assert [(alarm["name"], alarm["over"]) for alarm in details["alarms"]] == [("the training oscillates", 30)]
    assert card["alarms"] == 0
    small, changed = runs["small"]
    assert small["folder"] == "sweep" and set(changed["changed"]) == {*details["changed"], "batch_size", "width"}
    # Scores by one protocol share a column, which others must not; the newest one is on the card.
    columns = {name: runs[name][0]["scores"] for name in ("good", "small", "other")}
    assert columns["good"].keys() == columns["small"].keys() != columns["other"].keys()
    assert list(columns["good"].values()) == [5.0] and "100 samples" in data["metrics"][0]["protocol"]
    assert [line["metrics"][0]["value"] for line in details["evaluations"]] == [9.0, 5.0]
    assert runs["named"][0]["started"] == 1751284800000
    commands = dict(details["commands"])
    assert commands["Train it again"].count("--steps 40 --seed 0 --log-every 10") == 1
    assert "good-again" in commands["Train it again"]
    assert dict(runs["half"][1]["commands"])["Go on from where it stopped"].count("half'") == 1


def test_a_name_that_begins_with_a_dash_is_no_option_of_a_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path("-dash"))
    commands = dict(data_of(gallery("."))[1]["-dash"][1]["commands"])
    assert commands["Measure it"] == "python -m dcgan_tf evaluate ./-dash"
    assert "--run-dir ./-dash-again " in commands["Train it again"] + " "


def test_only_true_puts_the_pictures_into_the_page(tmp_path):
    with pytest.raises(UserError, match=r"^embed='no' must be True or False$"):
        gallery(tmp_path, "no")


def test_an_alarm_stays_when_an_earlier_generator_is_measured_after_it(tmp_path):
    run = write_run(tmp_path / "run", steps=5000, scores=[(5000, 9.0), (2000, 1.0)])
    looks = {
        5000: {"spread": 0.1, "neighbours": 0.1, "copied": 0.0},
        2000: {"spread": 1.0, "neighbours": 1.0, "copied": 0.0},
    }
    lines = [json.dumps({**line, "look": looks[line["step"]]}) + "\n" for line in run.metrics()]
    run.metrics_path.write_text("".join(lines))
    card, details = data_of(gallery(tmp_path))[1]["run"]
    assert [alarm["name"] for alarm in details["alarms"]] == ["mode collapse"] and card["alarms"] == 1


def test_a_long_history_is_thinned_by_means(tmp_path):
    run = write_run(tmp_path / "long", steps=10, length=10)
    rows = [{**run.rows()[0], "step": step, "generator_loss": float(step % 2)} for step in range(1, 1001)]
    run.rewrite_history([*rows[:-1], {**rows[-1], "generator_loss": float("nan")}])
    _, runs = data_of(gallery(tmp_path))
    history = runs["long"][1]["history"]
    assert history["rows_per_point"] == 5 and len(history["step"]) == 200 and history["step"][-1] == 1000
    assert set(history["generator_loss"][1::2]) == {0.4, None} and set(history["generator_loss"][::2]) == {0.6}


def test_texts_of_runs_are_data_and_addresses_are_quoted(folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text and SCRIPT not in text and "taken'</script>" not in text

    found = []

    class Scripts(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.extend([dict(attributes).get("type")] if tag == "script" else [])
            assert not any(name.startswith("on") or name == "style" for name, _ in attributes)

    Scripts().feed(text)
    assert found == ["application/json"] * (1 + len(data_of(folder / "index.html")[1])) + [None]
    _, runs = data_of(folder / "index.html")
    for card, details in runs.values():
        addresses = [
            *(one[1] for one in details["samples"]),
            card["still"],
            card["film"],
            *(one[0] for one in details["grids"]),
            *(one[2] for one in details["files"]),
        ]
        for address in filter(None, addresses):
            assert re.fullmatch(r"[\w.~/%-]+", address, re.ASCII)
            assert (folder / unquote(address)).is_file()
    source = Path(gallery.__globals__["__file__"]).parent / "page"
    script = "".join(path.read_text() for path in source.glob("*.js"))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|https?://(?!www\.w3\.org/2000/svg)", script
    )


def test_pictures_can_be_put_into_the_page(folder, tmp_path):
    shutil.copytree(folder / "good", tmp_path / "good")
    _, runs = data_of(gallery(tmp_path, embed=True))
    card, details = runs["good"]
    assert all(one.startswith("data:image/png;base64,") for one in [card["still"], *(g[0] for g in details["grids"])])
    kinds = {len(path.read_bytes()): path.suffix[1:] for path in (tmp_path / "good").glob("progress.*")}
    assert card["film"].startswith(f"data:image/{kinds[min(kinds)]};base64,")  # the lighter one
    assert [name for name, _ in details["samples"]] == ["latent/a plane.png"]
    assert _embedded(tmp_path / "good" / "progress.webp").startswith("data:image/webp;base64,")


def test_a_run_that_is_being_written_is_still_running(tmp_path):
    run = write_run(tmp_path / "busy", length=90)
    with only_writer(run):
        assert data_of(gallery(tmp_path))[1]["busy"][0]["status"] == "running"
    assert data_of(gallery(tmp_path))[1]["busy"][0]["status"] == "interrupted"


def test_no_damage_of_one_run_hides_the_others(tmp_path):
    write_run(tmp_path / "good")
    configs = [
        {"dataset": True},
        {"recipe": []},
        {"hardware": 3},
        {"steps_per_epoch": 0},
        {"seed": None},
        {"length": []},
    ]
    for number, change in enumerate(configs):
        run = write_run(tmp_path / f"config {number}")
        run.config_path.write_text(json.dumps({**run.config, **change}))
    for number, line in enumerate(
        ['{"metrics": {"a": {"mean": "x"}}}', "[]", "3", '{"step": "</script>"}', '{"look": 3}']
    ):
        write_run(tmp_path / f"metrics {number}").metrics_path.write_text(f"{line}\n")
    run = write_run(tmp_path / "header")
    run.history_path.write_text(run.history_path.read_text().replace("epoch", "age"))
    run = write_run(tmp_path / "alarms")
    run.alarms_path.write_text('{"on": true}\n{"alarm": []}\n')
    _, runs = data_of(gallery(tmp_path))
    statuses = {name: card["status"] for name, (card, _) in runs.items()}
    assert statuses.pop("good") == "finished" and len(statuses) == 13
    assert statuses.pop("alarms") == "damaged" and "alarms.jsonl" in runs["alarms"][0]["problems"][0]
    assert {name for name in statuses if statuses[name] != "damaged"} == set()
    assert all(runs[name][0]["problems"] for name in statuses)


def test_what_a_run_may_lack_or_have_otherwise_hides_nothing(tmp_path):
    for name, change in (("unnamed", {"dataset": {"image_shape": [28, 28, 1]}}), ("gpus", {"hardware": {"gpus": 3}})):
        run = write_run(tmp_path / name)
        run.write_config({**run.config, **change})
    run = write_run(tmp_path / "nan")
    run.history_path.write_text(run.history_path.read_text() + "30,3,nan,1,1,1,1,1\n")
    _, runs = data_of(gallery(tmp_path))
    (unnamed, its), (_, gpus), (nan, _) = (runs[name] for name in ("unnamed", "gpus", "nan"))
    assert not its["commands"] and "trained on" in unnamed["problems"][0] and gpus["machine"]["GPUs"] == "3"
    assert (nan["status"], nan["step"], nan["seconds"]) == ("damaged", 20, 10.0) and "nan" in nan["problems"][0]


def test_mistakes_are_said_in_one_line(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        gallery(tmp_path / "nowhere")
    (tmp_path / "index.html").write_text("<p>my own page</p>")
    with pytest.raises(UserError, match="was not made by `gallery`"):
        gallery(tmp_path)
    assert (tmp_path / "index.html").read_text() == "<p>my own page</p>"


def test_a_folder_in_the_pages_place_and_what_only_looks_like_a_picture(tmp_path):
    (tmp_path / "index.html").mkdir()
    with pytest.raises(UserError, match=r"index\.html' is a folder, where the page has to go"):
        gallery(tmp_path)
    (tmp_path / "index.html").rmdir()
    draw(write_run(tmp_path / "sweep" / "a-1"))
    draw(write_run(tmp_path / "sweep" / "a-1b"))
    for folder in (tmp_path / "sweep", tmp_path / "sweep" / "a-1"):
        (folder / "x.png").mkdir()
        (folder / "dangling.png").symlink_to(tmp_path / "nowhere")
        save_png(folder / "sheet.png", np.zeros((4, 4, 3), np.uint8))
    for embed in (False, True):
        data, runs = data_of(gallery(tmp_path, embed))
        assert [name for name, _ in data["sheets"]["sweep"]["pictures"]] == ["sheet.png"]
        assert [name for name, _ in runs["a-1"][1]["samples"]] == ["sheet.png"]


def test_a_sweep_that_is_pointed_at_shows_its_own_sheet(folder, tmp_path):
    shutil.copytree(folder / "sweep", tmp_path / "sweep")
    data, _ = data_of(gallery(tmp_path / "sweep"))
    assert [name for name, _ in data["sheets"][""]["pictures"]] == ["sheet <b>.png"]
    assert [name for name, _ in data["sheets"][""]["tables"]] == ["sweep.csv"]


def test_runs_behind_links_are_found_once(tmp_path):
    draw(write_run(tmp_path / "far" / "deep" / "one"))
    results = tmp_path / "results"
    draw(write_run(results / "here"))
    (results / "linked").symlink_to(tmp_path / "far")
    (results / "again").symlink_to(results / "here")
    (results / "linked" / "up").symlink_to(results)
    _, runs = data_of(gallery(results))
    assert {name: card["folder"] for name, (card, _) in runs.items()} == {"one": "linked/deep", "here": ""}
    assert (results / unquote(runs["one"][0]["still"])).is_file()


def test_names_on_cards_leave_out_what_a_folders_runs_share(tmp_path):
    names = [f"mnist5k-quick-batch_size={size}-learning_rate=1e-05-seed0" for size in (16, 32)]
    for name in (*names, "sweep/wide-seed0", "sweep/narrow-seed0", "alone/wide-seed0"):
        write_run(tmp_path / name)
    _, runs = data_of(gallery(tmp_path))
    short = {f"{card['folder']}/{name}": card["short"] for name, (card, _) in runs.items()}
    assert [short[f"/{name}"] for name in names] == ["batch_size=16", "batch_size=32"]
    assert short["sweep/narrow-seed0"] == "narrow"


def test_of_a_damaged_run_the_pictures_of_the_first_steps_come_first(tmp_path):
    run = draw(write_run(tmp_path / "lost"))
    save_png(run.grids_path / "step_000003.png", np.zeros((4, 4, 3), np.uint8))
    run.config_path.unlink()
    grids = data_of(gallery(tmp_path))[1]["lost"][1]["grids"]
    assert [one[1:] for one in grids] == [[3, None, None], [None, 1, None], [None, 2, None]]


def test_a_part_of_an_epoch_is_not_called_an_epoch(tmp_path):
    run = write_run(tmp_path / "short", steps=10)
    run.rewrite_history([{**run.rows()[0], "step": 4}])
    assert data_of(gallery(tmp_path))[1]["short"][0]["epochs"] == 0.4


def test_the_command_line_prints_where_the_page_is(folder, capsys):
    cli.main(["gallery", str(folder)], standalone_mode=False)
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"
    assert [name for name in os.listdir(folder) if "partial" in name] == []


# --- in a real browser ------------------------------------------------------------------------------------


def test_durations_are_said_without_what_is_nothing(browser, folder):
    tools = (Path(build.__file__).parent / "page" / "1_tools.js").read_text(encoding="utf-8")
    seconds = [0, 4.25, 9.96, 59.7, 89, 2400, 3599.8, 5431, 7200, None]
    spoken = browser.open(folder / "index.html").evaluate(
        f"(() => {{ {tools}; return {json.dumps(seconds)}.map(duration) }})()"
    )
    assert spoken == ["0 s", "4.3 s", "10 s", "1 min", "1 min 29 s", "40 min", "1 h", "1 h 31 min", "2 h", "–"]


def visible(page):
    return page.evaluate(
        "[...document.querySelectorAll('.card')].filter(c => !c.hidden).map(c => c.querySelector('h2').textContent)"
    )


def run_hash(identity):
    return f"#/run/{quote(identity, safe='')}"


def wait_for_view(page, view):
    page.wait_for(f"document.querySelector('main > .view.{view}')")


def test_overview_filters_sorts_and_never_runs_what_a_run_is_called(browser, folder):
    page = browser.open(folder / "index.html")
    assert page.count(".card") == 14 and page.text(".count") == "14 runs"
    assert NASTY in visible(page)
    assert page.evaluate("document.querySelectorAll('.card img[src=x], [onerror], main script').length") == 0
    page.wait_for("[...document.querySelectorAll('.card .picture img')].slice(0, 4).every(i => i.naturalWidth)")
    page.evaluate("document.querySelector('[name=recipe]').value = 'quick'")
    page.evaluate("document.querySelector('[name=recipe]').dispatchEvent(new Event('change'))")
    assert len(visible(page)) == 11  # those without a config have no recipe
    page.press("/")
    page.type("width=8 batch_size=17")
    assert visible(page) == ["small"]
    assert "q=width" in page.evaluate("location.hash") and page.text(".count") == "1 of 14 runs"
    # By metric: the best first, those measured otherwise or not at all last; a bound leaves only measured ones.
    page.go(f"{(folder / 'index.html').as_uri()}#/?metric=0&sort=metric")
    page.wait_for("document.querySelector('[name=metric]').value === '0'")
    assert visible(page)[:2] == ["good", "small"] and len(visible(page)) == 14
    assert "smaller is better, measured with pixels; 100 samples" in page.text(".count")
    assert page.texts(".card:not([hidden]) .score")[:3] == [
        "5 frechet_distance",
        "7 frechet_distance",
        "frechet_distance was not measured",
    ]
    page.click("[name=bound]")
    page.type("6")
    assert visible(page) == ["good"]
    page.evaluate("location.hash = '#/'")
    page.wait_for("location.hash === '#/' && document.querySelector('[name=bound]').value === ''")
    page.click(".card[data-run='sweep/small'] .folder button")
    assert sorted(visible(page)) == ["other", "small"]
    page.wait_for("document.querySelector('.sheets img').naturalWidth === 12")
    assert page.text(".sheets figcaption") == "sheet <b>.png" and page.text(".sheets .note") == "Tables: sweep.csv"
    page.evaluate("location.hash = '#/?from=2025-01-01&to=2025-12-31'")
    page.wait_for("document.querySelector('[name=from]').value === '2025-01-01'")
    assert visible(page) == ["named"]
    page.evaluate("location.hash = '#/?status=damaged&sort=name'")
    page.wait_for("document.querySelector('[name=status]').value === 'damaged'")
    assert visible(page) == ["bad config", "bad history", "bad metrics", "no config", "no numbers"]
    page.evaluate("location.hash = '#/?q=nothing-is-called-so'")
    page.wait_for("!document.querySelector('.overview .empty').hidden")
    page.click(".empty button")
    assert len(visible(page)) == 14
    page.hover(".card[data-run=good] .title")
    page.wait_for("document.querySelector('.card[data-run=good] img.film')?.naturalWidth === 12")
    page.hover("h1")
    page.wait_for("!document.querySelector('img.film')")
    assert page.evaluate("document.title").startswith("res ults") and page.errors == []
    assert all(address.startswith(("file:", "data:")) for address in page.requests)


def test_a_runs_page_by_keyboard(browser, folder):
    page = browser.open(f"{(folder / 'index.html').as_uri()}#/?q=good")
    page.evaluate("document.querySelector('.card:not([hidden]) a').focus()")
    page.press("Enter")
    wait_for_view(page, "run")
    assert page.text("h1") == "good" and "epoch 4 · step 40 · 20 s" in page.text(".timeline")
    page.press("ArrowLeft")
    page.wait_for("document.querySelector('.film img').src.endsWith('epoch_0003.png')")
    assert "epoch 3" in page.text(".timeline") and page.evaluate("document.querySelector('.film img').alt").endswith(
        "15 s"
    )
    page.press("Home")
    page.wait_for("document.querySelector('.film img').src.endsWith('epoch_0001.png')")
    page.press(" ")  # play, to the end
    page.wait_for("document.querySelector('.film img').src.endsWith('epoch_0004.png')")
    page.wait_for("document.querySelector('.film .round').getAttribute('aria-label') === 'Play'")
    # Curves are drawn from the history; the slider moves their cursor.
    page.wait_for("document.querySelectorAll('.plot svg path').length >= 5")
    assert page.texts(".chart h3") == ["Losses", "What the discriminator believes", "frechet_distance"]
    assert page.texts(".chart:first-of-type .keys b") == ["1.5", "0.5"]
    assert page.text(".scores").split("\n")[:2] == ["frechet_distance", "5"]
    assert "100 samples" in page.text(".part .note") and "--steps 40" in page.text("pre")
    assert page.text(".samples figcaption") == "latent/a plane.png"
    assert page.text(".curves summary") == "1 alarm that came and went"
    assert page.texts(".settings dt").count("width") == 1
    assert page.evaluate("document.querySelector('.files a').getAttribute('href')") == "good/config.json"
    page.press("c")
    assert page.evaluate("document.querySelector('.check input').checked") and not page.evaluate(
        "document.querySelector('#tray').hidden"
    )
    page.press("Escape")
    wait_for_view(page, "overview")
    assert visible(page) == ["good"] and page.errors == []


def test_escape_empties_the_search_and_letter_keys_can_be_switched_off(browser, folder):
    page = browser.open(folder / "index.html")
    page.press("/")
    page.type("small")
    assert visible(page) == ["small"]
    page.press("Escape")
    assert page.evaluate("document.querySelector('[name=q]').value") == "" and len(visible(page)) == 14
    page.press("Escape")  # a second one leaves the box
    assert page.evaluate("document.activeElement.name") is None
    page.evaluate("document.querySelector('.more summary').focus()")
    page.press(" ")
    page.wait_for("document.querySelector('.more').open")
    picked = "document.querySelectorAll('.card.picked').length"
    page.evaluate("document.querySelector('.card[data-run=good] a').focus()")
    page.press("c")
    assert page.evaluate(picked) == 1
    page.click("footer input")
    page.evaluate("document.querySelector('.card[data-run=good] a').focus()")
    page.press("c")
    page.press("/")
    assert page.evaluate(picked) == 1 and page.evaluate("document.activeElement.tagName") == "A"
    page.evaluate(f"location.hash = {json.dumps(run_hash('good'))}")
    wait_for_view(page, "run")
    page.press("j")
    assert page.text("h1") == "good"
    page.press("ArrowLeft")  # others go on
    page.wait_for("document.querySelector('.film img').src.endsWith('epoch_0003.png')")
    page.click("footer input")
    page.press("c")
    assert not page.evaluate("document.querySelector('.check input').checked") and page.errors == []


def test_metrics_are_told_apart_by_what_differs(browser, folder):
    page = browser.open(folder / "index.html")
    assert page.texts("[name=metric] option") == [
        "no metric",
        "frechet_distance: 100 samples",
        "frechet_distance: 50 samples",
    ]


def test_a_run_without_grids_says_so_beside_others(browser, folder):
    page = browser.open(f"{(folder / 'index.html').as_uri()}#/compare/only%2520a%2520notebook,only%2520a%2520notebook")
    wait_for_view(page, "compare")
    assert page.text(".column .nothing") == "no grids were recorded"


def test_a_runs_page_of_every_kind(browser, folder):
    page = browser.open(folder / "index.html")
    data, runs = data_of(folder / "index.html")
    for name, (card, details) in runs.items():
        page.evaluate(f"location.hash = {json.dumps(run_hash(card['id']))}")
        page.wait_for(f"document.querySelector('main > .run h1')?.innerText === {json.dumps(name)}")
        assert page.text(".masthead .mark") == card["status"]
        assert all(problem in page.text(".notice") for problem in card["problems"])
        if details["grids"]:
            page.wait_for("document.querySelector('.film img').naturalWidth === 12")
        else:
            assert page.text(".film") == "No grids were recorded."
        assert page.evaluate("document.title") == f"{name} · {data['title']}"
    page.evaluate("location.hash = '#/run/%E0%A4%A'")  # no address at all
    page.wait_for("document.querySelector('h1').innerText === 'Not here'")
    assert page.errors == []
    page.close()


def test_runs_side_by_side(browser, folder):
    page = browser.open(folder / "index.html")
    page.click(".card[data-run=good] .pick input")
    assert "Pick another" in page.text("#tray")
    page.evaluate("document.querySelector('.card[data-run=\"sweep/small\"] a').focus()")
    page.press("c")
    page.click("#tray a")
    wait_for_view(page, "compare")
    assert [text.strip() for text in page.texts(".column h2")] == ["good", "small"]
    assert "epoch 4" in page.text(".sticky output") and "its last" in page.texts(".column .when")[1]
    page.press("Home")
    sources = "[...document.querySelectorAll('.column img')].map(i => i.getAttribute('src'))"
    assert page.evaluate(sources) == ["good/grids/epoch_0001.png", "sweep/small/grids/epoch_0001.png"]
    page.click(".units label:nth-of-type(3) input")  # equal images: small has 17 in a step
    page.press("End")
    assert page.text(".sticky output") == "2,560 images" and page.text("h1") == "2 runs compared at equal images"
    assert page.evaluate(sources)[1] == "sweep/small/grids/epoch_0002.png"
    page.evaluate("document.activeElement.blur()")
    page.press("Home")
    assert page.text(".sticky output") == "170 images" and "nothing drawn yet" in page.texts(".column")[0]
    # Equal seconds; not by the mouse, under which the page may still be moving: Home has scrolled it, too.
    page.evaluate("document.querySelector('.units label:nth-of-type(4) input').click()")
    page.press("End")
    assert page.text(".sticky output") == "20 s"
    assert page.evaluate(sources) == ["good/grids/epoch_0004.png", "sweep/small/grids/epoch_0002.png"]
    rows = page.texts(".settings-table tbody th")
    assert rows[:2] == ["steps", "batch_size"] or set(rows) >= {"steps", "batch_size", "width"}
    assert page.count(".part table .best") == 1 and page.texts(".chart h3")[:2] == [
        "Generator's loss",
        "Discriminator's loss",
    ]
    page.wait_for("document.querySelectorAll('.chart:first-of-type path').length === 2")
    page.evaluate("history.back()")
    wait_for_view(page, "overview")
    assert page.count(".card.picked") == 2 and page.errors == []


def test_on_a_phone_in_the_dark(browser, folder):
    page = browser.open(folder / "index.html", width=390, height=844, touch=True, dark=True)
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) <= 0
    cut_off = "[...document.querySelectorAll('.actions, .about')].filter(part => part.scrollWidth > part.clientWidth)"
    assert page.evaluate(f"{cut_off}.length") == 0
    page.tap(".card[data-run=good] .play")
    page.wait_for("document.querySelector('.card[data-run=good] img.film').naturalWidth === 12")
    page.tap(".card[data-run=good] .play")
    page.wait_for("!document.querySelector('.card img.film')")
    page.tap(".card[data-run=good] .pick input")
    page.tap(".card[data-run='sweep/other'] .pick input")
    page.tap("#tray a")
    wait_for_view(page, "compare")
    assert page.evaluate(overflow) <= 0
    inside = "[...document.querySelectorAll('.part > .scroll')].map(box => box.scrollWidth <= box.clientWidth)"
    assert page.evaluate(inside) == [True, True]  # both runs' columns: metrics, and settings that differ
    page.evaluate(f"location.hash = {json.dumps(run_hash(quote(NASTY)))}")
    wait_for_view(page, "run")
    assert page.evaluate(overflow) <= 0
    small = """[...document.querySelectorAll('button, select, input:not([type=checkbox]), .back, .step, .pick')]
        .filter(e => e.offsetParent && e.getBoundingClientRect().height < 36).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(small) == []
    assert page.errors == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(browser, folder, dark):
    """Contrast of at least 4.5 to 1 (WCAG AA), measured on what the browser computed."""
    good, diverged = (quote(name) for name in ("good", "diverged"))
    page = browser.open(folder / "index.html", dark=dark)
    for view, address in (
        ("overview", "#/"),
        ("run", f"#/run/{diverged}"),
        ("run", f"#/run/{good}"),
        ("compare", f"#/compare/{good},{diverged}"),
    ):
        page.evaluate(f"location.hash = '{address}'")
        wait_for_view(page, view)
        if view != "overview":
            page.wait_for("document.querySelector('.plot svg text')")
        assert page.hard_to_read() == []


def test_two_hundred_runs_open_with_few_pictures(browser, folder, tmp_path):
    first = folder / "good"
    for number in range(200):
        copy = tmp_path / f"run {number}"
        copy.mkdir()
        for path in first.rglob("*"):
            if path.is_dir():
                (copy / path.name).mkdir()
            else:
                os.link(path, copy / path.relative_to(first))
    page = browser.open(gallery(tmp_path))
    assert page.text(".count") == "200 runs" and page.count(".card") == 200
    page.wait_for("document.querySelector('.card img').naturalWidth")
    pictures = [address for address in page.requests if ".png" in address or ".gif" in address]
    assert 4 <= len(pictures) < 100 and not any(".gif" in address for address in pictures)
    page.evaluate("document.querySelector('.card:last-child').scrollIntoView()")
    page.wait_for("document.querySelector('.card:last-child img').naturalWidth")
    assert page.errors == []


def test_what_a_conditional_runs_grids_show_is_said(tmp_path):
    labels = {"classes": conditional_runs.CLASSES, "attributes": conditional_runs.ATTRIBUTES}
    for name, known in labels.items():
        write_run(tmp_path / name, conditional=True).write_labels(known)
    write_run(tmp_path / "lost", conditional=True)
    write_run(tmp_path / "plain")
    shown = {path.name: shown_in_grids(Run(path)) for path in tmp_path.iterdir()}
    assert shown == {
        "classes": "a row for each class, from above: cat, <owl> & 'co', eel",
        "attributes": "with attributes as in the data",
        "lost": None,
        "plain": None,
    }
    assert "a row for each class" in gallery(tmp_path).read_text(encoding="utf-8")


def test_a_tall_grid_is_whole_on_its_card(browser, tmp_path):
    run = draw(write_run(tmp_path / "tall"))
    for path in run.grids_path.glob("*.png"):
        save_png(path, np.full((60, 12, 3), 90, np.uint8))
    page = browser.open(gallery(tmp_path))
    page.wait_for("document.querySelector('.card .picture img').naturalHeight === 60")
    heights = page.evaluate("['.picture img', '.picture'].map(s => document.querySelector('.card ' + s).offsetHeight)")
    assert heights[0] <= heights[1]
