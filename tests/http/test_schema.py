"""Schemathesis asks what the OpenAPI description allows, and what it does not: no answer is a fault."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from serving import Server

# Not `positive_data_acceptance`: that a form has one picture or one id cannot be said in its schema.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
CHECKS += ",response_headers_conformance,unsupported_method,missing_required_header"


def test_no_request_is_too_much(server: Server) -> None:
    phases = "examples,coverage,fuzzing" if os.environ.get("CI") else "examples,coverage"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    options = ["--checks", CHECKS, "--max-examples", "20", "--phases", phases]
    done = subprocess.run(
        [*command, *options, "--seed", "1", "--no-color", "--generation-database", "none"],
        capture_output=True,
        text=True,
        cwd=server.folder,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout[-2000:]
    assert int(generated[1]) > 150
    metrics = server.get("/metrics").body.decode()
    assert not re.search(r'lookalike_requests_total\{.*status="5\d\d"\}', metrics)
