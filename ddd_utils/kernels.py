"""Kernels that start at once: a server that has the notebooks' libraries loaded forks each of them."""

import multiprocessing
import os
import re
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from types import ModuleType
from typing import Any

from ddd_utils import paths
from ddd_utils.machine import environment, without_interrupts
from ddd_utils.paths import PARENT

FORKS = "forkserver" in multiprocessing.get_all_start_methods()
CONTEXT: Any = multiprocessing.get_context("forkserver" if FORKS else "spawn")
# Beside what the notebooks import of this package. None may start a thread: what has threads cannot be forked safely.
LIBRARIES = ["ddd_utils.quick_imports", "ipykernel.ipkernel", "ipykernel.kernelapp", "altair", "pandas"]
PACKAGE = Path(__file__).resolve().parent
QUIET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator would start a thread on import
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else every kernel warns of frozen modules
}
_lock = threading.Lock()  # multiprocessing reads a child's exit status from a pipe, which two threads must not share
_running: set[Any] = set()


def warm() -> None:
    """Start the server, which loads its libraries while the caller goes on."""
    if FORKS:
        CONTEXT.set_forkserver_preload([*LIBRARIES, *sorted(_imported())])
        resource_tracker.ensure_running()  # first, as its start lets interrupts through again
        with environment(_inherited()), _without_main(), without_interrupts():
            forkserver.ensure_running()


def stop_all() -> None:
    """End all kernels, and what they have started."""
    for process in list(_running):
        # It may have just ended, or just begun and be no group yet: then it ends with this process.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def manager(folder: Path, chatter: Path) -> type[Any]:
    """Return a class whose kernels work in a folder; what they write past the notebook goes into a file."""
    from jupyter_client.manager import AsyncKernelManager  # takes a while to load, as the server does meanwhile

    of_one_run = {"ended": None, "folder": folder, "chatter": chatter}  # `ended`: exit status of the last kernel
    return type("Manager", (AsyncKernelManager,), {"_async_pre_start_kernel": _with_forks, **of_one_run})


async def _with_forks(manager: Any, **options: Any) -> tuple[list[str], dict[str, Any]]:
    """Do what a manager does before it starts a kernel, with a provisioner that forks."""
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    manager.kernel_id = manager.kernel_id or str(uuid.uuid4())
    forking: Any = type("Forking", (LocalProvisioner,), {"launch_kernel": _fork})
    manager.provisioner = forking(kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager)
    return await AsyncKernelManager._async_pre_start_kernel(manager, **options)


async def _fork(provisioner: Any, cmd: list[str], **options: Any) -> Any:
    """Have the server fork a kernel, in place of starting a command."""
    manager = provisioner.parent
    kind = type(manager)
    given = manager.connection_file, kind.folder, kind.chatter, {**options["env"], **_inherited()}
    process = CONTEXT.Process(target=_serve, args=given)
    with _lock, _without_main():
        process.start()
    _running.add(process)
    provisioner.process, provisioner.pid, provisioner.pgid = _Popen(process, kind), process.pid, process.pid
    return provisioner.connection_info


class _Popen:
    """A process of `multiprocessing` as jupyter_client takes one."""

    stdin = stdout = stderr = None

    def __init__(self, process: Any, kind: type[Any]):
        self._process, self._kind = process, kind
        self.pid = process.pid

    def poll(self) -> int | None:
        with _lock:
            status = self._process.exitcode
        if status is not None:
            self._kind.ended = status
            _running.discard(self._process)
        return status

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the program from `multiprocessing`, which would import it anew in every kernel."""
    program, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _imported() -> set[str]:
    """List what the notebooks import of this package; what is no module is passed over by the server."""
    found = set()
    for notebook in paths.NOTEBOOKS.glob("*.py"):
        for line in re.findall(r"^from (ddd_utils[\w.]*) import (.+)$", notebook.read_text("utf-8"), re.MULTILINE):
            found |= {f"{line[0]}.{name.split()[0]}" for name in line[1].split(",")}
    return found


def _inherited() -> dict[str, str]:
    """Return what kernels find in their environment: few threads, and the package that their parent has imported."""
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    return {**QUIET, "PYTHONPATH": path, PARENT: str(PACKAGE)}


def _serve(connection: str, folder: Path, chatter: Path, inherited: Mapping[str, str]) -> None:
    """Be a kernel."""
    os.setsid()
    os.environ.clear()
    os.environ.update(inherited)
    os.environ.pop("JPY_PARENT_PID", None)  # this process's parent is the server
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(folder)
    chatter.parent.mkdir(parents=True, exist_ok=True)  # `make clean` may have removed it
    with chatter.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher"]
    IPKernelApp.launch_instance(argv=["-f", connection, "--HistoryManager.enabled=False"])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGTERM)
