"""A user without a mouse."""

import re
from typing import Any

from playwright.sync_api import Page

_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return null;
  const label = at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText
    || at.getAttribute('title') || '';
  const style = getComputedStyle(at);
  return {
    name: label.trim().replace(/\\s+/g, ' '),
    isOutlined: at.matches(':focus-visible')
      && (style.outlineStyle !== 'none' || style.boxShadow !== 'none'),
  };
}"""
_MOST_STOPS = 120


def focused(page: Page) -> dict[str, Any] | None:
    """The name of what has the focus, and whether that can be seen."""
    found: dict[str, Any] | None = page.evaluate(_FOCUSED)
    return found


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on the control whose name `name` matches (a pattern). Fails when
    there is none, and when the focus can't be seen on the way."""
    passed = []
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        if (at := focused(page)) is None:
            continue
        passed.append(at["name"])
        assert at["isOutlined"], f"the focus can't be seen on {at['name']!r}"
        if re.search(name, at["name"]):
            return
    raise AssertionError(f"Tab reaches no {name!r}, only {passed}")
