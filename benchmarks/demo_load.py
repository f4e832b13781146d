"""How many pictures a second the demo's server looks at, for one client and for several at once.

The server runs in a process of its own, as `make demo` starts it, without its limit per client;
the clients are threads here, each with one connection kept open, and share the machine with it.
A wrong number of faces counts as an error, like a refusal.
"""

import argparse
import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from common import RESULTS, machine, show_and_save
from pictures import encoded, three_faces, webcam_frame

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script's is its own folder

from demo.app import API
from demo.predictor import Predictor
from demo.server import HOST, THREADS
from fer_utils.paths import ROOT

SERVE = """
import sys
import demo.app, demo.rate_limit, demo.server
demo.app.RateLimit = lambda: demo.rate_limit.RateLimit(1e9, 10**9)  # all clients have one address
sys.exit(demo.server.main(["--port", "0"]))
"""
PATIENCE = 120  # seconds for one answer


@dataclass(frozen=True)
class Photo:
    """A JPEG file and how many faces the server should find in it."""

    name: str
    data: bytes
    faces: int


def photos() -> list[Photo]:
    """Return a webcam's frame with one face and a larger photo with three."""
    return [
        Photo("640 x 480, one face", encoded(webcam_frame(), "JPEG", quality=90), 1),
        Photo("1000 x 600, three faces", encoded(three_faces(), "JPEG", quality=90), 3),
    ]


@contextlib.contextmanager
def demo_server() -> Iterator[int]:
    """Run the demo's server in a process of its own while the block runs; yield its port."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        port = re.search(r"http://localhost:(\d+)", line)
        if port is None:
            raise RuntimeError(f"the demo's server did not start: {line.strip() or 'see above'}")
        yield int(port[1])
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def ask(connection: http.client.HTTPConnection, photo: Photo) -> tuple[float, str]:
    """Send `photo` once; return the milliseconds and what was wrong with the answer, or ""."""
    start = time.perf_counter()
    try:
        connection.request("POST", f"{API}/predict", photo.data, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return 1000 * (time.perf_counter() - start), f"{type(error).__name__}: {error}"
    took = 1000 * (time.perf_counter() - start)
    if answer.status != 200:
        return took, f"status {answer.status}"
    faces = len(json.loads(body)["faces"])
    return took, "" if faces == photo.faces else f"{faces} faces, not {photo.faces}"


def load(port: int, photo: Photo, clients: int, requests: int) -> tuple[dict, list[str]]:
    """Let `clients` send `photo` `requests` times each; return a row and what went wrong."""
    ready = threading.Barrier(clients)

    def client(_: int) -> tuple[float, list[tuple[float, str]], float]:
        with contextlib.closing(http.client.HTTPConnection(HOST, port, PATIENCE)) as connection:
            ask(connection, photo)  # connects, and does not count
            ready.wait()
            start = time.perf_counter()
            answers = [ask(connection, photo) for _ in range(requests)]
            return start, answers, time.perf_counter()

    with ThreadPoolExecutor(clients) as pool:
        starts, answers, ends = zip(*pool.map(client, range(clients)), strict=True)
    every = [answer for part in answers for answer in part]
    took = [milliseconds for milliseconds, problem in every if not problem]
    median, p95, p99 = np.percentile(took, (50, 95, 99)) if took else (np.nan,) * 3
    row = {
        "picture": photo.name,
        "clients": clients,
        "requests": len(every),
        "errors": len(every) - len(took),
        "per_second": round(len(took) / (max(ends) - min(starts)), 1),
        **{"median_ms": round(median, 1), "p95_ms": round(p95, 1), "p99_ms": round(p99, 1)},
    }
    return row, [problem for _, problem in every if problem]


def measure(port: int, clients: int, requests: int) -> tuple[pd.DataFrame, list[str]]:
    """Return a row for each photo by one client and by `clients`, and what went wrong, if any."""
    parts = [
        load(port, photo, count, requests)
        for photo in photos()
        for count in sorted({1, clients})
    ]  # fmt: skip
    rows, problems = zip(*parts, strict=True)
    return pd.DataFrame(rows), [problem for part in problems for problem in part]


def main(argv: list[str] | None = None) -> int:
    """Measure, print the table, write the CSV; 1 when a request went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8, help="at once (default 8)")
    parser.add_argument("--requests", type=int, default=50, help="of each client (default 50)")
    parser.add_argument("--output", type=Path, default=RESULTS / "demo_load.csv")
    options = parser.parse_args(argv)
    if min(options.clients, options.requests) < 1:
        parser.error("--clients and --requests must be 1 or more")
    facts = machine() | {"net": Predictor().facts["folder"], "server_threads": THREADS}
    with demo_server() as port:
        table, problems = measure(port, options.clients, options.requests)
    show_and_save("The demo's server under load", table, facts, options.output)
    for problem in sorted(set(problems)):
        print(f"error, {problems.count(problem)} times: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
