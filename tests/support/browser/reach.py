"""Whether who zooms in, or has a narrow window, still reaches every control."""

from playwright.sync_api import Page

from tests.support.browser.chromium import DESKTOP

_SIZES = ((640, 400), (320, 640))
"""A window of 1280 px at 200 %, and the narrowest that WCAG 2.2 asks for (1.4.10)."""

# The names of the controls that can be scrolled into the window, where nothing covers them. What is
# in a menu that is closed is reached by opening it.
_REACHED = """async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  await frame();
  await frame();
  const nameOf = (at) => (at.getAttribute("aria-label") || at.labels?.[0]?.innerText
    || at.textContent || at.title || at.placeholder || "").trim().replace(/\\s+/g, " ");
  const isHit = (at) => {
    at.focus({ preventScroll: true });  // a link that skips to the content is seen only then
    at.scrollIntoView({ block: "center", inline: "center" });
    const box = at.getBoundingClientRect();
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return left < right && top < bottom && (at.contains(hit) || hit?.contains(at)
      && hit.closest("label, button, a, summary") !== null);
  };
  const names = [];
  const all = "button, select, textarea, input:not([type=hidden]), summary, :is(nav, th) a[href]";
  for (const at of document.querySelectorAll(all)) {
    if (at.closest("td")) continue;  // how many rows are there depends on the height
    const menu = at.closest("details:not([open])");
    const isClosed = menu && at !== menu.querySelector("summary");
    if (isClosed || (at.checkVisibility({ visibilityProperty: true }) && isHit(at)))
      names.push(nameOf(at));
  }
  document.activeElement?.blur();
  scrollTo(0, 0);
  return names;
}"""


def lost_controls(page: Page) -> list[str]:
    """The names of those that the whole window has and a small one has not, with its size."""
    before = page.viewport_size
    there = _reached(page, DESKTOP)
    lost = []
    for size in _SIZES:
        missing = there - _reached(page, size)
        # What has changed by itself meanwhile is not lost.
        still = missing and missing & _reached(page, DESKTOP)
        lost += [f"{page.url}, {size[0]} px: {name!r}" for name in sorted(still)]
    if before:
        page.set_viewport_size(before)
    return lost


def _reached(page: Page, size: tuple[int, int]) -> set[str]:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return set(page.evaluate(_REACHED))
