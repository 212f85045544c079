"""Files: what a task keeps, what is brought to it, and where its results also go."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.expressions import has_expression, map_expressions, names_in
from shared.jobspec import fields as f
from shared.jobspec import file_rules as rules
from shared.jobspec.expression_texts import check_hidden_template
from shared.jobspec.headers import is_secret_header
from shared.jobspec.limits import MAX_FILES
from shared.jobspec.partition_rules import partition_problems
from shared.jobspec.problems import Breach, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.policies import Spec
from shared.jobspec.tork.models.texts import template_of, text_of


def _reads_secrets(text: str) -> bool:
    return any(path[:1] == ("secrets",) for path in names_in(text))


def _secret(text: str) -> str:
    check_hidden_template(text)
    if not _reads_secrets(text) or map_expressions(text, lambda _: "").strip():
        raise ValueError(
            "must be an expression that reads a secret, such as {{ secrets.name }}: "
            "a key that stands in the job would be stored and shown with it"
        )
    return text


_Text = Annotated[str, Field(max_length=4096)]
_Name = Annotated[_Text, template_of(rules.check_artifact_name)]
_Reference = Annotated[_Text, template_of(rules.check_reference)]
_Sha256 = Annotated[_Text, template_of(rules.check_sha256)]
_SecretTemplate = Annotated[_Text, AfterValidator(_secret)]


class Artifact(Spec):
    """A file or a directory that is kept when the task has ended, for later tasks and to be
    downloaded."""

    name: _Name
    """How `sources` of later tasks, the API and `conveyor download` call it: a letter, then
    letters, digits, `_` and `-`. May hold expressions."""
    path: Annotated[_Text, template_of(rules.check_kept_path)]
    """Where the task leaves it: absolute in a container, or below the working directory. May hold
    expressions. What is not there fails the task."""
    when: Literal["success", "always"] | None = None
    """`always`: also when the task fails, as far as it is there. Default: `success`."""


class _S3(Spec):
    bucket: Annotated[_Text, template_of(rules.check_bucket)]
    """The name of the bucket; may hold expressions."""
    region: Annotated[_Text, template_of(rules.check_region)] | None = None
    """Default: as the worker is set."""
    endpoint: f.UrlTemplate | None = None
    """The URL of what speaks S3, if it is not AWS. Default: as the worker is set."""
    style: Literal["path", "virtual"] | None = None
    """Where the bucket stands in URLs. Default: as the worker is set."""
    credentials: Annotated[_Text, template_of(rules.check_credentials)] | None = None
    """The name that the worker has for a login. Default: its default login."""
    access_key: _SecretTemplate | None = None
    """A login of its own, with `secretKey`: an expression of a secret, `{{ secrets.name }}`."""
    secret_key: _SecretTemplate | None = None
    """An expression of a secret, too."""
    session_token: _SecretTemplate | None = None
    """An expression of a secret, too; only for a login that ends."""

    @model_validator(mode="after")
    def _one_login(self) -> "_S3":
        refuse(list(_login_breaches(self)))
        return self


def _login_breaches(s3: _S3) -> Iterator[Breach]:
    if bool(s3.access_key) != bool(s3.secret_key):
        missing = "secretKey" if s3.access_key else "accessKey"
        yield Breach((missing,), "is required: accessKey and secretKey are one login")
    if s3.session_token and not s3.access_key:
        yield Breach(("sessionToken",), "is only for a login by accessKey and secretKey")
    if s3.credentials and s3.access_key:
        yield Breach(("credentials",), "can't be combined with accessKey: a task has one login")


class Partition(Spec):
    """By what of their keys objects are dealt out to executions: each goes to exactly one. What has
    nothing of it goes to the first."""

    type: Literal["none", "object", "regex", "substring", "date"]
    """`object`: by the whole key. The others look at what follows the `key` of the source: `regex`
    at what `pattern` matches, `substring` at characters, `date` at a date at its beginning. `none`:
    every execution gets all."""
    pattern: Annotated[_Text, template_of(rules.check_filter)] | None = None
    """A regular expression; of one with groups, these count alone."""
    start_index: t.Index | None = None
    """The first character, from 0. Default: 0."""
    end_index: t.Index | None = None
    """The character after the last."""
    date_format: _Text | None = None
    """How a date is written, by the example of 2 January 2006: `2006-01-02`."""

    @property
    def start(self) -> int | None:
        return self.start_index

    @property
    def end(self) -> int | None:
        return self.end_index

    @model_validator(mode="after")
    def _rules_of_its_type(self) -> "Partition":
        refuse([Breach((field,), rule) for field, rule in partition_problems(self)])
        return self


class S3Source(_S3):
    """One object of a bucket, or many."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "sha256": "is a field of the source, beside s3",
        "encoding": "is only for publish: see extract",
    }

    key: Annotated[_Text, template_of(rules.check_key)]
    """An object; all below `directory/`; or all that begin as `prefix*`. May hold expressions."""
    filter: Annotated[_Text, template_of(rules.check_filter)] | None = None
    """A regular expression that the keys of many must match. Default: all of them."""
    version_id: f.Template | None = None
    """Which version of an object. Default: the newest."""
    partition: Partition | None = None
    """An execution of a placed task gets only its own part of many objects. Default: all."""


class S3Target(_S3):
    """A place in a bucket."""

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("filter", "versionId", "partition"), "is only for sources"
    )

    key: Annotated[_Text, template_of(rules.check_published_key)]
    """The object, or a `directory/`. `{jobID}`, `{taskID}`, `{executionID}`, `{nodeID}`,
    `{attempt}`, `{date}` and `{time}` stand for their values. May hold expressions."""
    encoding: Literal["plain", "gzip"] | None = None
    """`gzip`: the artifact is one object, a `.tar.gz`. Default: `plain`, each file by itself."""


KINDS = ("artifact", "upload", "url", "s3", "ipfs", "inline", "local")
_CHECKED_BY_CONTENT = ("url", "s3", "ipfs")


class Source(Spec):
    """A file or directory that is brought to the task before it starts: exactly one of `artifact`,
    `upload`, `url`, `s3`, `ipfs`, `inline` and `local`."""

    artifact: _Reference | None = None
    """What an earlier task has kept: `task.name`, the task by its `var` or name. A path in it may
    follow, and the id of another job precede. Of an `each` or a `parallel`: a directory with what
    all its children have kept. May hold expressions."""
    upload: Annotated[_Text, template_of(rules.check_upload_name)] | None = None
    """The name of one of the `uploads` of the job, or of the job around a sub-job. May hold
    expressions."""
    url: Annotated[_Text, template_of(rules.check_source_url)] | None = None
    """An http or https URL. May hold expressions."""
    s3: S3Source | None = None
    """Objects of S3, and of all that speaks it."""
    ipfs: Annotated[_Text, template_of(rules.check_ipfs)] | None = None
    """A CID, and perhaps a path in it. May hold expressions."""
    inline: Annotated[str, template_of(rules.check_inline)] | None = None
    """The text of the file, or a `data:` URL. May hold expressions."""
    local: Annotated[_Text, template_of(rules.check_local)] | None = None
    """A file or directory of the worker's machine, if its operator allows it: an absolute path. May
    hold expressions."""
    target: Annotated[_Text, template_of(rules.check_target)]
    """Where the task finds it: absolute in a container, or below the working directory. With a `/`
    at its end, one file gets its own name there. May hold expressions."""
    read_only: f.Flag | None = None
    """Whether the task can't change it. Default: false."""
    extract: f.Flag | None = None
    """Whether the archive (tar, tar.gz, zip) is unpacked into the directory `target`. Default:
    false."""
    sha256: _Sha256 | None = None
    """What the content must have, of a `url`, `s3` or `ipfs`; else the task fails."""
    headers: f.Headers[f.HeaderTemplate] | None = None
    """Sent to the `url`; may hold expressions. What logs in must be one of a secret:
    `Authorization: "Bearer {{ secrets.token }}"`."""

    @model_validator(mode="after")
    def _rules_of_its_kind(self) -> "Source":
        refuse(list(_source_breaches(self)))
        return self


def _source_breaches(source: Source) -> Iterator[Breach]:
    given = [name for name in KINDS if getattr(source, name) is not None]
    if not given:
        yield Breach((), f"must have one of {', '.join(KINDS[:-1])} and {KINDS[-1]}")
        return
    for name in given[1:]:
        yield Breach((name,), f"can't be combined with {given[0]}: a source has one of them")
    if source.headers and not source.url:
        yield Breach(("headers",), f"is only for a url, not for {given[0]}")
    if source.sha256 and given[0] not in _CHECKED_BY_CONTENT:
        yield Breach(("sha256",), f"is only for url, s3 and ipfs, not for {given[0]}")
    if source.extract and source.local:
        yield Breach(("extract",), "is not for local, which is brought as it is")
    for name, value in (source.headers or {}).items():
        if is_secret_header(name) and not _is_secret_read(value):
            rule = (
                "must hold an expression that reads a secret, such as {{ secrets.name }}: "
                "a value that stands in the job would be stored and shown with it"
            )
            yield Breach(("headers", name), rule)
    key = source.s3.key if source.s3 else ""
    if not has_expression(key) and not has_expression(source.target):
        for field, rule in rules.source_problems(source):
            yield Breach(tuple(field.split(".")), rule)


def _is_secret_read(value: str | None) -> bool:
    return not value or (has_expression(value) and _reads_secrets(value))


class Publication(Spec):
    """Where an artifact goes besides: exactly one of `s3`, `ipfs` and `local`."""

    artifact: _Name | None = None
    """Which of the task's artifacts. Default: all of them."""
    s3: S3Target | None = None
    """To S3, and to all that speaks it."""
    ipfs: f.Flag | None = None
    """To IPFS, as the worker is set."""
    local: Annotated[_Text, template_of(rules.check_published_local)] | None = None
    """Into a directory of the worker's machine, if its operator allows it. Holds what `key` may."""

    @model_validator(mode="after")
    def _one_place(self) -> "Publication":
        given = [name for name in ("s3", "ipfs", "local") if getattr(self, name)]
        if not given:
            raise ValueError("must have one of s3, ipfs and local")
        rule = f"can't be combined with {given[0]}: a publication has one of them"
        refuse([Breach((name,), rule) for name in given[1:]])
        return self


def _with_names(given: object) -> object:
    """GitLab's are a mapping with `paths`, and those of others paths alone."""
    entries = given if isinstance(given, list) else [given]
    if any(isinstance(entry, str) for entry in entries) or isinstance(given, dict):
        raise ValueError(
            "must be a list of artifacts with name and path: [{name: report, path: out/report.csv}]"
        )
    return given


Artifacts = Annotated[
    list[f.Entry[Artifact]], Field(max_length=MAX_FILES), BeforeValidator(_with_names)
]
Sources = Annotated[list[f.Entry[Source]], Field(max_length=MAX_FILES)]
Publications = Annotated[list[f.Entry[Publication]], Field(max_length=MAX_FILES)]
LargeResult = _Name
_UploadName = Annotated[f.Key, text_of(rules.check_upload_name)]
_UploadId = Annotated[_Text, text_of(rules.check_upload_id)]
Uploads = Annotated[dict[_UploadName, _UploadId], Field(max_length=MAX_FILES)]
"""Ids by name."""


def file_breaches(
    *,
    artifacts: Sequence[Artifact],
    sources: Sequence[Source],
    publish: Sequence[Publication],
    large_result: str,
    taken: Sequence[str],
    workdir: str,
) -> Iterator[Breach]:
    """What a task's files break together, as far as they hold no expressions."""
    names = [artifact.name for artifact in artifacts]
    for index, rule in rules.name_problems(names, large_result):
        yield Breach(("artifacts", index, "name"), rule, names[index])
    targets = [rules.target_of(source) for source in sources]
    for index, rule in rules.target_problems(targets, taken, workdir):
        yield Breach(("sources", index, "target"), rule, sources[index].target)
    yield from _publication_breaches(publish, {*names, large_result} - {""})


def _publication_breaches(publish: Sequence[Publication], names: set[str]) -> Iterator[Breach]:
    if publish and not names:
        yield Breach(("publish",), "publishes artifacts, and the task keeps none: see artifacts")
        return
    for index, publication in enumerate(publish):
        name = publication.artifact
        if name and name not in names and not any(map(has_expression, (name, *names))):
            yield Breach(("publish", index, "artifact"), "must be an artifact of the task", name)
        key = publication.s3.key if publication.s3 else "/"
        if not name and len(names) > 1 and not key.endswith("/") and not has_expression(key):
            rule = "must end with '/' where it is for all artifacts: they would be one object"
            yield Breach(("publish", index, "s3", "key"), rule, key)
