"""A Ray cluster of two nodes on this machine, on which a worker is killed while it embeds.

``python ray_cluster.py ROOT STATE [URL STATE]`` runs ``cleaner embed`` on the folder, kills one of the two
workers when the first features are written, and says what is there in the end; then the same for a URL, with
nobody killed. Loopback only, no dashboard, no usage statistics.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

# The last one keeps Ray on loopback, on any system.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "error",
    "RAY_raylet_start_wait_time_s": "180",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}

import psutil
from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.1"}
LIMIT_S = 400


def fresh_node() -> dict[str, object]:
    """Return how to start a node; with ports, as a raylet dies if its agents take long to choose some."""
    names = ["metrics_agent_port", "metrics_export_port", "runtime_env_agent_port"]
    names += ["dashboard_agent_listen_port"]
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
    for probe in probes:
        probe.close()
    return {**NODE, **ports}


def embedding(place: str, state: Path, address: str) -> subprocess.Popen[str]:
    words = [
        "embed",
        place,
        "--state",
        str(state),
        "--backbone",
        "lite0",
        "--engine",
        "ray",
        "--address",
        address,
    ]
    print("$ cleaner", *words, flush=True)
    return subprocess.Popen([sys.executable, "-m", "cleaner", *words], text=True)


def written(state: Path) -> int:
    """Count the features that are on the disk."""
    return sum(path.stat().st_size // 32 for path in state.glob("embeddings/*/digests.bin"))


def children(pid: int) -> list[psutil.Process]:
    """Return the processes below one; none if it is gone."""
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def workers(cluster: Cluster) -> dict[int, int]:
    """Return which node each worker is of, by process id."""
    found = {}
    for number, node in enumerate(cluster.list_all_nodes(), start=1):
        for info in node.all_processes.get("raylet", []):
            for child in children(info.process.pid):
                with suppress(psutil.Error):  # it ended just now
                    if "MapWorker" in "".join(child.cmdline()[:1]):
                        found[child.pid] = number
    return found


def main(root: str, state: Path, more: list[str]) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={**fresh_node(), "include_dashboard": False})
    try:
        cluster.add_node(**fresh_node())
        print(f"two nodes at {cluster.address}, one processor each", flush=True)
        running = embedding(root, state, cluster.address)
        end_s = time.monotonic() + LIMIT_S
        while time.monotonic() < end_s and running.poll() is None:
            there = workers(cluster)
            if len(there) == 2 and written(state):
                pid, node = min(there.items())
                print(f"workers {there} (process: node); {written(state)} features are written", flush=True)
                os.kill(pid, signal.SIGKILL)
                print(f"killed worker {pid} on node {node}", flush=True)
                break
            time.sleep(0.2)
        else:
            print("nobody could be killed", flush=True)
        seen = set(there)
        while running.poll() is None and time.monotonic() < end_s:
            new = {pid: node for pid, node in workers(cluster).items() if pid not in seen}
            if new:
                print(f"new worker {new}; {written(state)} features are written", flush=True)
                seen |= set(new)
            time.sleep(0.2)
        print(f"exit code {running.wait(LIMIT_S)}; {written(state)} features are written", flush=True)
        if more:
            print(f"exit code {embedding(more[0], Path(more[1]), cluster.address).wait(LIMIT_S)}", flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
