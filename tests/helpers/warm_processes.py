"""Training processes that a server forks, with torch loaded: the package starts each anew, which takes seconds."""

import os
from multiprocessing import context, forkserver, popen_forkserver
from unittest import mock

# Not the server of the notebooks' kernels, which must not have torch.
SERVER = forkserver.ForkServer()
SERVER.set_forkserver_preload(
    ["torch", "sklearn.datasets", "ddd_utils.experiments.lockstep", "ddd_utils.experiments.launch"]
)


class Popen(popen_forkserver.Popen):
    def _launch(self, process):
        with mock.patch.object(forkserver, "connect_to_new_process", SERVER.connect_to_new_process):
            super()._launch(process)


class Process(context.ForkServerProcess):
    """A process that finds the environment of its parent, not that of the server."""

    _Popen = staticmethod(Popen)

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.environment = dict(os.environ)

    def run(self):
        os.environ.clear()
        os.environ.update(self.environment)
        super().run()


class Context(context.ForkServerContext):
    Process = Process


CONTEXT = Context()
