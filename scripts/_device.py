"""The device and the threads of a job, settled before TensorFlow or JAX is imported."""

import ctypes
import os

# glibc's malloc.h; the largest value that mallopt takes.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, LARGEST = -1, -3, 2**31 - 1


def set_up_device(threads: int, gpu: bool = True) -> None:
    """Bind this process to `threads` CPU threads and to deterministic kernels.

    Both engines read these variables once, at import. Bit-equal weights need equal thread counts, so nothing is left
    to a default that looks at the machine.

    Args:
        threads: CPU threads for the kernels of this job.
        gpu: whether it may use a GPU; a small job must not take memory on one that trains.
    """
    os.environ |= {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        # One graph runs at a time: a second inter-op thread only fights the kernels for a core.
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_DETERMINISTIC_OPS": "1",
        # A device may be shared: take memory as it is needed instead of nearly all of it at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Let the process reuse the memory that it frees instead of giving it back and faulting it in again every step.

    The same results with a third of the page faults, which were a tenth of a small BERT's processor time on the CPU.
    Without glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_MMAP_THRESHOLD, LARGEST)
