"""What the operating system and the interpreter give this process: open files, the garbage collector, the GIL."""

import gc
import resource
import sys

import structlog

_GIL_TURN = 0.001
"""Seconds that a thread of ours (store, compression) may keep the GIL from the loop; Python's default is 5 ms."""
_SPARE_FILES = 64
"""Descriptors for ourselves: store, web, logs, resolver sockets."""

_log = structlog.get_logger(__name__)


def share_interpreter() -> None:
    """Let no thread hold up the loop for long."""
    sys.setswitchinterval(_GIL_TURN)


def calm_collector() -> None:
    """Keep the garbage collector from stopping the loop for long.

    What lives now stays for good and need not be walked again. A full
    collection of what 10,000 checks keep takes 70 ms; reference counting frees
    nearly all of it, so one now and then is enough (`collect`).
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(2_000, 20, 1_000_000)


async def collect() -> None:
    """A full collection."""
    gc.collect()


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
