"""The page of a conditional generator, in a real browser: buttons and switches change every picture as Python does."""

import numpy as np
import pytest
from conditional_runs import ATTRIBUTES, CLASSES, DIM, conditional_run
from generator_page import READY, assert_same_image, pixels, slide

from dcgan_tf.exporting.web import export_web
from dcgan_tf.latent.space import open_space
from dcgan_tf.run.sampling import sample
from dcgan_tf.system.errors import UserError

OWL = "<owl> & 'co'"


@pytest.fixture(scope="module")
def animals(tmp_path_factory, runtime):
    run = conditional_run(tmp_path_factory.mktemp("runs") / "animals", CLASSES)
    export_web(run.path, say=str)
    return run


@pytest.fixture(scope="module")
def faces(tmp_path_factory, runtime):
    run = conditional_run(tmp_path_factory.mktemp("runs") / "faces", ATTRIBUTES)
    export_web(run.path, say=str)
    return run


@pytest.fixture
def opened(browser):
    """A function: (run, what follows #, how) -> its page; at the end no page has had an error or asked for anything."""
    pages = []

    def open_page(run, place="", **how):
        pages.append(browser.open((run.path / "web" / "index.html").as_uri() + place, **how))
        pages[-1].wait_for(READY, 30)
        return pages[-1]

    yield open_page
    for page in pages:
        assert page.errors == [] and {address.split(":")[0] for address in page.requests} <= {"file", "blob"}
        page.close()


def test_a_button_for_each_class_that_was_learned(opened, animals):
    page = opened(animals)
    assert page.hard_to_read() == []
    assert page.text("#labels-heading") == "Class" and page.texts("#label-choices button") == ["cat", OWL, "eel"]
    pressed = "#label-choices [aria-pressed=true]"
    assert page.texts(pressed) == ["eel"]  # the most frequent
    assert_same_image(pixels(page, "#image"), sample(animals.path, 1, of_class="eel")[0])
    for number, name in enumerate(("cat", OWL, "eel"), 1):
        page.click(f"#label-choices button:nth-child({number})")
        page.wait_for(READY, 30)
        assert page.texts(pressed) == [name]
        images = sample(animals.path, 24, of_class=name)
        assert_same_image(pixels(page, "#image"), images[0])
        assert_same_image(pixels(page, "#tiles button:nth-child(24) canvas"), images[23])
        assert_same_image(pixels(page, "#pick-b canvas"), images[1])
    assert page.text("#caption") == "seed 0, image 0, eel" and "--seed s --class eel" in page.text("footer")
    page.click("#label-choices button:nth-child(2)")
    assert "--seed s --class 2." in page.text("footer")  # its name is nothing to type into a shell


def test_every_view_has_the_labels(opened, animals):
    page = opened(animals)
    page.click("#label-choices button")
    slide(page, "#blend", 0.3)
    slide(page, "[aria-label='Direction 2']", 1.5)
    space, direction = open_space(animals.path, of_class="cat"), np.array(page.evaluate("directions[1].vector"))
    a, b = space.random(2, seed=0)
    assert_same_image(pixels(page, "#image"), space.draw(space.walk(space.way(a, b, 0.3), direction, 1.5)))
    middle = space.walk(space.way(a, b, 0.5), direction, 1.5)
    assert_same_image(pixels(page, "#strip button:nth-child(5) canvas"), space.draw(middle))
    more = space.walk(space.way(a, b, 0.3), direction, 4)
    assert_same_image(pixels(page, ".direction:nth-child(3) .more canvas"), space.draw(more))


def test_switches_for_attributes_by_mouse_and_by_keyboard(opened, faces):
    page = opened(faces)
    assert page.text("#labels-heading") == "Attributes"
    assert page.texts("#label-choices .choice") == ["Hat", "<b>Beard</b>", "Eye Glasses"]
    checked = "[...document.querySelectorAll('#label-choices input')].map(one => one.checked)"
    assert page.evaluate(checked) == [True, False, True] and page.count("#label-choices b") == 0
    assert_same_image(pixels(page, "#image"), sample(faces.path, labels=[[1, 0, 1, 0]])[0])
    page.click("#label-choices .choice:nth-child(2) input")
    page.wait_for(READY, 30)
    assert_same_image(pixels(page, "#image"), sample(faces.path, labels=[[1, 1, 1, 0]])[0])
    page.press("Tab")
    page.press(" ")
    page.wait_for(READY, 30)
    assert page.evaluate(checked) == [True, True, False] and page.text("#play") == "Play"
    images = sample(faces.path, 2, having=["Hat", 1], without="Eye_Glasses")
    assert "--with Hat,1 --without Eye_Glasses" in page.text("footer")
    assert_same_image(pixels(page, "#tiles button:nth-child(2) canvas"), images[1])
    page.click("#link")
    other = opened(faces, page.evaluate("location.hash"), width=390, height=800, touch=True, dark=True)
    assert other.hard_to_read() == []
    assert other.evaluate(checked) == [True, True, False]
    assert np.array_equal(pixels(other, "#image"), pixels(page, "#image"))
    assert other.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out of a phone
    other.tap("#label-choices .choice:nth-child(1)")
    other.wait_for(READY, 30)
    assert_same_image(pixels(other, "#image"), sample(faces.path, labels=[[0, 1, 0, 0]])[0])


def test_the_address_holds_the_class_and_nonsense_in_it_does_no_harm(opened, animals, faces):
    page = opened(animals, "#seed=3&class=0")
    assert_same_image(pixels(page, "#image"), sample(animals.path, 1, seed=3, of_class="cat")[0])
    page.evaluate("document.querySelector('#label-choices button:last-child').focus()")
    page.press("Enter")
    page.wait_for(READY, 30)
    page.click("#link")
    assert "class=3" in page.evaluate("location.hash")
    for nonsense in ("class=1", "class=0.3", "class=", "class=99", "class=-1", "with=1", "class=%00"):
        page.evaluate(f"location.hash = '#{nonsense}'")
        page.wait_for(READY, 30)
        assert page.evaluate("state.told") == [0, 0, 0, 1]
    page = opened(faces, "#with=")
    assert page.evaluate("state.told") == [0, 0, 0, 0] and "--without Hat,1,Eye_Glasses" in page.text("footer")
    assert_same_image(pixels(page, "#image"), sample(faces.path, labels=np.zeros((1, 4)))[0])
    page.evaluate("location.hash = '#with=0.3'")  # one that was never learned
    page.wait_for(READY, 30)
    assert page.evaluate("state.told") == [1, 0, 1, 0]


def test_sliders_for_what_there_are_buttons_for_are_refused(animals):
    with pytest.raises(UserError, match="the page has a button for each: leave out --attributes"):
        export_web(animals.path, attributes=True, say=str)


def test_the_files_say_the_labels_escaped(animals):
    script = (animals.path / "web" / "generator.js").read_text()
    assert "<owl>" not in script and "\\u003cowl>" in script and f'"latent_dim": {DIM}' in script
    assert "<owl>" not in (animals.path / "web" / "index.html").read_text()
