"""What docs/webhooks.md tells receivers to do verifies what the dispatcher signs."""

import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shared.process.signing import new_secret, read_secret, signature
from tests.support.availability import unavailable

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = new_secret()
BODY = '{"name": "ä", "state": "RUNNING"}\n'

PYTHON = """
import json, sys
cases = json.load(sys.stdin)
print(json.dumps([is_valid(c["secret"], c["headers"], c["body"].encode()) for c in cases]))
"""
JAVASCRIPT = """
const cases = JSON.parse(require("node:fs").readFileSync(0));
const given = cases.map((c) => isValid(c.secret, c.headers, Buffer.from(c.body)));
console.log(JSON.stringify(given));
"""
GO = """
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var cases []struct {
		Secret, Body string
		Headers map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	given := []bool{}
	for _, c := range cases {
		headers := http.Header{}
		for name, value := range c.Headers {
			headers.Set(name, value)
		}
		given = append(given, IsValid(c.Secret, headers, []byte(c.Body)))
	}
	answer, _ := json.Marshal(given)
	fmt.Println(string(answer))
}
"""


@dataclass(frozen=True)
class Case:
    """A request as it arrives, signed with `keys`."""

    what: str
    is_valid: bool
    keys: tuple[str, ...] = (SECRET,)
    age_seconds: int = 0
    body: str = BODY
    without: str = ""
    signature: str | None = None
    timestamp: str | None = None

    def headers(self) -> dict[str, str]:
        at = int(time.time()) - self.age_seconds
        signed = signature([read_secret(key) for key in self.keys], "d1", at, BODY.encode())
        headers = {
            "webhook-id": "d1",
            "webhook-timestamp": str(at) if self.timestamp is None else self.timestamp,
            "webhook-signature": signed if self.signature is None else self.signature,
        }
        headers.pop(self.without, None)
        return headers


GOOD = Case("as it was signed", is_valid=True)
BAD = Case("", is_valid=False)
CASES = [
    GOOD,
    replace(GOOD, what="while a secret is replaced", keys=(new_secret(), SECRET)),
    replace(GOOD, what="some minutes old", age_seconds=250),
    replace(GOOD, what="some minutes ahead", age_seconds=-250),
    replace(BAD, what="by another secret", keys=(new_secret(),)),
    replace(BAD, what="another body", body=BODY + " "),
    replace(BAD, what="recorded earlier", age_seconds=330),
    replace(BAD, what="from the future", age_seconds=-330),
    replace(BAD, what="no id", without="webhook-id"),
    replace(BAD, what="no time", without="webhook-timestamp"),
    replace(BAD, what="no signature", without="webhook-signature"),
    replace(BAD, what="an empty signature", signature=""),
    replace(BAD, what="a version that is unknown", signature="v2,x v1, v1"),
    replace(BAD, what="a pattern", signature="*"),
    replace(BAD, what="no number", timestamp="x[$(exit 9)]"),
    replace(BAD, what="no number of this age", timestamp="9" * 5000),
    replace(BAD, what="an octal number", timestamp="08"),
]


def snippet(language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    [block] = [block for block in blocks if re.search("is_?valid", block, re.IGNORECASE)]
    return str(block)


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        unavailable(f"the snippet of docs/webhooks.md for {name}, which is not installed")
    return path


def assert_verified(command: list[str]) -> None:
    cases = [{"secret": SECRET, "headers": case.headers(), "body": case.body} for case in CASES]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = zip(CASES, json.loads(done.stdout), strict=True)
    assert [case.what for case, is_valid in given if is_valid != case.is_valid] == []


@pytest.mark.parametrize(
    ("language", "name", "rest"),
    [("python", "python3", PYTHON), ("javascript", "node", JAVASCRIPT)],
)
def test_the_snippet_of_a_script_language_verifies(
    language: str, name: str, rest: str, tmp_path: Path
) -> None:
    file = tmp_path / "receiver"
    file.write_text(snippet(language) + rest, encoding="utf-8")
    assert_verified([program(name), str(file)])


def test_the_go_snippet_verifies(tmp_path: Path) -> None:
    text = snippet("go").replace("package receiver", "package main")
    (tmp_path / "receiver.go").write_text(text, encoding="utf-8")
    (tmp_path / "main.go").write_text(GO, encoding="utf-8")
    # Built before anything is signed, as that takes its time.
    subprocess.run(
        [program("go"), "build", "-o", "x", "receiver.go", "main.go"], cwd=tmp_path, check=True
    )
    assert_verified([str(tmp_path / "x")])


def test_the_shell_snippet_verifies(tmp_path: Path) -> None:
    program("openssl")
    text = snippet("sh") + '\nis_valid "$@"'
    body = tmp_path / "body"
    wrong = []
    for case in CASES:
        headers = case.headers()
        body.write_text(case.body, encoding="utf-8")
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        given = [headers.get(name, "") for name in names]
        done = subprocess.run(["sh", "-c", text, "sh", SECRET, *given, str(body)])
        if (done.returncode == 0) != case.is_valid or done.returncode > 1:
            wrong.append(case.what)
    assert wrong == []
