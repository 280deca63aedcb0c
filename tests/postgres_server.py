"""A PostgreSQL server of our own for the tests: made in a temporary folder, reached by a socket in it."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

__all__ = ["Server", "fresh_url", "server"]


class Server:
    """One throw-away server; ``stop`` and ``start`` imitate a restart."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        # Not pytest's folder: a socket's path may have 107 characters, and another user must get there.
        self.folder = Path(tempfile.mkdtemp(prefix="cleaner-pg-", dir="/tmp"))
        self.user = "postgres"
        self.prefix: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            account = next((n for n in ("postgres", "nobody") if _account(n)), None)
            run = next((n for n in ("runuser", "setpriv") if shutil.which(n)), None)
            if account is None or run is None:
                pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
            options = ["-u", account, "--"] if run == "runuser" else ["--reuid", account, "--clear-groups"]
            self.prefix = [run, *options]
            shutil.chown(self.folder, account)
        self._run(
            "initdb", "-D", str(self.data), "-U", self.user, "--auth=trust", "--no-sync", "-E", "UTF8",
            "--no-instructions",
        )  # fmt: skip
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self.prefix, str(self.binaries / program), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            log = self.folder / "log"
            more = log.read_text() if log.exists() else ""
            pytest.fail(f"{program} failed: {done.stdout}{done.stderr}{more}")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c max_connections=100 -c fsync=off"
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "-w", "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def url(self) -> str:
        return f"postgresql://{self.user}@/postgres?host={self.folder}"

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def _account(name: str) -> bool:
    import pwd  # not on Windows

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@functools.cache
def _only_server() -> Server | None:
    binaries = _binaries()
    if binaries is None:
        return None
    server = Server(binaries)
    atexit.register(server.remove)
    return server


def server() -> Server:
    """The server, started when first asked for; skips the test where PostgreSQL is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    found = _only_server()
    if found is None:
        pytest.skip("PostgreSQL (initdb) is not installed")
    return found


def fresh_url() -> str:
    """URL of an empty schema on the server, quicker made than a database."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server().url(), autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
    return f"{server().url()}&options=-csearch_path%3D{name}"
