"""Writes rulings into a store until it is killed; again and again, each line on stdin being one life.

The line is the path of the file, how often the child says that its rulings are
on disk, and the seconds that it may live after that. The answer is the number
of the last ruling of which it said so, or -1. All is imported once; each life
is a fork.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import monitor.store.migrate  # what the store imports late: in a fork it is there already
import monitor.store.statements  # noqa: F401  # as above
from monitor.store import Store
from tests.support.judged import ruling


async def _live(path: Path, told: int) -> None:
    store = Store(f"sqlite:///{path}")
    store.claim()
    number = int((await store.resume()).memory.get("number", "-1"))
    while True:
        for _ in range(1 + number % 3):  # now and then several at once
            number += 1
            store.keep(ruling(number))
        await store.kept()
        os.write(told, f"{number}\n".encode())


def main() -> None:
    """Until there are no more lines."""
    for line in sys.stdin:
        path, times, seconds = line.split()
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_live(Path(path), told))
            finally:
                os._exit(1)
        os.close(told)
        with os.fdopen(heard) as words:
            said = [words.readline() for _ in range(int(times))]
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            said += words.readlines()
        if not os.WIFSIGNALED(status):
            sys.exit("the child ended by itself")
        sys.stdout.write(said[-1] if said else "-1\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
