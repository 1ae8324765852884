"""Is a new socket one that a probe may have?

The last descriptors belong to the monitor itself: a scraper, a page, the store
and a file read again must get theirs while every check wants one. POSIX gives
out the lowest free number, so the number of a new socket tells how full the
table is, without another system call.
"""

import resource

from monitor.domain.failures import ProbeInconclusive
from monitor.domain.words import Reason

RESERVED = 16


def require_room(descriptor: int) -> None:
    """Raise ProbeInconclusive self_files when ``descriptor`` is one of the reserved ones; the caller closes it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and descriptor >= soft - RESERVED:
        raise ProbeInconclusive(
            Reason.SELF_FILES, f"{descriptor} of {soft} file descriptors are in use; the rest is kept for the monitor"
        )
