"""The tests' own browser: a test in it must be able to fail."""

import pytest
from browser import BrowserError, browser_or_skip

PAGE = """<!doctype html><meta charset="utf-8"><title>x</title>
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<button id="one" style="width: 80px; height: 50px">press</button> <input id="name">
<div style="position: relative; width: 90px; height: 40px"><button id="under">under</button>
<div style="position: absolute; inset: 0; background: white">cover</div></div>
<p class="pale" style="color: #888">pale</p><p style="color: #666; background: #fff">dark enough</p>
<output></output><p id="dark"></p>
<script>
  let presses = 0;
  const say = text => document.querySelector('output').textContent = text;
  document.querySelector('#one').onclick = () => setTimeout(() => say(`pressed ${++presses}`), 20);
  document.querySelector('#name').onkeydown = event => say(`key ${event.key} ${event.code}`);
  document.querySelector('#dark').textContent = matchMedia('(prefers-color-scheme: dark)').matches;
</script>"""


def test_a_page_is_clicked_typed_into_and_its_mistakes_are_noticed(browser, tmp_path):
    path = tmp_path / "a page #1 é.html"
    path.write_text(PAGE)
    page = browser.open(path, dark=True)
    assert page.text("#dark") == "true" and page.errors == []
    assert page.requests == [path.as_uri()]
    assert page.hard_to_read() == ["3.54 pale: pale"]
    page.click("#one")
    page.wait_for("document.querySelector('output').textContent === 'pressed 1'")
    page.click("#name")
    page.type("né<b>")
    page.press("ArrowLeft")
    assert page.evaluate("document.querySelector('#name').value") == "né<b>"
    assert page.text("output") == "key ArrowLeft ArrowLeft"
    with pytest.raises(BrowserError, match="covered by <div"):
        page.click("#under")
    with pytest.raises(BrowserError, match="is not there"):
        page.click("#nobody")
    with pytest.raises(BrowserError, match="did not come true"):
        page.wait_for("presses === 7", seconds=0.05)
    with pytest.raises(BrowserError, match="nothing_of_that_name"):
        page.evaluate("nothing_of_that_name")
    page.evaluate("setTimeout(() => { throw new Error('broken') }), new Promise(done => setTimeout(done, 30))")
    page.evaluate("new Promise(done => { const image = new Image(); image.onerror = done; image.src = 'x.png' })")
    assert ["broken" in error for error in page.errors] == [True, False]
    assert "Content Security Policy" in page.errors[1]


def test_without_a_browser_a_test_is_skipped_and_says_what_was_not_tested(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"NOT tested in a real browser.*apt install chromium"):
        browser_or_skip()
