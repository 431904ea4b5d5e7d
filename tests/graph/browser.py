"""A headless Chromium, driven over a pipe by the DevTools protocol: no driver, no package.

https://chromedevtools.github.io/devtools-protocol/ ; `--remote-debugging-pipe` makes the browser read
commands from descriptor 3 and write to 4, each a JSON text that ends with a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.needs import lacking

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "chrome")
# It asks nobody for updates, and needs neither a display nor a sandbox of its own (CI runs as root).
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
TIMEOUT_SECONDS = 30
# Gives the two pipes the numbers that the browser wants, by way of others that it doesn't.
_START = """
import fcntl, os, sys
away = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 64) for each in sys.argv[1:3]]
for number, each in zip((3, 4), away):
    os.dup2(each, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class BrowserError(RuntimeError):
    """The browser said no, or nothing."""


def found() -> str:
    """The browser of this machine: LANDFORM_CHROMIUM, or the first on PATH."""
    chosen = os.environ.get("LANDFORM_CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    if chosen is None:
        how = "apt-get install chromium, or say where it is in LANDFORM_CHROMIUM"
        lacking(f"Chromium is not here: {how}")
    return chosen


class Browser:
    """A connection. `events` are those that came in between, by method."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command, wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + TIMEOUT_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], max(0, until - time.monotonic()))
            piece = os.read(self._reading, 1 << 20) if ready else b""
            if not piece:
                raise BrowserError("the browser ended or hangs")
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(text))

    def page(self, width: int = 1440, height: int = 900) -> Page:
        """An empty page of that size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        return page


class Page:
    """A page, as a person uses it: keys, clicks, looks."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def events(self, method: str) -> list[dict[str, Any]]:
        """The parameters of the events of that method so far."""
        self.evaluate("0")
        return [
            event["params"]
            for event in self._browser.events
            if event.get("method") == method and event.get("sessionId") == self._session
        ]

    def evaluate(self, script: str) -> Any:
        """The value of an expression, after its promise if it is one."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def open(self, path: Path, fragment: str = "") -> float:
        """Go there and wait until it can be used; gives the seconds that it took."""
        begin = time.monotonic()
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait("document.documentElement?.dataset.ready === 'yes'")
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - begin

    def wait(self, condition: str, seconds: float = 20) -> None:
        """Until the expression is true."""
        until = time.monotonic() + seconds
        while not self.evaluate(condition):
            if time.monotonic() > until:
                raise BrowserError(f"never true: {condition}")
            time.sleep(0.02)

    def click(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_on(self, selector: str) -> None:
        """Click on the middle of an element."""
        box = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoView({block: 'nearest'}); const box = found.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        self.click(*box)

    def press(self, *keys: str) -> None:
        """Press keys by their names in KeyboardEvent.key."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38}
            codes |= {"ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}
            code = codes.get(key, ord(key[0].upper()))
            self.call(
                "Input.dispatchKeyEvent",
                type="keyDown",
                key=key,
                text=text,
                windowsVirtualKeyCode=code,
            )
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        """Type a text, key by key."""
        self.press(*text)

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def screenshot(self, path: Path) -> Path:
        self.evaluate("new Promise(done => setTimeout(done, 150))")
        image = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(image))
        return path

    def prefer(self, theme: str) -> None:
        """What the system says it prefers: dark or light."""
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )


@contextmanager
def running(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; it ends with the block."""
    commands, answers = os.pipe(), os.pipe()
    ours, theirs = (answers[0], commands[1]), (commands[0], answers[1])
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _START,
            *map(str, theirs),
            program,
            *ARGUMENTS,
            f"--user-data-dir={profile}",
        ],
        pass_fds=theirs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for descriptor in theirs:
        os.close(descriptor)
    try:
        browser = Browser(*ours)
        yield browser
        browser.call("Browser.close")
    finally:
        for descriptor in ours:
            os.close(descriptor)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
