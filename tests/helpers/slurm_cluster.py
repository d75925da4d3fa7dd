"""A private one-node SLURM for the tests: its own key, sockets, ports and state, started and stopped here."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "setpriv")
START_S, STOP_S = 300, 60

# The node goes by this machine's name, as both daemons look themselves up by it, but only ever by its loopback address.
# A requeued job waits for its credential to expire, two minutes unless told otherwise. Jobs are not requeued unless
# they ask for it, as on the stricter clusters.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=builtin_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=0
KillWait=1
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes=node Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=high Nodes=node MaxTime=INFINITE PriorityTier=2
"""


def unavailable() -> str | None:
    """Say why no SLURM can be started here, or nothing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=path)]:
        return f"no SLURM to test with: {', '.join(missing)} not installed (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "no SLURM to test with: its daemons need root"
    return None


@contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """
    Start a SLURM of one node and stop it again.

    Parameters
    ----------
    folder : Path
        An empty folder for its key, state and logs; removed by its owner.

    Yields
    ------
    Path
        The configuration, for the environment variable ``SLURM_CONF`` of whoever uses it.
    """
    configuration = _write_configuration(folder)
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    with ExitStack() as daemons:
        daemons.enter_context(_daemon(_munged(folder), folder, environment))
        _until(lambda: (folder / "munge.socket").exists(), "munged", folder)
        daemons.enter_context(_daemon(["slurmctld", "-D", "-i", "-f", configuration], folder, environment))
        daemons.enter_context(_daemon(["slurmd", "-D", "-f", configuration], folder, environment))
        _until(lambda: _ask(["sinfo", "-h", "-o", "%T", "-p", "low"], environment) == "idle", "slurm", folder)
        try:
            yield configuration
        finally:
            _end_jobs(environment)


def interrupt(job) -> None:
    """
    Tell a running job that it has to leave, as SLURM does before it takes a node away.

    The signal arrives at once. While another job of the array starts, scancel believes that it has not, and would go on
    for half a minute: by then a short job is done, or queued again and hit once more.

    Parameters
    ----------
    job : submitit.SlurmJob
        As `cluster.unfinished` returns it.
    """
    with subprocess.Popen(["scancel", job.job_id, "--signal", "USR2"]) as asked:
        while asked.poll() is None:
            if "Caught signal" in f"{job.stdout()}{job.stderr()}":
                asked.kill()
            time.sleep(0.05)


def _write_configuration(folder: Path) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    # Nothing here uses cgroups, but a node left to find out their version needs a hierarchy that containers may lack.
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
    controller_port, node_port = ports.free(2)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            controller_port=controller_port,
            node_port=node_port,
        )
    )
    return configuration


def _munged(folder: Path) -> list[str | Path]:
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    files = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    # Forced: a temporary folder is private, and munged wants its socket's folder open to all users.
    return [
        *("munged", "--foreground", "--force", "--socket", files["socket"], "--key-file", key),
        *("--pid-file", files["pid"], "--log-file", files["log"], "--seed-file", files["seed"]),
    ]


@contextmanager
def _daemon(command: Sequence[str | Path], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a daemon in the foreground; it also ends when the tests are killed."""
    path = f"{environment.get('PATH', '')}:/usr/sbin"
    with (folder / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", shutil.which(command[0], path=path), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(ready, what: str, folder: Path) -> None:
    end = time.monotonic() + START_S
    while not ready():
        if time.monotonic() > end:
            logs = [path.read_text()[-1000:] for path in sorted(folder.glob("*.log")) + sorted(folder.glob("*.out"))]
            raise RuntimeError("\n".join([f"{what} did not start within {START_S} s", *logs]))
        time.sleep(0.1)


def _ask(command: Sequence[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()


def _end_jobs(environment: dict[str, str]) -> None:
    """End what runs, so that no job outlives the daemons."""
    end = time.monotonic() + STOP_S
    while _ask(["squeue", "-h"], environment) and time.monotonic() < end:
        _ask(["scancel", "--user", str(os.geteuid())], environment)
        time.sleep(0.2)
