"""What a sub-job's webhooks read of the job around it: evaluated when the task begins."""

from collections.abc import Mapping

from shared.definition import SubJobDefinition, Webhook, changed
from shared.expressions import expressions_in, has_expression, map_expressions, quoted
from shared.jobspec.subjob_webhooks import reads_own
from shared.jobspec.urls import check_url
from shared.planning.rendering import PlanError, Rendering
from shared.planning.secrets import hidden_values, moved_to_secrets
from shared.process.redaction import Redactor


def webhooks_given(
    subjob: SubJobDefinition, rendering: Rendering, secrets: Mapping[str, str]
) -> SubJobDefinition:
    """`subjob`, evaluated but for its webhooks, with what they read of the job around it, which has
    these secrets. Raises PlanError."""
    given = _Given(subjob, rendering, secrets)
    webhooks = tuple(given.webhook(n, webhook) for n, webhook in enumerate(subjob.webhooks))
    return changed(subjob, webhooks=webhooks, secrets={**subjob.secrets, **given.secrets})


class _Given:
    """`secrets` are those that came of expressions."""

    def __init__(
        self, subjob: SubJobDefinition, rendering: Rendering, secrets: Mapping[str, str]
    ) -> None:
        self.secrets: dict[str, str] = {}
        self._subjob = subjob
        self._rendering = rendering
        self._known = hidden_values(secrets)

    def webhook(self, place: int, webhook: Webhook) -> Webhook:
        field = f"subjob.webhooks[{place}]"
        url = self._text(f"{field}.url", webhook.url)
        headers = {k: self._text(f"{field}.headers.{k}", v) for k, v in webhook.headers.items()}
        secret = webhook.secret and self._secret(f"{field}.secret", webhook.secret)
        return changed(webhook, url=url, headers=headers, secret=secret)

    def _secret(self, field: str, template: str) -> str:
        """It is one, whatever it is read from."""
        given = self._text(field, template)
        return given if has_expression(given) else self._moved(given)

    def _text(self, field: str, template: str) -> str:
        expressions = expressions_in(template)
        if not expressions:
            return template
        if any(map(self._reads_own, expressions)):
            return map_expressions(template, lambda one: self._one(field, one))
        text = self._rendering.text(field, template, nil="")
        if field.endswith("].url"):
            _check_url(field, text)
        return self._kept(text)

    def _reads_own(self, expression: str) -> bool:
        return reads_own(expression, self._subjob.inputs, self._subjob.secrets)

    def _one(self, field: str, expression: str) -> str:
        if self._reads_own(expression):
            return expression
        return self._kept(self._rendering.text(field, expression, nil=""))

    def _kept(self, text: str) -> str:
        """What gives `text` once more is evaluated: it is no template itself, and may be secret."""
        if Redactor((*self._known, *self._rendering.taint.found)).text(text) != text:
            return self._moved(text)
        return quoted(text)

    def _moved(self, text: str) -> str:
        return moved_to_secrets(f"webhook.{len(self.secrets)}", text, self.secrets)


def _check_url(field: str, url: str) -> None:
    try:
        if url:  # an empty one is told by its delivery, and no reason to fail
            check_url(url)
    except ValueError as error:
        raise PlanError(f"{field}: {error}") from None
