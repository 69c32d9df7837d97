"""The device and the threads of a job, settled before TensorFlow or JAX is imported."""

import ctypes
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.leases import (
    Lease,
    claim_devices,
    compute_capabilities,
    lease_folder,
    machine_devices,
    visible_devices,
)

log = logging.getLogger(__name__)

# glibc's malloc.h; the largest value that mallopt takes.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, LARGEST = -1, -3, 2**31 - 1
# TensorFlow's switch of the kernels of oneDNN.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
BFLOAT16_CAPABILITY = (8, 0)
# Of a device's memory: what JAX takes by itself when it is alone there.
MEMORY_SHARE = 0.75


def lease_device(threads: int, resources: Mapping[str, Any], job: str) -> Lease:
    """Claim the devices that a rule asks for, wait until they are free, and bind this process to them.

    Args:
        threads: CPU threads for the kernels of this job.
        resources: the job's: `gpu`, the number of devices, or Slurm's `gres`, and `jobs_per_gpu`, how many jobs may
            share one (1).
        job: what the log and others who wait call it.

    Returns:
        The devices, this job's as long as the process lives; none on a machine without any, where the CPU is used.

    Raises:
        BadInput: see `visible_devices`, `claim_devices`, `lease_folder` and `refuse_copies`.
    """
    refuse_copies(os.environ, job)
    count, jobs_per_gpu = devices_asked(resources), int(resources.get("jobs_per_gpu", 1))
    devices = visible_devices(os.environ, machine_devices()) if count else []
    lease = Lease()
    if devices:
        lease = claim_devices(devices, count, jobs_per_gpu, lease_folder(os.environ), job)
        log.info(
            "%s has device %s%s, after %.1f s of waiting",
            job,
            ", ".join(lease.devices),
            f", shared by up to {jobs_per_gpu} jobs" if jobs_per_gpu > 1 else "",
            lease.waited,
        )
    else:
        log.info("%s has the CPU with %d threads: no GPU %s", job, threads, "is here" if count else "was asked for")
    set_up_device(threads, lease.devices, jobs_per_gpu)
    return lease


def devices_asked(resources: Mapping[str, Any]) -> int:
    """The number of devices in a job's `gpu`, or in its `gres`, such as "gpu:1" or "gpu:a100:2,nvme:1"."""
    asked = int(resources.get("gpu", 0))
    if asked:
        return asked
    # A type may be that of a MIG instance: gpu:1g.5gb, gpu:1g.5gb:2.
    parts = [part.split(":") for part in str(resources.get("gres", "")).split(",")]
    return sum(int(part[-1]) if part[-1].isdecimal() else 1 for part in parts if part[0] == "gpu")


def refuse_copies(environment: Mapping[str, str], job: str) -> None:
    """Refuse to run as one of several copies that srun started at once: they would write the same files.

    Raises:
        BadInput: in each of the copies.
    """
    copies = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    if copies > 1:
        raise BadInput(
            f"{job} was started {copies} times by one srun (SLURM_STEP_NUM_TASKS); give its rule nodes=1 and no "
            "tasks in the profile, as profiles/slurm does."
        )


def set_up_device(threads: int, devices: Sequence[str] = (), jobs_per_gpu: int = 1) -> None:
    """Bind this process to `threads` CPU threads, to some devices and to deterministic kernels.

    Both engines read these variables once, at import. Bit-equal weights need equal thread counts and the same kernels,
    so nothing is left to a default that looks at the machine. Whether oneDNN is used can be said in its own variable.

    Args:
        threads: CPU threads for the kernels of this job.
        devices: the devices that it sees, as CUDA_VISIBLE_DEVICES takes them; none for the CPU.
        jobs_per_gpu: jobs that share each of them.
    """
    os.environ |= {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        # One graph runs at a time: a second inter-op thread only fights the kernels for a core.
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_DETERMINISTIC_OPS": "1",
        # A device may be shared: take memory as it is needed instead of nearly all of it at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        # JAX takes a share at once, and so meets its limit.
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{MEMORY_SHARE / jobs_per_gpu:.3f}",
        "CUDA_VISIBLE_DEVICES": ",".join(devices) or "-1",
        # Indexes count as NVML's and Slurm's do.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    # TensorFlow leaves oneDNN's kernels off where it finds no AVX-512, although they are faster there too.
    os.environ.setdefault(ONEDNN, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keep_freed_memory()


def uses_onednn(environment: Mapping[str, str]) -> bool:
    """Whether TensorFlow computes with the kernels of oneDNN, as it reads its variable: on but for "0" and "false"."""
    return environment.get(ONEDNN, "1").strip().lower() not in ("0", "false", "f")


def has_bfloat16(devices: Sequence[str], path_cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether what a job computes on has instructions for bfloat16.

    Args:
        devices: its devices, see `Lease`; none: its processor.
        path_cpuinfo: what the kernel tells of the processor: among the flags of x86 those of Intel's AVX512_BF16 and
            AMX, among the features of Arm bf16.

    Returns:
        True of GPUs from compute capability 8.0 on (NVIDIA, CUDA C++ Programming Guide, "Compute Capabilities"). False
        also where nothing is told.
    """
    if devices:
        capabilities = compute_capabilities(devices)
        return len(capabilities) > 0 and min(capabilities) >= BFLOAT16_CAPABILITY
    text = path_cpuinfo.read_text(encoding="utf-8", errors="replace") if path_cpuinfo.exists() else ""
    lines = (line.partition(":") for line in text.splitlines())
    return any(BFLOAT16_FLAGS & set(value.split()) for key, _, value in lines if key.strip() in ("flags", "Features"))


def keep_freed_memory() -> None:
    """Let the process reuse the memory that it frees instead of giving it back and faulting it in again every step.

    The same results with a third of the page faults, which were a tenth of a small BERT's processor time on the CPU.
    Without glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_MMAP_THRESHOLD, LARGEST)
