"""The page to play with, opened from the disk in a real browser: its images are Python's."""

import functools
import http.server
import json
import shutil
import threading

import numpy as np
import pytest
from generator_page import READY, assert_same_image, pixels, slide
from generators import NARROW, shaken_generator

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.decoding import decode
from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.exporting import web as export_web_module
from dcgan_tf.exporting.original import load_original
from dcgan_tf.exporting.targets import check_folder
from dcgan_tf.exporting.web import PAGE, _attributes, _index, describe, export_web
from dcgan_tf.latent.space import open_space
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.generators import load_generator
from dcgan_tf.run.sampling import Sampler, draw_latents, sample
from dcgan_tf.system.errors import UserError

NAME = "<b>faces & 'co'"
FILES = (
    "export.json generator.js icon.png index.html labels.js latents.js page.css page.js painter.js random.js runtime.js"
)
DAMAGED = "const RUNTIME = {ort: '', loader: '', wasm: 'AAAA', worker: 'self.onmessage = () => cannot_work();'};"


@pytest.fixture(scope="module")
def web(run, runtime):
    folder, difference = export_web(run.path, say=lambda text: None)
    assert folder == run.path / "web" and difference < 1e-4
    return folder


@pytest.fixture
def page(browser, web):
    page = browser.open(web / "index.html")
    page.wait_for(READY, 30)
    yield page
    assert page.errors == []
    assert {address.split(":")[0] for address in page.requests} <= {"file", "blob"}  # no network
    page.close()


def test_the_folder_is_whole_and_says_what_it_holds(web):
    assert sorted(path.name for path in web.iterdir()) == sorted([*FILES.split(), "sharing.js", "state.js"])
    index = (web / "index.html").read_text()
    assert "<title>&lt;b&gt;faces &amp; &#x27;co&#x27;</title>" in index and "{{" not in index
    scripts = (web / "generator.js").read_text() + (web / "runtime.js").read_text()
    assert "</script" not in scripts.lower() and "<b>" not in scripts
    assert "MIT" in (web / "runtime.js").read_text()[:200]


def test_images_are_pythons(page, run):
    assert page.text("h1") == NAME and page.text("header p") == "32×32 colour, recipe quick, 0.1 epochs of fake"
    expected = sample(run.path, 24, seed=0)
    for index in (0, 1, 23):
        assert_same_image(pixels(page, f"#tiles button:nth-child({index + 1}) canvas"), expected[index])
    assert_same_image(pixels(page, "#image"), expected[0])
    page.click("#tiles button:nth-child(6)")
    page.wait_for(READY, 30)
    assert_same_image(pixels(page, "#image"), expected[5])
    assert page.text("#caption") == "seed 0, image 5"
    page.evaluate("document.querySelector('#seed').focus()")
    page.evaluate("document.querySelector('#seed').select()")
    page.type("123456")
    page.wait_for(READY, 30)
    slide(page, "#spread", 0.5)
    expected = sample(run.path, 24, seed=123456, latent_std=0.4)  # half of the training's
    assert_same_image(pixels(page, "#tiles button:nth-child(24) canvas"), expected[23])


def test_between_two_picks_and_along_a_direction(page, run):
    space = open_space(run.path)
    a, b = space.random(8, seed=0)[[2, 7]]
    page.click("#tiles button:nth-child(3)")
    page.press("b")
    page.click("#tiles button:nth-child(8)")
    slide(page, "#blend", 0.3)
    assert_same_image(pixels(page, "#image"), space.draw(space.way(a, b, 0.3)))
    assert_same_image(pixels(page, "#pick-a canvas"), space.draw(a))
    assert_same_image(pixels(page, "#strip button:nth-child(5) canvas"), space.draw(space.way(a, b, 0.5)))
    slide(page, "[aria-label='Direction 2']", 1.5)
    direction = page.evaluate("directions[1].vector")
    moved = space.walk(space.way(a, b, 0.3), np.array(direction), 1.5)
    assert np.allclose(page.evaluate("[...shownLatents()]"), moved, atol=1e-6)
    assert_same_image(pixels(page, "#image"), space.draw(moved))
    page.press("0")
    page.wait_for(READY, 30)
    assert_same_image(pixels(page, "#image"), space.draw(space.way(a, b, 0.3)))


def test_a_link_shows_the_same_and_keys_move(page, browser):
    for key in ("r", "b"):
        page.press(key)
    page.click("#tiles button:nth-child(4)")
    page.press("ArrowRight")
    page.press("ArrowDown")
    page.press("Enter")
    slide(page, "#blend", 0.62)
    slide(page, "[aria-label='Direction 1']", -2)
    page.click("#smooth")
    page.click("#link")
    address = page.evaluate("location.href")
    assert "&t=0.62&smooth=1&d1=-2" in address and address.count(".") >= 3
    other = browser.open(address, width=390, height=800, dark=True, touch=True)
    other.wait_for(READY, 30)
    assert np.array_equal(pixels(other, "#image"), pixels(page, "#image"))
    assert other.text("#caption") == page.text("#caption")
    assert other.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out of a phone
    other.tap("#play")
    other.wait_for("state.t > 0.7")
    other.tap("#play")
    other.close()


def test_sliders_by_keyboard(page):
    page.evaluate("document.querySelector('.direction input').focus()")
    for _ in range(3):
        page.press("ArrowRight")
    page.wait_for(READY, 30)
    assert page.text(".direction output") == "+0.30" and page.text("#caption").endswith("moved along 1 direction")


def test_tiles_can_be_reached_after_the_one_that_was_is_gone(page):
    page.click("#more")
    page.click("#tiles button:nth-child(24)")
    page.press("ArrowDown")
    assert page.evaluate("tiles.indexOf(document.activeElement)") > 24
    page.click("#next")
    assert page.evaluate("tiles.map(tile => tile.tabIndex)") == [0] + 23 * [-1]


def test_keys_of_one_letter_can_be_switched_off_and_space_opens_a_heading(page, web):
    page.evaluate("document.querySelector('summary').focus()")
    opened = page.evaluate("document.querySelector('details').open")
    page.press(" ")
    assert page.evaluate("document.querySelector('details').open") is not opened and page.text("#play") == "Play"
    page.click("#keys")
    page.evaluate("document.activeElement.blur()")
    for key in ("b", " ", "r"):
        page.press(key)
    assert page.text("#slot") == "A" and page.text("#play") == "Play" and page.evaluate("state.seed") == 0
    page.go(web / "index.html")
    page.wait_for(READY, 30)
    assert page.evaluate("$('keys').checked") is False  # it is remembered
    page.click("#keys")
    page.press("b")
    assert page.text("#slot") == "B"


def test_a_link_to_a_page_on_the_disk_says_that_it_works_here_only(page):
    assert page.text("#said") == ""
    page.click("#link")
    assert "works on this computer only" in page.text("#said")


TRAVELS = {
    "https://someone.github.io/digits/": None,
    "http://198.51.100.7:8000/": None,
    "https://10.example.org/": None,
    "https://[2001:db8::1]/": None,
    "file:///home/me/index.html": "works on this computer only",
    "http://localhost:8000/web/": "works on this computer only",
    "http://127.0.0.1/": "works on this computer only",
    "http://[::1]:8888/files/web/index.html": "works on this computer only",
    "http://192.168.1.20:8000/": "within that network only",
    "http://172.20.0.3/": "within that network only",
    "http://cluster-7/~me/": "within that network only",
    "http://laptop.local/": "within that network only",
    "vscode-webview://1a2b/index.html": "works there only",
}


def test_a_link_warns_when_it_cannot_travel(page):
    for address, words in TRAVELS.items():
        said = page.evaluate(f"staysHere(new URL({json.dumps(address)}))")
        assert said == "" if words is None else words in said, address


def test_the_folder_works_on_a_static_host(browser, web, run, tmp_path):
    """In a folder of a plain file server, as on GitHub Pages; the link is warned of, since that server is this one."""
    shutil.copytree(web, tmp_path / "someone" / "digits")
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.open(f"http://127.0.0.1:{server.server_port}/someone/digits/#seed=3")
        page.wait_for(READY, 30)
        assert_same_image(pixels(page, "#image"), sample(run.path, 1, seed=3)[0])
        page.click("#link")
        assert "works on this computer only" in page.text("#said")
        assert page.errors == []
        page.close()
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_nonsensical_link_does_no_harm(page):
    for address in ("#seed=-1&a=x.y&t=NaN&d1=1e999&b=3", "#seed=99999999999&a=1.999&spread=", "#%E0%A4"):
        page.evaluate(f"location.hash = {json.dumps(address)}")
        page.wait_for(READY, 30)
        assert page.evaluate("[state.seed, state.t, state.spread, ...state.moves].every(Number.isFinite)"), address
        assert page.text("#caption") == "seed 0, image 0", address


def test_images_can_be_saved(page, browser, tmp_path):
    browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=False)
    page.click("#save")
    page.click("#save-grid")
    names = {"b_faces_co_-seed0.png": (512, 512), "b_faces_co_-seed0-many.png": (512, 768)}
    for name, size in names.items():
        path = tmp_path / f"_{name}"
        wait_for_file(page, path)
        assert decode(path).shape[:2] == size
    assert_same_image(decode(tmp_path / "_b_faces_co_-seed0.png")[8::16, 8::16], pixels(page, "#image"))


def wait_for_file(page, path):
    for _ in range(200):
        if path.exists() and not list(path.parent.glob("*.crdownload")):
            return
        page.evaluate("new Promise(done => setTimeout(done, 20))")
    raise AssertionError(f"{path.name} was not downloaded; there are {[p.name for p in path.parent.iterdir()]}")


@pytest.mark.parametrize(
    ("harm", "words"),
    [(lambda path: path.unlink(), "is missing"), (lambda path: path.write_text(DAMAGED), "undamaged files")],
)
def test_a_page_that_cannot_work_says_so(browser, web, tmp_path, harm, words):
    for path in web.iterdir():
        shutil.copy(path, tmp_path)
    harm(tmp_path / "runtime.js")
    page = browser.open(tmp_path / "index.html")
    page.wait_for(f"document.querySelector('#status').innerText.includes('{words}')", 30)
    page.close()


def test_random_numbers_are_numpys(browser, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><script src=random.js></script>")
    shutil.copy(PAGE / "random.js", tmp_path)
    page = browser.open(tmp_path / "index.html")
    for seed in (0, 7, 2**32 - 1):
        for distribution in ("normal", "uniform"):  # the ziggurat's rare ways are taken once in a few hundred numbers
            script = f"[...Array(100).keys()].flatMap(row => [...latentUnits({seed}, row, 50, '{distribution}')])"
            drawn = np.array(page.evaluate(script), np.float32).reshape(100, 50)
            assert np.array_equal(drawn, draw_latents(100, 50, seed, distribution))
    assert page.errors == []
    page.close()


def test_gray_images_of_normal_latents(browser, runtime, tmp_path):
    source = shaken_generator(RECIPES["tutorial"].with_fields(NARROW), tmp_path)
    folder, _ = export_web(source, tmp_path / "page", say=lambda text: None)
    page = browser.open(folder / "index.html")
    page.wait_for(READY, 30)
    generator, latents = load_generator(source)
    expected = Sampler(generator)(draw_latents(6, 8, 0, **latents))
    assert_same_image(pixels(page, "#tiles button:nth-child(6) canvas"), expected[5].repeat(3, axis=-1))
    a, b = draw_latents(2, 8, 0)
    slide(page, "#blend", 0.5)
    round_way = open_space(source).way(a, b, 0.5)
    assert np.allclose(page.evaluate("[...shownLatents()]"), round_way, atol=1e-6)
    page.click("#straight")
    page.wait_for(READY, 30)
    assert np.allclose(page.evaluate("[...shownLatents()]"), (a + b) / 2, atol=1e-6)
    assert page.errors == []
    page.close()


def test_a_page_is_replaced_unless_something_of_a_persons_lies_in_it(run, web):
    check_folder(web, "web")
    (web / "CNAME").write_text("my.example")
    try:
        with pytest.raises(UserError, match=r"CNAME.* is not part of the export"):
            export_web(run.path, say=lambda text: None)
    finally:
        (web / "CNAME").unlink()


def test_sliders_of_attributes(run, monkeypatch):
    with pytest.raises(UserError, match="no labels that tell its images apart: leave out --attributes"):
        export_web(run.path, attributes=True, say=lambda text: None)
    colour = Dataset("others", np.zeros((4, 16, 16, 3), np.uint8), np.arange(4) % 2)
    with pytest.raises(UserError, match=r"'others' is not what run .* \(images of 16x16x3, not 32x32x3\)"):
        export_web(run.path, attributes=True, dataset=colour, say=lambda text: None)
    with pytest.raises(UserError, match="only of use with attributes"):
        export_web(run.path, dataset="mnist5k", say=lambda text: None)

    def red(images):  # of one place: as a whole, random images are all alike
        return images[..., 10:12, 10:12, 0].mean(axis=(-1, -2))

    def sees(images):
        return None, 1 / (1 + np.exp((red(images)[:, None] - red(images).mean()) / [-9, 9]))

    names = ("much_<red>", "little_red")
    classifier = FeatureNetwork("classifier", "", "", 1, sees, label_names=names, exclusive=False)
    monkeypatch.setattr(export_web_module, "feature_network", lambda *_, **__: classifier)
    original = load_original(run.path)
    group = _attributes(original, None, print)
    assert {one["name"] for one in group["directions"]} == {"much <red>", "little red"}
    assert [one["key"] for one in group["directions"]] == ["a1", "a2"]
    space = open_space(run.path)
    latents = space.random(50, seed=99)
    usual = red(space.draw(latents)).std()
    for one in group["directions"]:
        less, more = (red(space.draw(space.walk(latents, np.array(one["vector"]), side))).mean() for side in (-1, 1))
        assert (more - less) * (1 if one["name"] == "much <red>" else -1) > usual / 2


@pytest.mark.parametrize(
    ("about", "command"),
    [
        ({"recipe": "quick", "dataset": "fake", "epochs": 1, "steps": 9, "generator": "last"}, "sample RUN --seed"),
        ({"recipe": "quick", "dataset": "fake", "epochs": 1, "steps": 9, "generator": "best"}, "sample RUN --best --s"),
        ({"generator": "last"}, "sample FILE --seed"),
    ],
)
def test_the_page_names_a_command_that_draws_its_images(about, command):
    assert command in _index({"name": "x", "image_shape": [8, 8, 1], **about})


def test_a_run_may_be_called_as_a_part_of_the_page():
    assert "<title>{{description}}</title>" in _index(
        {"name": "{{description}}", "image_shape": [8, 8, 1], "generator": "last"}
    )


def test_descriptions():
    about = {"image_shape": [28, 28, 1], "generator": "best", "recipe": "quick", "dataset": "mnist5k"}
    assert describe({**about, "epochs": 3, "steps": 9}) == (
        "28×28 gray, recipe quick, 3 epochs of mnist5k, the best generator kept"
    )
    about["generator"] = "last"
    assert describe({**about, "epochs": 0.25, "steps": 40}).endswith("recipe quick, 0.25 epochs of mnist5k")
    assert describe({**about, "epochs": 0, "steps": 1}).endswith("recipe quick, 1 step of mnist5k")
    assert describe({"image_shape": [64, 64, 3], "generator": "last"}) == "64×64 colour"
