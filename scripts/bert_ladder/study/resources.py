"""What jobs need: main memory, minutes and threads, and how many trainings run at once.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bert_ladder.runtime.leases import machine_devices, visible_devices
from bert_ladder.study.encoders import Encoders
from bert_ladder.study.rows import row_settings
from bert_ladder.study.runs import Runs

BERT_VOCABULARY = 30522
CLUSTER_THREADS = 4
# Texts that an encoder reads at once where it is not trained.
READING_BATCH = 64


@dataclass(frozen=True)
class Machine:
    """Where the jobs run.

    Attributes:
        cores: that Snakemake may use.
        on_cluster: whether jobs are submitted, or this is a job of a cluster that reads the workflow again.
        devices: that are visible here; none on a cluster, which gives them itself.
    """

    cores: int
    on_cluster: bool
    devices: int

    def training_threads(self, at_once: int) -> int:
        """CPU threads of one training: the cores shared out among the trainings that may run at once."""
        return CLUSTER_THREADS if self.on_cluster else max(1, self.cores // max(1, at_once))

    def pretraining_threads(self, at_once: int) -> int:
        """Those of a training where there are GPUs; else all cores, since what uses the encoder waits for it anyway."""
        return self.training_threads(at_once) if self.on_cluster or self.devices else self.cores

    @property
    def all_threads(self) -> int:
        """All cores, so that nothing runs beside a job that is timed; on a cluster others may use the node."""
        return CLUSTER_THREADS if self.on_cluster else self.cores


def this_machine(cores: int, on_cluster: bool) -> Machine:
    """The machine on which the study is read.

    Raises:
        BadInput: CUDA_VISIBLE_DEVICES names no device.
    """
    devices = [] if on_cluster else visible_devices(os.environ, machine_devices())
    return Machine(cores, on_cluster, len(devices))


class Resources:
    """Memory, minutes and number of a study's trainings."""

    def __init__(self, encoders: Encoders, runs: Runs) -> None:
        self.encoders = encoders
        self.runs = runs

    def training_memory_mb(self, model: str) -> int:
        """Main memory of a row's training on the CPU: the engine, weights with Adam's, and activations."""
        row = self.runs.rows[self.runs.whole(model)]
        size = self.encoders.size(row["encoder"])
        activations = max(activation_bytes(size, used) for used in row_settings(row))
        return round(2000 + 1.5 * (16 * size["parameters"] + activations) / 1e6)

    def pretraining_memory_mb(self, name: str, input_mb: float) -> int:
        """Main memory of an encoder's pre-training: the vocabulary's scores and the texts come on top.

        Args:
            name: of the encoder.
            input_mb: size of what is read.
        """
        settings = self.encoders.pretraining(name)
        size = self.encoders.size(name)
        masked_tokens = settings["batch_size"] * settings["length"] * settings["masked_fraction"]
        # Four arrays of them in float32; a vocabulary from a file is taken to be as large as BERT's.
        vocabulary = self.encoders.vocabularies[self.encoders.vocabulary(name)].get("size", BERT_VOCABULARY)
        scores = 16 * masked_tokens * vocabulary
        trained = 1.5 * (16 * size["parameters"] + activation_bytes(size, settings) + scores) / 1e6
        # The tokens, packed, and what is looked up in them and in the frames.
        return round(4000 + trained + 3 * input_mb)

    def training_minutes(self, model: str, attempt: int) -> int:
        """Time limit of a training: an hour for the smallest, a day for BERT-Base and for what is retried often."""
        return self.reading_minutes(self.runs.encoder(model), attempt)

    def reading_minutes(self, name: str, attempt: int) -> int:
        """Time limit of letting an encoder read texts: that of a training, which reads them once at the least."""
        return min(1440, attempt * round(60 + 12 * self.encoders.size(name)["parameters"] / 1e6))

    def reading_memory_mb(self, name: str, length: int) -> int:
        """Main memory of letting an encoder read texts of some length on the CPU: the engine, weights, one layer."""
        size = self.encoders.size(name)
        layer = activation_bytes(size | {"layers": 1}, {"batch_size": READING_BATCH, "length": length})
        return round(2000 + 1.5 * (4 * size["parameters"] + layer) / 1e6)

    def trainings_at_once(self, machine: Machine, memory: int | None = None) -> int:
        """One per visible device; on a CPU as many as there are cores and trainings, and as fit into memory.

        Args:
            machine: that the study runs on.
            memory: main memory in bytes; None: `usable_memory`.
        """
        if machine.devices:
            return machine.devices
        largest = max(map(self.training_memory_mb, self.runs.rows), default=1)
        held = int((usable_memory() if memory is None else memory) / 1e6 / largest)
        trainings = [run for run in self.runs.all + self.runs.trials + self.runs.partial if run.kind == "bert"]
        return max(1, min(machine.cores, len(trainings), held))


def activation_bytes(size: dict[str, int], settings: dict[str, Any]) -> float:
    """What a training step keeps of an encoder: Korthikanti et al. 2022, equation 2, in float32 instead of 16 bits."""
    layers, hidden, heads = (size[key] for key in ("layers", "hidden", "heads"))
    batch_size, length = settings["batch_size"], settings["length"]
    return 2 * batch_size * length * hidden * layers * (34 + 5 * heads * length / hidden)


def usable_memory() -> int:
    """Main memory in bytes: the machine's, or the container's limit where that is lower."""
    return min([psutil.virtual_memory().total, *memory_limits()])


def memory_limits(groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The limits in bytes that the control groups of this process, and those around them, set to its main memory.

    Args:
        groups: the groups of the process, as Linux lists them: one line of version 2, one per controller of version 1.
        mounted: where their files are.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return []  # not Linux, or hidden
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root = mounted if not controllers else mounted / "memory"
        name = "memory.max" if not controllers else "memory.limit_in_bytes"
        if controllers and "memory" not in controllers.split(","):
            continue
        # Within a container the path may be that of the host, whose folders are not here: the top has the limit then.
        inner = root.joinpath(*(part for part in Path(path).parts[1:] if part != ".."))
        folders = [inner, *(folder for folder in inner.parents if folder == root or root in folder.parents)]
        limits += [limit for folder in folders if (limit := _read_limit(folder / name)) is not None]
    return limits


def _read_limit(file: Path) -> int | None:
    """The number in a file; None for `max`, and where there is no such file."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
