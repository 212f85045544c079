"""What becomes of the files of a task that has ended: which are kept, and which go besides.

Of a task that failed, or that a file fails, those with `always` remain. When it is stopped
meanwhile nothing remains.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import orjson

from conveyor.extensions.runtimes import RESULT, Outcome, RuntimeRejected
from services.worker.files.bundle import Output, bundled
from services.worker.files.publishing import Publisher
from services.worker.files.taking import Taker
from shared.definition import Artifact, Publication
from shared.messages import KeptArtifact
from shared.process.redaction import Redactor


@dataclass(frozen=True, slots=True)
class _Kept:
    artifact: KeptArtifact
    always: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is kept of an execution as one artifact, however it ends."""

    name: str
    output: Output
    secrets: Redactor


class Ending:
    def __init__(
        self,
        artifacts: Sequence[Artifact],
        publications: Sequence[Publication],
        large_result: str | None,
        taker: Taker,
        publisher: Publisher,
        bundle: Bundle | None = None,
    ) -> None:
        """With a `bundle`, the artifacts are kept in that alone."""
        self._artifacts = artifacts
        self._publications = publications
        self._large_result = large_result
        self._taker = taker
        self._publisher = publisher
        self._bundle = bundle
        self._kept: list[_Kept] = []

    @property
    def kept(self) -> tuple[KeptArtifact, ...]:
        return tuple(each.artifact for each in self._kept)

    async def complete(self, outcome: Outcome) -> Outcome:
        """The outcome, with what the task says of a result that was too large. Raises
        RuntimeRejected where a file fails the task."""
        try:
            if self._bundle is not None:
                await self._keep_bundle(self._bundle, outcome)
                return outcome
            if not outcome.is_success:
                await self._after_failure()
                return outcome
            return await self._after_success(outcome)
        except RuntimeRejected:
            await self._discard(each for each in self._kept if not each.always)
            raise
        except BaseException:
            await self._discard(self._kept)
            raise

    async def _after_success(self, outcome: Outcome) -> Outcome:
        error: RuntimeRejected | None = None
        for artifact in self._artifacts:
            if error is None or artifact.always:
                try:
                    await self._keep(artifact)
                except RuntimeRejected as reason:
                    error = error or reason
        if error is not None:
            raise error
        if outcome.large_result_bytes is not None:
            outcome = await self._with_large_result(outcome)
        await self._publish()
        return outcome

    async def _after_failure(self) -> None:
        """Nothing that happens to files is why it failed."""
        for artifact in self._artifacts:
            if artifact.always:
                try:
                    await self._keep(artifact)
                except RuntimeRejected as reason:
                    await self._taker.say(str(reason))
        try:
            await self._publish()
        except RuntimeRejected as reason:
            await self._taker.say(str(reason))

    async def _keep_bundle(self, bundle: Bundle, outcome: Outcome) -> None:
        """Nothing that happens to it is why an execution failed that has failed by itself."""
        members = partial(
            bundled, bundle.output, bundle.secrets, outcome.exit_code, self._artifacts
        )
        try:
            kept = await self._taker.kept_tree(
                bundle.name, lambda: members(self._taker.take, self._taker.say)
            )
            self._kept.append(_Kept(kept, True))
            await self._publish()
        except RuntimeRejected as reason:
            if outcome.is_success:
                raise
            await self._taker.say(str(reason))

    async def _keep(self, artifact: Artifact) -> None:
        take = self._taker.kept_chunks if artifact.chunks else self._taker.kept
        kept = await take(artifact.name, artifact.path)
        self._kept.append(_Kept(kept, artifact.always))

    async def _with_large_result(self, outcome: Outcome) -> Outcome:
        kept = await self._taker.kept(self._large_result or "", RESULT)
        self._kept.append(_Kept(kept, False))
        told = {"artifact": kept.name, "size": kept.size, "sha256": kept.sha256}
        return replace(outcome, output=orjson.dumps(told).decode(), large_result_bytes=None)

    async def _publish(self) -> None:
        published = await self._publisher.published(self._publications, self.kept)
        self._kept = [
            replace(each, artifact=artifact)
            for each, artifact in zip(self._kept, published, strict=True)
        ]

    async def _discard(self, gone: Iterable[_Kept]) -> None:
        gone = list(gone)
        self._kept = [each for each in self._kept if each not in gone]
        for each in gone:
            await self._taker.discard(each.artifact.object)
