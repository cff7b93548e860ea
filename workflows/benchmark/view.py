"""The page's tiles: how long they take at every zoom, and what eight clients at once do to the server.

    python workflows/benchmark/view.py planet.zarr [--seconds 60] [--clients 8] [--tiles 40]

starts `rangegeo view` on the planet. First one client asks for the whole Earth, which makes the coefficients of the
colours, then for random tiles of every zoom, as pictures and as numbers. Then several clients ask for random tiles of
all zooms for a while. Memory is that of the server.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ZOOMS = range(17)
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def server(source: str) -> Iterator[tuple[str, int]]:
    """The host and port of a server, and its process."""
    command = [sys.executable, "-m", "rangegeo", "view", source, "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = re.fullmatch(r"http://([\d.:]+)/\n", process.stdout.readline())
        assert address is not None, "rangegeo view did not start"
        try:
            yield address[1], process.pid
        finally:
            process.terminate()


def told(pid: int) -> tuple[float, float]:
    """Megabytes in memory, and processor seconds, of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    user, system = (int(part) for part in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, (user + system) / TICKS


def random_tile(chance: random.Random, zoom: int) -> str:
    """The address of a random tile, half of them pictures at a random beta."""
    x, y = (chance.randrange(2**zoom) for _ in range(2))
    return f"/tiles/{zoom}/{x}/{y}." + ("bin" if chance.random() < 0.5 else f"png?beta={chance.random():.2f}")


def ask(client: http.client.HTTPConnection, address: str) -> float:
    """Seconds until an answer has come."""
    start = time.perf_counter()
    client.request("GET", address)
    answer = client.getresponse()
    content = answer.read()
    assert answer.status == 200, (address, content[:200])
    return time.perf_counter() - start


def one_client(host: str, pid: int, tiles: int) -> None:
    """Times of single tiles."""
    client, chance = http.client.HTTPConnection(host, timeout=600), random.Random(0)
    start, (_, before) = time.perf_counter(), told(pid)
    for x in range(4):
        for y in range(4):
            ask(client, f"/tiles/2/{x}/{y}.bin")
    print(f"first view: {time.perf_counter() - start:.1f} s, {told(pid)[1] - before:.1f} processor seconds")
    print("zoom  median ms  95 % ms  processor ms")
    for zoom in ZOOMS:
        (_, before), seconds = told(pid), [ask(client, random_tile(chance, zoom)) for _ in range(tiles)]
        median, high = 1000 * np.percentile(seconds, [50, 95])
        print(f"{zoom:4}  {median:9.1f}  {high:7.1f}  {1000 * (told(pid)[1] - before) / tiles:12.1f}")


def many_clients(host: str, pid: int, clients: int, seconds: float) -> None:
    """Times of tiles that several clients ask for at once."""
    until, found, lost = time.perf_counter() + seconds, [], []
    (first, before), peak = told(pid), 0.0

    def run(seed: int) -> None:
        client, chance = http.client.HTTPConnection(host, timeout=60), random.Random(seed)
        while time.perf_counter() < until:
            try:
                found.append(ask(client, random_tile(chance, chance.choice(ZOOMS))))
            except Exception as error:
                lost.append(error)
                client.close()

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(1, clients + 1)]
    for thread in threads:
        thread.start()
    half = 0.0
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.25)
        now = told(pid)[0]
        peak, half = max(peak, now), half or (now if time.perf_counter() > until - seconds / 2 else 0)
    last, after = told(pid)
    median, high = 1000 * np.percentile(found, [50, 95])
    told_times = f"median {median:.1f} ms, 95 % {high:.1f} ms"
    print(f"{clients} clients, {seconds:.0f} s: {len(found)} tiles, {len(lost)} lost, {told_times}")
    print(f"processor ms a tile: {1000 * (after - before) / max(1, len(found)):.1f}")
    print(f"memory MB: {first:.0f} before, {half:.0f} at half time, {last:.0f} after, {peak:.0f} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tiles", type=int, default=40, help="of each zoom")
    given = parser.parse_args()
    with server(given.source) as (host, pid):
        one_client(host, pid, given.tiles)
        many_clients(host, pid, given.clients, given.seconds)


if __name__ == "__main__":
    main()
