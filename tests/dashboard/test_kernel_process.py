"""A page's kernel, with and without having waited for its page; in real processes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from cleaner.dashboard.kernels import COMMAND

LONG_S = 60


def ask(connection: Path, code: str) -> str:
    """Let a kernel evaluate an expression, and shut it down; return what it is, as text."""
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=LONG_S)
        reply = client.execute_interactive("", user_expressions={"it": code}, timeout=LONG_S)
        client.shutdown()
        return str(reply["content"]["user_expressions"]["it"]["data"]["text/plain"])
    finally:
        client.stop_channels()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there none is started ahead")
@pytest.mark.parametrize("early", [True, False])
def test_a_kernel_that_waited_works_where_it_is_told_and_knows_its_widgets(
    tmp_path: Path, *, early: bool
) -> None:
    connection = tmp_path / "connection.json"
    write_connection_file(str(connection))
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        while not early and psutil.Process(process.pid).cpu_percent(0.5):  # it has not imported all
            assert process.poll() is None
        told = {
            "arguments": ["-f", str(connection)],
            "environment": {**os.environ, "TOLD": "yes"},
            "folder": str(tmp_path),
        }
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.close()
        until_s = time.monotonic() + LONG_S
        while not psutil.Process(process.pid).net_connections("tcp"):  # a client takes slow for dead
            assert time.monotonic() < until_s
            time.sleep(0.05)
        seen = ask(
            connection,
            "__import__('os').environ['TOLD'], __import__('os').getcwd(), "
            "__import__('ipywidgets') and sorted(get_ipython().kernel.comm_manager.targets)",
        )
        assert process.wait(LONG_S) == 0
    assert ast.literal_eval(seen) == ("yes", str(tmp_path), ["jupyter.widget", "jupyter.widget.control"])


def test_a_kernel_that_waits_in_vain_ends() -> None:
    done = subprocess.run(COMMAND, input=b"", timeout=LONG_S, check=False)
    assert done.returncode == 0
