"""Work for the SLURM tests, imported by the jobs: it counts in a file and goes on from there when called again."""

import time
from dataclasses import dataclass
from pathlib import Path

from ddd_utils.files import write_text

STEP_S, HALT_S = 0.01, 600


@dataclass(frozen=True)
class Counting:
    """Count to a number, and fail there if told so; the first call halts at another number until it is killed."""

    folder: Path
    steps: int = 5
    halt: int | None = None
    fail: bool = False

    def __call__(self):
        with (self.folder / "starts").open("a") as file:
            file.write(f"{self.reached()}\n")
        while (count := self.reached()) < self.steps:
            time.sleep(HALT_S if count == self.halt and self.starts() == [0] else STEP_S)
            write_text(self.folder / "count", str(count + 1))
        if self.fail:
            raise ValueError("the images are gone")

    def reached(self) -> int:
        """What was counted so far, also in earlier calls."""
        file = self.folder / "count"
        return int(file.read_text()) if file.exists() else 0

    def starts(self) -> list[int]:
        """Where each call went on from."""
        return [int(line) for line in (self.folder / "starts").read_text().split()]
