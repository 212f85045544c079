"""What must hold whatever a test does in the browser: no error, no request to anybody else."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

_OWN_SCHEMES = {"data", "blob", "about"}


class Guard:
    """Watches all pages of a context; `check` fails with what it has seen."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._errors: list[str] = []
        self._expected: list[str] = []
        self.requests: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)

    def expect(self, text: str) -> None:
        """An error that contains `text` belongs to the test: a request that is refused, say."""
        self._expected.append(text)

    def check(self) -> None:
        errors = [e for e in self._errors if not any(text in e for text in self._expected)]
        assert not errors, "\n".join(errors)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Violations of the Content-Security-Policy are errors of the console, too.
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self._errors.append(f"console {message.type}: {message.text} ({where})")

    def _on_error(self, error: WebError) -> None:
        self._errors.append(f"error in the page: {error.error}")

    def _on_request(self, request: Request) -> None:
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in _OWN_SCHEMES and parts.netloc != self._host:
            self._errors.append(f"request to another host: {request.url}")


def fits_in_width(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )
