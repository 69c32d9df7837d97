"""Devices for a job: claimed on this host before TensorFlow or JAX starts, and shown to that job alone.

Snakemake counts GPUs and hands out no ids, so each job claims its own. Every device has slots; a slot is a file that
its holder keeps locked (flock), and the kernel frees the lock when the process ends, however it ends.
"""

import json
import logging
import os
import platform
import re
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pynvml
from filelock import FileLock, Timeout

from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

SLOTS = 16  # of every device; who wants it alone holds them all
POLL_SECONDS = 0.2
FOLDER_VARIABLE = "BERT_LADDER_LEASES"
# CUDA's names of a device: its index, "GPU-" or "MIG-" with a UUID or the start of one, "MIG-GPU-<UUID>/<gi>/<ci>".
DEVICE_NAME = re.compile(r"\d+|(GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]*")


@dataclass(frozen=True)
class Lease:
    """Devices that belong to this process until it ends.

    Attributes:
        devices: their names, as CUDA_VISIBLE_DEVICES takes them.
        waited: seconds that passed before they were free.
        locks: what holds them.
        leased_at: when they were claimed, in seconds since 1970, UTC.
    """

    devices: tuple[str, ...] = ()
    waited: float = 0.0
    locks: tuple[FileLock, ...] = ()
    leased_at: float = field(default_factory=time.time)

    def record(self) -> dict[str, Any]:
        """Where and when the job ran, for the timeline: moments in seconds since 1970, UTC; the job ends now."""
        return {
            # A job's own name of its node: a test cluster has several on one machine.
            "host": os.environ.get("SLURMD_NODENAME") or platform.node(),
            "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
            "devices": ", ".join(self.devices),
            "started_at": round(psutil.Process().create_time(), 3),
            "leased_at": round(self.leased_at, 3),
            "waiting_seconds": round(self.waited, 3),
            "ended_at": round(time.time(), 3),
        }

    def release(self) -> None:
        """Give the devices back before the process ends."""
        for lock in self.locks:
            lock.release()


def visible_devices(environment: Mapping[str, str], machine: Sequence[Sequence[str]]) -> list[str]:
    """The devices that this process may use.

    Args:
        environment: its variables. A scheduler or the user may have set CUDA_VISIBLE_DEVICES; nothing beyond it is
            taken then.
        machine: the machine's devices, from `machine_devices`.

    Returns:
        Their UUIDs, or the names as given where the machine does not tell UUIDs. Empty: there is none, use the CPU.

    Raises:
        BadInput: for a malformed list, and for a device that is named twice or that the machine does not have.
    """
    given = environment.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return [name for names in machine for name in names]
    devices: list[str] = []
    for name in given.split(",") if given.strip() else []:
        name = name.strip()
        if name in ("-1", "NoDevFiles"):  # CUDA's and Slurm's words for "none"
            break
        if not DEVICE_NAME.fullmatch(name):
            raise BadInput(
                f"CUDA_VISIBLE_DEVICES is {given!r}: {name!r} is neither an index nor a name that begins with GPU- or "
                "MIG-; give a list such as 0,1 or unset the variable."
            )
        devices.append(_resolve(name, machine, given))
    twice = {device for device in devices if devices.count(device) > 1}
    if twice:
        raise BadInput(f"CUDA_VISIBLE_DEVICES is {given!r}: {min(twice)} is named twice; name each device once.")
    return devices


def _resolve(name: str, machine: Sequence[Sequence[str]], given: str) -> str:
    """The UUID behind a name; the name itself where the machine tells none."""
    if not machine or "/" in name:
        return name
    if name.isdecimal():
        # A device in MIG mode stands for its first instance, as CUDA has it.
        found = [machine[int(name)][0]] if int(name) < len(machine) and machine[int(name)] else []
    else:
        found = [uuid for names in machine for uuid in names if uuid.startswith(name)]
    if len(found) != 1:
        here = ", ".join(uuid for names in machine for uuid in names)
        what = "stands for several devices" if found else "is no device"
        raise BadInput(f"CUDA_VISIBLE_DEVICES is {given!r}: {name} {what} of this machine, which has {here}.")
    return found[0]


def machine_devices() -> list[list[str]]:
    """The NVIDIA devices of this machine in PCI order: the UUID of each, of one in MIG mode those of its instances.

    Empty without a driver.
    """
    return _of_each_device(_names)


def compute_capabilities(devices: Sequence[str]) -> list[tuple[int, int]]:
    """CUDA's compute capability of some devices, of an instance that of its device; none of those unknown to NVML.

    Args:
        devices: their UUIDs, as `machine_devices` tells them.
    """
    told = _of_each_device(lambda handle: (_names(handle), pynvml.nvmlDeviceGetCudaComputeCapability(handle)))
    return [(major, minor) for names, (major, minor) in told if set(devices).intersection(names)]


def _of_each_device(ask: Callable[[Any], Answer]) -> list[Answer]:
    """What NVML answers of each device in PCI order; nothing without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [ask(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _names(handle: Any) -> list[str]:
    """The UUID of a device, of one in MIG mode those of its instances."""
    return _instances(handle) or [pynvml.nvmlDeviceGetUUID(handle)]


def _instances(handle: Any) -> list[str]:
    """The UUIDs of a device's MIG instances."""
    try:
        if pynvml.nvmlDeviceGetMigMode(handle)[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return []
        most = pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except pynvml.NVMLError_NotSupported:
        return []
    uuids = []
    for index in range(most):
        try:
            instance = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except pynvml.NVMLError_NotFound:
            continue
        uuids.append(pynvml.nvmlDeviceGetUUID(instance))
    return uuids


def lease_folder(environment: Mapping[str, str]) -> Path:
    """The folder of the locks, on a disk of this host, made if need be.

    Slurm gives each of its jobs devices that no other job has, whatever they are called there: each has a folder of its
    own, in which the trainings of one allocation share what it has.

    Raises:
        BadInput: if it cannot be written or belongs to somebody else.
    """
    # Not TMPDIR, which may be another one in every job.
    folder = Path(environment.get(FOLDER_VARIABLE) or f"/tmp/bert-ladder-{os.getuid()}")
    advice = f"set {FOLDER_VARIABLE} to a folder of yours on a disk of this machine"
    if "SLURM_JOB_ID" in environment:
        folder /= f"slurm-{environment['SLURM_JOB_ID']}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"it belongs to user {folder.stat().st_uid}, {stat.filemode(folder.stat().st_mode)}")
    except OSError as error:
        raise BadInput(f"{folder}, where devices are claimed, cannot be used: {error}; {advice}.") from error
    return folder


def claim_devices(
    devices: Sequence[str], count: int, jobs_per_gpu: int, folder: Path, job: str, poll_seconds: float = POLL_SECONDS
) -> Lease:
    """Claim some devices, all or none, and wait until there are enough.

    Args:
        devices: to choose from, see `visible_devices`.
        count: devices to claim.
        jobs_per_gpu: jobs that may share a device, this one among them; with 1 nobody else has it, whatever number the
            others name.
        folder: of the locks, see `lease_folder`.
        job: what others read who wait for it.
        poll_seconds: between two attempts.

    Raises:
        BadInput: if there are fewer devices than asked for, or more jobs are to share one than the slots allow.
    """
    if not 1 <= jobs_per_gpu <= SLOTS:
        raise BadInput(f"jobs_per_gpu is {jobs_per_gpu}; give a number from 1 to {SLOTS}.")
    if count > len(devices):
        raise BadInput(
            f"{job} asks for {count} devices and {len(devices)} can be used here ({', '.join(devices)}); lower the gpu "
            "of its rule (--set-resources) or run it where there are more."
        )
    # One claim at a time: two that take several devices each could otherwise hold what the other lacks.
    turn = FileLock(folder / "turn.lock", fallback_to_soft=False)
    start, told = time.monotonic(), False
    while True:
        with turn:
            lease = _attempt(devices, count, jobs_per_gpu, folder, job)
        waited = time.monotonic() - start
        if lease:
            return Lease(tuple(lease), waited, tuple(lock for locks in lease.values() for lock in locks))
        if not told:
            told = True
            log.info(
                "%s waits for %d of the devices %s, which are held by %s",
                job,
                count,
                ", ".join(devices),
                "; ".join(holders(devices, folder)) or "others",
            )
        time.sleep(poll_seconds)


def _attempt(
    devices: Sequence[str], count: int, jobs_per_gpu: int, folder: Path, job: str
) -> dict[str, list[FileLock]] | None:
    """The locks of `count` devices, or None, and then none of them is held."""
    held: dict[str, list[FileLock]] = {}
    # Slot by slot, so that all devices have one job before one has two.
    sets = [range(SLOTS)] if jobs_per_gpu == 1 else [range(slot, slot + 1) for slot in range(jobs_per_gpu)]
    for slots in sets:
        for device in devices:
            if len(held) < count and device not in held:
                locks = _lock_all([slot_file(folder, device, slot) for slot in slots])
                if locks:
                    held[device] = locks
                    slot_file(folder, device, slots[0]).with_suffix(".json").write_text(
                        json.dumps({"pid": os.getpid(), "job": job})
                    )
    if len(held) == count:
        return held
    for locks in held.values():
        for lock in locks:
            lock.release()
    return None


def _lock_all(files: Sequence[Path]) -> list[FileLock]:
    """Locks on all the files, or on none."""
    locks: list[FileLock] = []
    for file in files:
        lock = FileLock(file, blocking=False, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            for taken in locks:
                taken.release()
            return []
        locks.append(lock)
    return locks


def slot_file(folder: Path, device: str, slot: int) -> Path:
    """The file that the holder of a slot keeps locked; beside it, with the suffix .json, lies who that was last."""
    return folder / f"{device.replace('/', '_')}.{slot}.lock"


def holders(devices: Sequence[str], folder: Path) -> list[str]:
    """Who was last to claim each slot and still runs, for people."""
    found = []
    for device in devices:
        for slot in range(SLOTS):
            try:
                holder = json.loads(slot_file(folder, device, slot).with_suffix(".json").read_text())
            except (OSError, ValueError):
                continue
            if Path("/proc", str(holder["pid"])).exists():
                found.append(f"{holder['job']} (process {holder['pid']}, {device})")
    return found
