"""Lambda's handler, called with events of an HTTP API; AWS's own runtime client calls it in ``tests/export``."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from tests import alone
from tests.exports import Written
from tests.unit.export.programs import require_bits, rows_of

CALLED = """
import json, sys
sys.path.insert(0, ".")
from handler import handler
print(json.dumps([handler(event, None) for event in json.load(sys.stdin)]))
"""


def event(body: str | None, method: str = "POST", **more: Any) -> dict[str, Any]:
    """As an HTTP API sends it, in format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "id.execute-api.us-east-1.amazonaws.com"},
        "requestContext": {"http": {"method": method, "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
        **({} if body is None else {"body": body}),
        **more,
    }


def test_lambda_s_handler_answers_events_of_an_http_api(written: Written, tmp_path: Path) -> None:
    folder, record = written("lambda")
    body = json.dumps({"instances": rows_of(record)})
    encoded = base64.b64encode(body.encode()).decode()
    events = [
        event(body),
        event(encoded, isBase64Encoded=True),
        event(None, method="GET"),
        event("{"),
        event(None),
        event(None, method="PUT"),
    ]
    caller = folder / "task" / "caller.py"
    caller.write_text(CALLED)
    ended = subprocess.run(
        alone.words(caller),
        cwd=folder / "task",
        env={"PATH": "", "LAMBDA_TASK_ROOT": str(folder / "task")},
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    assert [answer["statusCode"] for answer in answers] == [200, 200, 200, 400, 400, 405]
    for answer in answers[:2]:
        scores = json.loads(answer["body"])["predictions"]
        require_bits(record, [list(row.values()) for row in scores])
    assert json.loads(answers[2]["body"])["graph_sha256"] == record.graph_sha256
