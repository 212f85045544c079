"""Jobs as schedules and templates keep them: what may be shown in clear, all of it sealed."""

from datetime import datetime
from typing import cast

from pydantic import JsonValue

from shared.definition import InvalidDefinition, JobDefinition, decode_job, encode
from shared.planning.secret_names import kept_in_clear
from shared.planning.secrets import hidden_values
from shared.planning.submission import new_job
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, SealingError


class CannotFire(Exception):
    """No job can be made of what is stored as it stands; the text says why."""


def definition_in(spec: dict[str, JsonValue], sealed: str | None, sealer: Sealer) -> JobDefinition:
    """As `without_secrets` gives the two. Raises CannotFire."""
    try:
        return decode_job(sealer.unseal(sealed)["spec"] if sealed else spec)
    except SealingError as error:  # the operator's to put right
        raise CannotFire(f"secrets: {error}") from None
    except InvalidDefinition as error:  # it was accepted by a version with other rules
        raise CannotFire(f"the job breaks the rules of this version: {error}") from None


def without_secrets(
    definition: JobDefinition, sealer: Sealer
) -> tuple[dict[str, JsonValue], str | None]:
    """The submission as it may be shown; if that is not all of it, all of it sealed."""
    submitted = encode(definition)
    secrets = new_job(definition, "", datetime.min).definition.secrets  # noqa: DTZ901 - of no time
    shown = Redactor(hidden_values(secrets)).value(submitted)
    if sealer.encrypts:  # else what is secret by its name would stand beside it in clear
        shown = cast(dict[str, JsonValue], kept_in_clear(shown, sealer.seal_text))
    if not secrets and shown == submitted:
        return submitted, None
    return shown, sealer.seal({"secrets": secrets, "spec": submitted})
