"""The loop of change, rerun, look: seconds until a page is there when everything has been computed before."""

import os
import subprocess
import sys
import time

from ddd_utils import paths

# The arguments of `ddd report`, and seconds on two quiet cores.
TARGETS = {"quick --sections kl_divergence": 6, "quick": 25, "published": 20}


def seconds(arguments: str) -> float | None:
    """Make a report, and tell how long that took; nothing if something had to be computed, or was not there."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ddd_utils", "report", *arguments.split()]
    made = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    if made.returncode or "epoch" in made.stderr:
        print(made.stderr[-500:])
        return None
    return time.perf_counter() - started


def main():
    """Make each report once to fill the caches, then once more against the clock."""
    print(f"cached reports, {os.cpu_count()} processor cores, load {os.getloadavg()[0]:.1f}")
    for arguments, target in TARGETS.items():
        if not (paths.build() / arguments.split()[0] / "report.html").is_file():
            print(f"  {arguments}: not built")
            continue
        seconds(arguments)
        took = seconds(arguments)
        print(f"  {arguments}: {'failed' if took is None else f'{took:.1f} s'} (target: {target})", flush=True)


if __name__ == "__main__":
    main()
