"""What the sources of a job may refer to, as far as the submission tells."""

from typing import Any

import pytest

from shared.jobspec.tork.guesses import nearest_name
from tests.support.jobs.submissions import refusal, submitted

KEPT = [{"name": "out", "path": "x"}]
EACH = {"list": [1], "task": {"name": "encode", "run": "x", "artifacts": KEPT}}
LEFT = {"name": "left", "run": "x", "artifacts": KEPT}


def keeper(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"name": name, "run": "x", "artifacts": KEPT, **fields}


def taker(artifact: str, **fields: Any) -> dict[str, Any]:
    sources = [{"artifact": artifact, "target": "in"}]
    return {"name": "taker", "run": "x", "sources": sources, **fields}


def job(*tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    inputs = dict.fromkeys(("n", "from", "job"), "1")
    return {"name": "x", "tasks": list(tasks), "inputs": inputs, **fields}


def within(subjob: dict[str, Any]) -> dict[str, Any]:
    return {"name": "within", "subjob": subjob}


@pytest.mark.parametrize(
    "accepted",
    [
        job(keeper(), taker("a.out")),
        job(keeper(var="v"), taker("v.out/sub/file.txt")),
        job(keeper("build 1.2"), taker("build 1.2.out")),
        job({"name": "a", "run": "x", "largeResult": "rows"}, taker("a.rows")),
        job(keeper(needs=[]), {"name": "b", "needs": ["a"]}, taker("a.out", needs=["b"])),
        job(taker("a.out", needs=["a"]), keeper(needs=[])),
        job({"name": "e", "each": EACH}, taker("e.out")),
        job({"name": "e", "each": EACH}, taker("encode.out/0/frame.png")),
        job({"name": "e", "each": EACH}, taker("e.out/{{ inputs.n }}")),
        job({"name": "e", "parallel": {"tasks": [LEFT]}}, taker("e.out")),
        job({"name": "e", "parallel": {"tasks": [LEFT]}}, taker("left.out")),
        job(keeper(), {"name": "e", "each": {"list": [1], "task": taker("a.out")}}),
        job(keeper(), {"name": "e", "each": {"list": [1], "task": taker("a.{{ item.value }}")}}),
        job(keeper("a {{ inputs.n }}"), taker("a 3.out")),
        job(taker("{{ inputs.from }}")),
        job(taker("{{ inputs.job }}/a.out")),
        job(taker("0123456789abcdef/a.out")),
        job(within(job(keeper("inner"), taker("inner.out")))),
        job(
            within(job({**taker("x.y"), "sources": [{"upload": "u", "target": "a"}]})),
            uploads={"u": "1"},
        ),
    ],
)
def test_what_is_over_by_then_may_be_taken(accepted: dict[str, Any]) -> None:
    assert submitted(accepted).warnings == ()


@pytest.mark.parametrize(
    ("refused", "place", "message"),
    [
        (
            job(keeper(), taker("a.oot")),
            "tasks[1]",
            "the task 'a' keeps no artifact 'oot', did you",
        ),
        (job(keeper("abc"), taker("abd.out")), "tasks[1]", "'abd', did you mean 'abc'?"),
        (
            job(taker("zz.out")),
            "tasks[0]",
            "no task of this job has the var or name 'zz': they are",
        ),
        (job(taker("b.out"), keeper("b")), "tasks[0]", "the task 'b' runs after this one"),
        (job(taker("taker.x")), "tasks[0]", "a task can't take what it keeps itself"),
        (
            job(keeper(), taker("a.out", needs=[])),
            "tasks[1]",
            "may run beside this one: name it in",
        ),
        (
            job(keeper(), keeper(), taker("a.out")),
            "tasks[2]",
            "2 tasks before this one are named 'a'",
        ),
        (
            job({"name": "e", "each": {"list": [1], "task": taker("e.out")}}),
            "tasks[0].each.task",
            "the task 'e' is around this one, so it is over later",
        ),
        (
            job({"name": "p", "parallel": {"tasks": [LEFT, taker("left.out")]}}),
            "tasks[0].parallel.tasks[1]",
            "the task 'left' may run beside this one",
        ),
        (
            job({"name": "e", "each": EACH}, taker("e.out/frame.png")),
            "tasks[1]",
            "must begin with the index of one",
        ),
        (
            job({"name": "e", "each": {"list": [1], "task": {"each": EACH}}}, taker("encode.out")),
            "tasks[1]",
            "the task 'encode' is in an each within others",
        ),
        (
            job(within(job(keeper("inner"))), taker("within.ouf")),
            "tasks[1]",
            "the task 'within' keeps no artifact 'ouf', did you mean 'out'?",
        ),
        (
            job(keeper(), within(job(taker("a.out")))),
            "tasks[1].subjob.tasks[0]",
            "for a task of the job around it, the id of that job must precede: ID/task.name",
        ),
    ],
)
def test_what_can_not_be_there_is_refused_with_its_place(
    refused: dict[str, Any], place: str, message: str
) -> None:
    text = refusal(refused)

    assert text.startswith(f"{place}.sources[0].artifact: ")
    assert message in text


@pytest.mark.parametrize("inner", [False, True])
def test_an_upload_must_be_one_of_the_job(inner: bool) -> None:
    task = {"name": "a", "run": "x", "sources": [{"upload": "orders", "target": "in"}]}
    refused = job(within(job(task))) if inner else job(task)

    text = refusal(refused | {"uploads": {"order": "1f3a"}})

    assert 'sources[0].upload: "orders" is not allowed: the job has no such upload, did you' in text


def test_expressions_of_files_are_checked_as_others_are() -> None:
    source = {"s3": {"bucket": "{{ nothing.x }}", "key": "{{ inputs.missing }}"}, "target": "a"}
    fields = {"sources": [source], "artifacts": [{"name": "out", "path": "{{ foo }}"}]}

    text = refusal(job({"name": "a", "run": "x", **fields}))
    source["s3"]["bucket"] = "data"  # type: ignore[index]  # a mapping, above
    (warning,) = submitted(job({"name": "a", "run": "x", "sources": [source]})).warnings

    assert "tasks[0].sources[0].s3.bucket: unknown name 'nothing'" in text
    assert "tasks[0].artifacts[0].path: unknown name 'foo'" in text
    assert str(warning).startswith("tasks[0].sources[0].s3.key: inputs.missing is not defined")


def test_a_name_of_many_expressions_is_compared_as_fast_as_another() -> None:
    evaluated = {"name": "a", "run": "x", "var": "a{{ 1 }}" * 7 + "b"}

    def warnings_for(name: str) -> list[str]:
        reader = {"name": "b", "run": "x", "env": {"X": "{{ tasks." + name + " }}"}}
        return list(map(str, submitted(job(evaluated, reader)).warnings))

    (warning,) = warnings_for("a" * 200)
    assert "tasks[1].env.X: " in warning
    assert warnings_for("a1" * 7 + "b") == []


def test_of_many_references_that_lead_to_nothing_a_hundred_are_found() -> None:
    takers = [{**taker("zz.out"), "name": f"t{number}"} for number in range(120)]

    assert refusal(job(*takers)).endswith("; and 90 more")


def test_a_slip_is_compared_with_few_names_and_with_none_that_is_long() -> None:
    assert nearest_name("nane", ["name"]) == "name"
    assert nearest_name("nane", [*map(str, range(100)), "name"]) is None
    assert nearest_name("a" * 51, ["a" * 50]) is None
    assert nearest_name("a" * 50, ["a" * 51]) is None
