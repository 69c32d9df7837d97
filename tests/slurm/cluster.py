"""A Slurm cluster of two nodes with two (pretended) GPUs each, all on this machine and on loopback, for tests.

    python tests/slurm/cluster.py FOLDER

starts one in FOLDER, prints the environment to use it with, and stops it at Ctrl-C or SIGTERM. Nothing outside FOLDER
is written and no configuration of the machine is read.
"""

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "sinfo", "squeue")
EXPORTED = ("SLURM_CONF", "PATH", "BERT_LADDER_LEASES")
NODES, GPUS, CPUS, MEMORY_MB = ("n1", "n2"), 2, 8, 64_000
CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
MinJobAge=7200
KillWait=5
OverTimeLimit=0
SlurmdTimeout=15
ReturnToService=2
DefMemPerCPU=200
{nodes}
PartitionName=gpus Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """What of Slurm and munge is not installed here."""
    return [name for name in NEEDED if not shutil.which(name, path=_path())]


def _path() -> str:
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """A cluster that runs until the end of the block.

    Args:
        folder: an empty folder for its state, with a short path: a socket's may have 107 characters.

    Yields:
        The environment in which Slurm's commands, and jobs' own, find it.

    Raises:
        TimeoutError: if the nodes are not idle after ten minutes.
    """
    ports = _free_ports(1 + len(NODES))
    for name in ("state", "bin", "dev", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    folder.chmod(0o755)
    for number in range(GPUS):
        # Slurm takes for a device what is a device file.
        (folder / f"dev/gpu{number}").symlink_to("/dev/null")
    nodes = "\n".join(
        f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY_MB} "
        f"Gres=gpu:test:{GPUS}"
        for node, port in zip(NODES, ports[1:], strict=True)
    )
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(user=getpass.getuser(), folder=folder, ports=ports, nodes=nodes, names=",".join(NODES))
    )
    (folder / "gres.conf").write_text(
        f"NodeName={','.join(NODES)} Name=gpu Type=test File={folder}/dev/gpu[0-{GPUS - 1}]\n"
    )
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o400)
    environment = os.environ | {
        "SLURM_CONF": f"{folder}/slurm.conf",
        "PATH": f"{folder / 'bin'}:{_path()}",
        # Clusters on one machine have jobs of the same ids, by which devices are claimed.
        "BERT_LADDER_LEASES": f"{folder}/leases",
    }
    # A job's inner srun loses SLURM_CONF, which Snakemake strips with all that begins with SLURM_.
    wrapper = folder / "bin/srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    wrapper.chmod(0o755)
    daemons = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key"]
        + [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")],
        ["slurmctld", "-D"],
        *(["slurmd", "-D", "-N", node] for node in NODES),
    ]
    started: list[subprocess.Popen] = []
    try:
        for command in daemons:
            with (folder / f"{command[0]}-{len(started)}.out").open("w") as out:
                started.append(
                    subprocess.Popen(
                        command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
                    )
                )
            if command[0] == "munged":
                _wait_for((folder / "munge.socket").exists, "munged's socket")
        _wait_for(lambda: _idle_nodes(environment) == len(NODES), "idle nodes")
        yield environment
    finally:
        if len(started) == len(daemons):
            subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=environment, capture_output=True, timeout=60)
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(started):
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def kill_node(environment: dict[str, str], node: str) -> None:
    """Kill a node's daemon and all that runs there, at once and for good, as a power cut does.

    Args:
        environment: the cluster's, from `running_cluster`.
        node: its name.
    """
    doomed = [process for process in psutil.process_iter() if _is_on_node(process, environment, node)]
    # What Slurm has started a job's processes with tells no environment.
    doomed += {parent for process in doomed for parent in process.parents() if parent.name() == "slurmstepd"}
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _is_on_node(process: psutil.Process, environment: dict[str, str], node: str) -> bool:
    """Whether a process is a node's daemon, or of a job on it; other clusters' nodes have the same names."""
    try:
        own, command = process.environ(), process.cmdline()
    except psutil.Error:
        return False
    is_there = own.get("SLURMD_NODENAME") == node or command[-2:] == ["-N", node]
    return is_there and own.get("PATH", "").startswith(environment["PATH"].partition(":")[0])


def _wait_for(condition, what: str) -> None:
    end = time.monotonic() + 600
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"the test cluster has no {what} after ten minutes")
        time.sleep(0.1)


def _idle_nodes(environment: dict[str, str]) -> int:
    done = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--states=idle", "--format=%N"],
        env=environment,
        capture_output=True,
        text=True,
    )
    return len(done.stdout.split())


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running_cluster(folder) as environment:
        print("export", *(f"{name}={environment[name]}" for name in EXPORTED), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
