"""What the operating system and the interpreter give this process: open files, the garbage collector, the GIL."""

import asyncio
import gc
import resource
import sys

import structlog

_GIL_TURN = 0.001
"""Seconds that a thread of ours (store, compression) may keep the GIL from the loop; Python's default is 5 ms."""
_SWEEP = 0.1
_SWEEPS = 10
"""Between two looks at how much is held, which takes a tenth of a millisecond."""
_GROWN = 1_000_000
"""Blocks, some 80 MB: twice what the first results of 10,000 checks hold."""
_SPARE_FILES = 64
"""Descriptors for ourselves: store, web, logs, resolver sockets."""

_log = structlog.get_logger(__name__)


def share_interpreter() -> None:
    """Let no thread hold up the loop for long."""
    sys.setswitchinterval(_GIL_TURN)


def set_aside() -> None:
    """What lives now stays for good: no collection need walk it, not even once.

    A collection here takes 0.13 s, with 10,000 checks 0.25 s, and finds 2,000 objects of
    200,000 to free, which the memory held does not show.
    """
    gc.freeze()


async def collect_garbage(sweep: float = _SWEEP, grown: int = _GROWN) -> None:
    """Take the garbage collector's place, until cancelled: it would stop the loop for 40 ms with 10,000 checks.

    It counts what was made less what was freed, so that where results replace
    results it comes late and then walks them all. So the young are swept every
    ``sweep`` seconds, when they are few. Reference counting frees nearly all of
    the rest: it is walked only when ``grown`` more blocks of memory are held.
    """
    gc.disable()
    try:
        held = sys.getallocatedblocks()
        while True:
            for _ in range(_SWEEPS):
                await asyncio.sleep(sweep)
                gc.collect(0)
            now = sys.getallocatedblocks()
            if now > held + grown:
                gc.collect()
                now = held = sys.getallocatedblocks()
            held = min(held, now)
    finally:
        gc.enable()


def raise_file_limit(max_in_flight: int) -> None:
    """Raise the soft limit of open files as far as allowed; say so when it is too low for ``max_in_flight``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_in_flight + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, reached), hard))
        if reached < wanted:
            _log.warning(
                "few open files allowed: attempts beyond them are inconclusive/self_files",
                allowed=reached,
                needed=wanted,
            )
