"""A real browser for the tests: pages opened from the file system, clicked, typed into, looked at.

Chromium is told what to do through a pipe, by its DevTools protocol (JSON texts, each ended by a zero byte), so
nothing is needed beside Chromium itself: no driver, no package, no open port. Its network is cut off, but for this
computer itself: a page that asks for anything but files is noticed (`Page.requests`).

    def test_page(browser, tmp_path):                  # the fixture of conftest.py
        page = browser.open(tmp_path / "index.html")   # also width=390, dark=True, touch=True ...
        page.click("#play")
        page.wait_for("document.querySelector('output').textContent === '3'")
        assert page.errors == []
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 30  # seconds until a browser that does not answer is given up
_FLAGS = (
    *("--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-sync", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *("--force-color-profile=srgb", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)
_KEYS = {  # key: (code, virtual key, text)
    "Enter": ("Enter", 13, "\r"),
    " ": ("Space", 32, " "),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
}
_HARD_TO_READ = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const painted = colours => {  // one over the other, as [red, green, blue]
        canvas.clearRect(0, 0, 1, 1);
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const shares = [0.2126, 0.7152, 0.0722];
    const luminance = colour => colour.reduce((sum, value, i) => sum + linear(value / 255) * shares[i], 0);
    const passed = 'script, style, noscript, option, [aria-hidden=true], .unseen, .skip';
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) {
        const text = walk.currentNode.data.trim(), element = walk.currentNode.parentElement;
        if (!text || !element.checkVisibility() || element.closest(passed)) continue;
        const behind = ['#fff'];
        for (let at = element; at; at = at.parentElement) behind.splice(1, 0, getComputedStyle(at).backgroundColor);
        const style = getComputedStyle(element), ink = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
        const [one, other] = [behind, [...behind, ink]].map(colours => luminance(painted(colours)));
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < CONTRAST) found.push(`${ratio.toFixed(2)} ${element.getAttribute('class')}: ${text.slice(0, 40)}`);
    }
    return found;
})()"""


def find_chromium() -> str | None:
    """The program: the one that CHROMIUM names, or the first of NAMES that is installed."""
    return next(filter(None, map(shutil.which, [os.environ.get("CHROMIUM") or NAMES[0], *NAMES])), None)


def browser_or_skip() -> "Browser":
    """A started Browser; without a Chromium on this machine the test is skipped, saying so."""
    program = find_chromium()
    if program is None:
        pytest.skip(
            "no Chromium on this machine, so this page was NOT tested in a real browser "
            "(on Debian and Ubuntu: sudo apt install chromium; or name one: CHROMIUM=/path/to/chromium)"
        )
    return Browser(program)


class BrowserError(AssertionError):
    """The browser refused a command, a page's script failed, or what was waited for did not come."""


class Browser:
    """One Chromium with a profile of its own; a context manager that ends it."""

    def __init__(self, program: str):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        flags = [*_FLAGS, f"--user-data-dir={self.folder}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's sandbox does not work for root, as in containers
        commands, self._to = _high_pipe()
        self._from, answers = _high_pipe()
        with open(os.devnull, "r+b") as nothing, open(os.path.join(self.folder, "log"), "wb") as log:
            places = ((nothing.fileno(), 0), (nothing.fileno(), 1), (log.fileno(), 2), (commands, 3), (answers, 4))
            actions = [(os.POSIX_SPAWN_DUP2, ours, its) for ours, its in places]
            self.process = os.posix_spawn(program, [program, *flags, "about:blank"], os.environ, file_actions=actions)
        os.close(commands)
        os.close(answers)
        self._number, self._unread, self._events = 0, b"", []
        self.version = self.send("Browser.getVersion")["product"]

    def open(self, page, *, width=1280, height=800, dark=False, touch=False, reduced_motion=False) -> "Page":
        """A new tab of that size with `page`, a path (opened as file://) or an address; it has finished loading."""
        return Page(self, page, width, height, dark, touch, reduced_motion)

    def send(self, method: str, session: str | None = None, **parameters) -> dict:
        """Give a command of the DevTools protocol and wait for its result; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while text:
            text = text[os.write(self._to, text) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                break
            self._events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def events(self, session: str) -> list[dict]:
        """What has happened in a tab since it was last asked."""
        found = [event for event in self._events if event.get("sessionId") == session]
        self._events = [event for event in self._events if event.get("sessionId") != session]
        return found

    def _read(self):
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 16) if ready else b""
            if not data:
                log = Path(self.folder, "log").read_text(errors="replace")[-2000:]
                raise BrowserError(f"Chromium {'has ended' if ready else 'does not answer'}; it said: {log}")
            self._unread += data
        text, _, self._unread = self._unread.partition(b"\0")
        return json.loads(text)

    def close(self):
        with contextlib.suppress(BrowserError, OSError):
            self.send("Browser.close")
        os.close(self._to)
        with contextlib.suppress(OSError):
            while os.read(self._from, 1 << 16):  # until it has ended
                pass
        os.close(self._from)
        with contextlib.suppress(OSError):
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Page:
    """A tab. Selectors are of CSS; `errors` and `requests` are what happened in it since it was opened."""

    def __init__(self, browser, page, width, height, dark, touch, reduced_motion):
        self.browser = browser
        self.target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.send("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self._errors, self._requests = [], []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if reduced_motion else "no-preference",
        }
        self.send("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in features.items()])
        self.go(page)

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    def go(self, page):
        """Load another page in this tab."""
        address = page if isinstance(page, str) and ":" in page else Path(page).resolve().as_uri()
        result = self.send("Page.navigate", url=address)
        if result.get("errorText"):
            raise BrowserError(f"{address}: {result['errorText']}")
        blank = "" if address == "about:blank" else " && location.href !== 'about:blank'"
        self.wait_for(f"document.readyState === 'complete'{blank}")

    def evaluate(self, script: str):
        """The value of a JavaScript expression (a promise's, when it is one)."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait_for(self, condition: str, seconds: float = 10):
        """Wait until a JavaScript expression is true; BrowserError when it does not come."""
        script = f"""new Promise(done => {{
            const end = performance.now() + {seconds * 1000};
            const late = () => performance.now() > end;
            const look = () => ({condition}) ? done(true) : late() ? done(false) : setTimeout(look, 10);
            look();
        }})"""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.evaluate(script)
            except BrowserError as error:  # the page went away while it was asked: ask the new one
                went_away = "context" in str(error) or "navigated" in str(error)
                if not went_away or time.monotonic() > deadline:
                    raise
                continue
            if not found:
                raise BrowserError(f"did not come true in {seconds} s: {condition}; errors: {self.errors}")
            return

    def text(self, selector: str) -> str:
        """What a person reads in the first such element."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector: str) -> list[str]:
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)")

    def count(self, selector: str) -> int:
        return self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length")

    def click(self, selector: str):
        """Press and release the mouse in the middle of the first such element, which nothing may cover."""
        x, y = self._middle(selector)
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector: str):
        x, y = self._middle(selector)
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def tap(self, selector: str):
        """A finger's touch; open the page with touch=True."""
        x, y = self._middle(selector)
        self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str, shift: bool = False):
        """A key of the keyboard, by its name (see _KEYS) or a single letter or digit."""
        if key in _KEYS:
            code, number, text = _KEYS[key]
        else:
            code, number, text = f"{'Digit' if key.isdigit() else 'Key'}{key.upper()}", ord(key.upper()), key
        parts = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **parts)
        self.send("Input.dispatchKeyEvent", type="keyUp", **parts)

    def type(self, text: str):
        """Text into the element that has the focus."""
        self.send("Input.insertText", text=text)

    def screenshot(self, path, full: bool = False) -> Path:
        """A PNG of what is seen, or of the whole page."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        Path(path).write_bytes(base64.b64decode(data))
        return Path(path)

    def hard_to_read(self, contrast: float = 4.5) -> list[str]:
        """The visible texts whose contrast with what is behind them is less (WCAG 2, 1.4.3), as 'ratio class: text'."""
        return self.evaluate(_HARD_TO_READ.replace("CONTRAST", str(contrast)))

    @property
    def errors(self) -> list[str]:
        """Everything the console was told of as an error: exceptions, missing files, breaches of the page's policy."""
        self._sort_events()
        return self._errors

    @property
    def requests(self) -> list[str]:
        """The addresses of everything that was asked for, in order."""
        self._sort_events()
        return self._requests

    def close(self):
        self.browser.send("Target.closeTarget", targetId=self.target)

    def _middle(self, selector):
        """Where the middle of an element is, after scrolling there; BrowserError when something covers it.

        It is where it stays for some frames: above it pictures may still be loading, and a key may still be scrolling.
        """
        place = self.evaluate(f"""(async () => {{
            const element = document.querySelector({json.dumps(selector)});
            if (!element) return 'is not there';
            element.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
            let box = element.getBoundingClientRect();
            for (let looks = 0, still = 0; still < 4 && looks < 60; looks++) {{
                await new Promise(done => setTimeout(done, 16));  // a page in the background has no animation frames
                element.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
                const now = element.getBoundingClientRect();
                still = now.x === box.x && now.y === box.y ? still + 1 : 0;
                box = now;
            }}
            if (!box.width || !box.height) return 'is not visible';
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const top = document.elementFromPoint(x, y);
            const hit = top && (element.contains(top) || top.closest('label')?.control === element);
            return hit ? [x, y] : 'is covered by ' + (top ? top.outerHTML.slice(0, 80) : 'nothing');
        }})()""")
        if isinstance(place, str):
            raise BrowserError(f"{selector} {place}")
        return place

    def _sort_events(self):
        self.evaluate("0")  # whatever has happened so far has been told after this
        for event in self.browser.events(self.session):
            about = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = about["exceptionDetails"]
                self._errors.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
                self._errors.append(" ".join(str(one.get("value", one.get("description"))) for one in about["args"]))
            elif event["method"] == "Log.entryAdded" and about["entry"]["level"] == "error":
                self._errors.append(f"{about['entry']['text']} {about['entry'].get('url', '')}".strip())
            elif event["method"] == "Network.requestWillBeSent":
                self._requests.append(about["request"]["url"])


def _high_pipe():
    """A pipe whose ends are not among the numbers that the browser's own files get."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high
