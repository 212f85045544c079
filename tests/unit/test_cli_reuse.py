"""`conveyor reuse`: which submissions a job was the answer to, and whether one would be."""

from pathlib import Path

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import fake_api

ID, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
STEPS = [
    {"name": "identical", "rule": "jobs that do the same work", "left": 2},
    {"name": "allowed", "rule": "not banned from reuse", "left": 0},
]
NEAR = {"jobId": OTHER, "differences": ["inputs.size"], "count": 3}
SUBMISSION = {
    "createdAt": "2026-11-30T12:00:00Z",
    "createdBy": {"id": "1", "username": "ann", "name": "Ann"},
    "reused": False,
    "steps": STEPS,
    "nearestMiss": NEAR,
}


async def test_reuse_tells_each_rule_and_what_differs_from_the_nearest_job(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("name: a\ntasks: [{name: t, run: x}]\n")
    async with fake_api() as api:
        api.answers[f"GET /jobs/{ID}"] = {"id": ID}
        api.answers[f"GET /jobs/{ID}/reuse"] = {
            "bannedAt": "2026-11-30T13:00:00Z",
            "submissions": [SUBMISSION],
        }
        done = await run_command(api.url, "reuse", ID)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines() == [
            "banned 2026-11-30T13:00:00Z",
            "2026-11-30T12:00:00Z  made new  by ann",
            "     2  jobs that do the same work",
            "     0  not banned from reuse",
            f"  nearest: job {OTHER} differs in inputs.size and 2 places more",
        ]
        api.answers["POST /jobs/reuse/check"] = {
            "jobId": ID,
            "steps": STEPS[:1],
            "nondeterministic": ["now()"],
        }
        done = await run_command(api.url, "reuse", "check", str(file))
        assert done.stdout.splitlines() == [
            f"it would be answered with job {ID}",
            "no later submission is answered with it: nondeterministic (now())",
            "     2  jobs that do the same work",
        ]
        api.answers[f"POST /jobs/{ID}/reuse/ban"] = {"status": "OK"}
        done = await run_command(api.url, "reuse", "ban", ID)
        assert done.stdout == f"job {ID} is not reused any more\n"
        api.answers[f"GET /jobs/{ID}/reuse"] = {"submissions": []}
        assert "without reuse" in (await run_command(api.url, "reuse", ID)).stdout
