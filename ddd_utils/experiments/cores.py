"""How many cores this process may use."""

import os


def cores() -> int:
    """Count the cores that the system, or the job this runs in, lets us have."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
