"""The program `ddd` (also `python -m ddd_utils`): what begins before the command line is loaded."""

from ddd_utils import interrupts  # first: Ctrl+C is answered from here on

# isort: split
import gc
import sys

from ddd_utils import kernels


def run() -> None:
    """Run as a program: a polite request to end is treated as Ctrl+C, so that workers end too."""
    interrupts.end_soon()
    try:
        if sys.argv[1:2] == ["report"]:
            kernels.warm()
        from ddd_utils import cli

        interrupts.answer(interrupts.orderly)
        status = cli.main()
        interrupts.answer(interrupts.at_once)
    except KeyboardInterrupt:  # before a command has begun, or after its end
        interrupts.at_once()
    gc.freeze()  # else the interpreter's last search for garbage takes a while
    sys.exit(status)


if __name__ == "__main__":
    run()
