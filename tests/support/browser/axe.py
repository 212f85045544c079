"""axe-core on a page: all its rules, those of good practice included."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.support.availability import unavailable
from tests.support.browser.chromium import DESKTOP, PHONE
from tests.support.browser.guard import fits_in_width
from tests.support.browser.stack import ROOT

_SCRIPT = ROOT / "web/node_modules/axe-core/axe.min.js"
_RUN = """(rules) => axe.run(document, {
  resultTypes: ["violations"], ...(rules && { runOnly: { type: "rule", values: rules } }),
}).then((found) => found.violations)"""
# What the other rules look at is the same in both themes.
_OF_COLOURS = ["color-contrast", "link-in-text-block"]


@cache
def _axe() -> str:
    if not _SCRIPT.exists():
        unavailable("axe-core is not installed: make page")
    return _SCRIPT.read_text(encoding="utf-8")


def findings(page: Page, rules: list[str] | None = None) -> list[str]:
    """A line for each element that a rule finds fault with; of all rules if none are named."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(_axe())  # by the debugger, which the Content-Security-Policy does not stop
    return [_line(rule, node) for rule in page.evaluate(_RUN, rules) for node in rule["nodes"]]


def _line(rule: dict[str, Any], node: dict[str, Any]) -> str:
    reason = " ".join(str(node.get("failureSummary", "")).split())
    return f"{rule['id']}: {node['target']} {node['html'][:200]} {reason[:400]}"


def check_accessible(page: Page) -> None:
    """No findings in both themes at both widths, and no sideways scroll on a phone."""
    before = page.viewport_size
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.wait_for_function(
            "theme => document.documentElement.dataset.theme === theme", arg=theme
        )
        for width, height in (DESKTOP, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            at = f"{page.url}, {theme}, {width} px"
            rules = _OF_COLOURS if theme == "dark" else None
            found += [f"{at}: {line}" for line in findings(page, rules)]
            if not fits_in_width(page):
                found.append(f"{at}: is wider than the window")
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)
    assert not found, "\n".join(found)
