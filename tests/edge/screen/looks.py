"""What every page must satisfy in a real browser: fits, reachable by everybody, touchable, at home."""

import os
from collections.abc import Iterable
from itertools import cycle, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from tests.parts import ROOT, required

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PICTURES = ROOT / "docs/pictures"

_OUTSIDE = (Path(__file__).parent / "outside.js").read_text("utf-8")

# No rule of these tags needs the style sheets fetched again, and only violations are read.
_AXE = """async (tags) => (await axe.run(document, {
  runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload: false})).violations"""

_SMALL = """(least) => [...document.querySelectorAll('button, a, input:not([type=hidden]), select')]
  .filter((e) => e.getClientRects().length)
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, r]) => r.width < least - 0.5 || r.height < least - 0.5)
  .map(([e, r]) => `${e.tagName} ${(e.textContent || e.id).trim()} ${r.width.toFixed(0)}x${r.height.toFixed(0)}`)"""


class Violation(TypedDict):
    """The part of an axe result that a message needs."""

    id: str
    help: str
    nodes: list[dict[str, object]]


def matrix(*axes: Iterable[str]) -> list[tuple[str, ...]]:
    """Return what a page is looked at in: every combination in CI, each value once in the loop of every commit."""
    whole = [tuple(axis) for axis in axes]
    if required("campaign") or os.environ.get("LINLI_PICTURES") == "1":
        return list(product(*whole))
    longest = max(len(axis) for axis in whole)
    return list(islice(zip(*map(cycle, whole), strict=False), longest))


def by_every_rule(*seen_in: str, among: list[tuple[str, ...]]) -> bool:
    """Say whether axe looks too: in all that CI sees a page in, and in the first that the loop of every commit does.

    Its rules hardly know of sizes and languages, and asking them costs more than the page itself.
    """
    return required("campaign") or seen_in == among[0]


def follow(page: "Page", control: str) -> None:
    """Click what leads to another page and wait until that one is loaded, style and script too.

    A click returns when the new page begins; measured then, it may still be without its style.
    """
    with page.expect_event("load"):
        page.click(control)


def has_focus(page: "Page", element_id: str) -> None:
    """Wait until the element has the focus: a script gives it, and a script comes after its page."""
    page.wait_for_function("id => document.activeElement.id === id", arg=element_id)


def outside(page: "Page") -> list[str]:
    """Return what does not fit on the screen, is cut off or covers something else."""
    found: list[str] = page.evaluate(_OUTSIDE)
    return found


def small_targets(page: "Page", least_px: int = 44) -> list[str]:
    """Return controls that are smaller than a finger."""
    found: list[str] = page.evaluate(_SMALL, least_px)
    return found


def axe(page: "Page", source: str) -> list[str]:
    """Return the violations axe-core finds; it runs beside the page's own strict CSP."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source)
    found: list[Violation] = page.evaluate(
        _AXE,
        AXE_TAGS,
    )
    return [f"{v['id']}: {v['help']}: {[n.get('target') for n in v['nodes'][:4]]}" for v in found]


class Requests:
    """Notes every request of a page and every complaint of its console."""

    def __init__(self, page: "Page") -> None:
        self.urls: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._note)
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: "Request") -> None:
        if not request.url.startswith("data:"):
            self.urls.append(request.url)

    def foreign(self, url: str) -> list[str]:
        """Return the requests that left the origin of `url`."""
        home = urlsplit(url).netloc
        return [other for other in self.urls if urlsplit(other).netloc != home]


def picture(page: "Page", name: str) -> None:
    """Write a picture for the README when LINLI_PICTURES=1."""
    if os.environ.get("LINLI_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES / f"{name}.png"), animations="disabled")
