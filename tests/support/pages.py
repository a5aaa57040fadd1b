"""The web page of a real server in a real browser."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from serving import Server

SLOWER = float(os.environ.get("SLOWER", "1"))
"""How many times slower than it is the browser computes, each answer being late as well: with 5 most tests
still take seconds, and what reads a page before it is ready, or loses what is done quickly, shows itself."""

PATIENCE = 30.0 * SLOWER
LATE = 30  # milliseconds that an answer is late, for each time that the browser is slower
AXE = Path(__file__).resolve().parents[2] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"

# What axe says of faults that keep people from using the page, each with the elements it is about.
_CHECK = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(found => done(found.violations
  .filter(v => v.impact === "serious" || v.impact === "critical")
  .map(v => `${v.impact} ${v.id}: ${v.nodes.map(n => `${n.target} (${n.failureSummary})`).join("; ")}`)),
  error => done([`axe failed: ${error}`]));
"""


class Page:
    """The web page, opened by one browser. All waiting is until something is so, never for a time.

    Args:
        browser: of the fixture of the same name.
        server: whose page it is.
    """

    def __init__(self, browser: Any, server: Server) -> None:
        self.browser, self.server = browser, server
        self._allowed: list[str] = []

    # --- opening ------------------------------------------------------------------------------

    def open(
        self,
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        wait: str = "document.querySelector('#main h1, #main h2') !== null",
    ) -> None:
        """Load an address anew, in a window of some width, and wait until something is so."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.cdp("Emulation.setDeviceMetricsOverride", **size)
        self.cdp("Emulation.setEmulatedMedia", features=features)
        if SLOWER > 1:
            self.cdp("Emulation.setCPUThrottlingRate", rate=SLOWER)
            self.offline(False)
        self.browser.get(self.server.url + path)
        self.until(wait)

    def cdp(self, command: str, **arguments: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self.browser.execute_cdp_cmd(command, arguments)

    @property
    def address(self) -> str:
        """Path and query of where one is."""
        return str(self.run("return location.pathname + location.search"))

    def offline(self, cut: bool) -> None:
        """Cut the page's connection to everything, or give it back."""
        self.cdp("Network.enable")
        self.cdp(
            "Network.emulateNetworkConditions",
            offline=cut,
            latency=LATE * (SLOWER - 1),
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def back(self) -> None:
        self.browser.back()

    def forward(self) -> None:
        self.browser.forward()

    # --- looking ------------------------------------------------------------------------------

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def until(self, expression: str, *arguments: Any) -> Any:
        """Wait until an expression is true; gives its value."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(f"return ({expression})", *arguments)):
            if time.monotonic() > end:
                said = self.run("return document.getElementById('main')?.innerText.slice(0, 600)")
                raise AssertionError(f"never so: {expression}\nat {self.address}, where it says: {said}")
            time.sleep(0.03)
        return value

    def find(self, selector: str) -> Any:
        self.until("document.querySelector(arguments[0]) !== null", selector)
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.browser.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.all(selector)]

    def said(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.until("document.body.innerText.includes(arguments[0])", text)

    # --- doing --------------------------------------------------------------------------------

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def focused(self, expression: str = "id") -> Any:
        return self.run(f"return document.activeElement.{expression}")

    # --- judging ------------------------------------------------------------------------------

    def allow(self, *texts: str) -> None:
        """Messages of the console with one of these texts are meant to come in this test."""
        self._allowed += texts

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked, without what is allowed."""
        said = [str(entry["message"]) for entry in self.browser.get_log("browser")]
        return [one for one in said if not any(text in one for text in self._allowed)]

    def sticking_out(self) -> list[str]:
        """What reaches beyond the window, as far as nothing around it cuts it off or scrolls."""
        found: list[str] = self.run(
            "const cut = e => e && e !== document.body &&"
            " (getComputedStyle(e).overflowX !== 'visible' || cut(e.parentElement));"
            "return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() &&"
            " !e.closest('svg, .spoken') && e.getBoundingClientRect().right > innerWidth + 1"
            " && !cut(e.parentElement)).map(e => e.outerHTML.slice(0, 90))"
        )
        return found

    def faults(self) -> list[str]:
        """The serious and critical faults that axe-core finds; skips where it is not installed."""
        if not AXE.is_file():
            pytest.skip("needs axe-core: npm install --prefix .axe axe-core")
        self.run(AXE.read_text(encoding="utf-8"))
        return list(self.browser.execute_async_script(_CHECK))

    def close(self) -> None:
        """Leave the browser as it was found."""
        self.offline(False)
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=False)
        self.cdp("Emulation.setEmulatedMedia", features=[])
        self.browser.delete_all_cookies()
        self.browser.get("about:blank")
        # A browser keeps 50 steps, and when these are full it forgets first what was gone to without a
        # person's click, as scripts do: with other tests' steps kept, going back would lead too far.
        self.cdp("Page.resetNavigationHistory")
