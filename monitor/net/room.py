"""Is there a file descriptor to spare for a probe?

The last few belong to the monitor itself: a scraper, a page, the store and a
file read again must get theirs while every check wants one.
"""

import os
import resource

from monitor.domain.failures import ProbeInconclusive
from monitor.domain.words import Reason

RESERVED = 16


def require_room() -> None:
    """Raise ProbeInconclusive self_files when the next socket would be one of the reserved ones."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    try:
        lowest_free = os.dup(2)  # POSIX gives out the lowest free number: it tells how full the table is
    except OSError as error:
        raise ProbeInconclusive(Reason.SELF_FILES, f"no file descriptor is free (limit {soft})") from error
    os.close(lowest_free)
    if lowest_free >= soft - RESERVED:
        raise ProbeInconclusive(
            Reason.SELF_FILES, f"{lowest_free} of {soft} file descriptors are in use; the rest is kept for the monitor"
        )
