"""How fast a trained row answers on the CPU, from text to probabilities, and how much memory that takes."""

import itertools
import json
import logging
import os
import platform
import resource
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bert_ladder.data.frames import DATA_COLUMN, read_frame
from bert_ladder.training.predictor import Predict, Predictor

log = logging.getLogger(__name__)

BATCH = 32
TEXTS = 200  # different texts to time
WARM_UP = 8
SECONDS = 1.0  # for each of the two measurements
FEWEST = 5


def measure_speed(predict: Predict, texts: Sequence[str], seconds: float) -> dict[str, float]:
    """Time a model on single texts and on batches of 32.

    Args:
        predict: gives class probabilities of some texts.
        texts: to time with, in this order, again from the start where the time allows.
        seconds: to spend on each of the two; at least 5 calls are timed.

    Returns:
        `latency_ms` (median of single texts, milliseconds), `latency_p95_ms`, `latency_iqr_ms` (interquartile range),
        `throughput` (texts per second: the batch over the median time of a batch) and `throughput_spread` (the
        interquartile range of the batches' times over their median; texts differ more in length than batches do).
    """
    single = time_calls(predict, [[text] for text in texts], seconds)
    cycled = itertools.islice(itertools.cycle(texts), max(len(texts), BATCH))
    batches = [batch for batch in batched(cycled, BATCH) if len(batch) == BATCH]
    whole = time_calls(predict, batches, seconds)
    return {
        "latency_ms": float(1000 * np.median(single)),
        "latency_p95_ms": float(1000 * np.percentile(single, 95)),
        "latency_iqr_ms": float(1000 * np.subtract(*np.percentile(single, [75, 25]))),
        "throughput": float(BATCH / np.median(whole)),
        "throughput_spread": float(np.subtract(*np.percentile(whole, [75, 25])) / np.median(whole)),
    }


def batched(items: Iterable[str], size: int) -> list[list[str]]:
    """Lists of `size` items, the last one maybe shorter."""
    iterator = iter(items)
    return list(iter(lambda: list(itertools.islice(iterator, size)), []))


def time_calls(predict: Predict, inputs: Sequence[Sequence[str]], seconds: float) -> list[float]:
    """Seconds of each call.

    Some inputs of all lengths are called before, so that no graph is traced for a new width while the clock runs.
    """
    by_length = sorted(inputs, key=lambda texts: max(map(len, texts)))
    for index in np.linspace(0, len(by_length) - 1, WARM_UP).round().astype(int):
        predict(by_length[index])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    for texts in itertools.cycle(inputs):
        start = time.perf_counter()
        predict(texts)
        stop = time.perf_counter()
        taken.append(stop - start)
        if stop > end and len(taken) >= FEWEST:
            break
    return taken


class MachineWatch:
    """What a machine does beside this process, from when the watch is made."""

    def __init__(self) -> None:
        self._load_average = os.getloadavg()[0]
        self._start = time.perf_counter(), _busy_seconds() - time.process_time()

    def record(self) -> dict[str, Any]:
        """The machine and its other work.

        Returns:
            `host`, `processor` (its model), `cores` (logical ones of the whole machine), `load_average` (of the minute
            before the watch was made) and `other_load` (cores that other processes kept busy since then, on average).
        """
        start, before = self._start
        others = _busy_seconds() - time.process_time() - before
        return {
            "host": platform.node(),
            "processor": processor_name(),
            "cores": psutil.cpu_count(),
            "load_average": self._load_average,
            "other_load": max(0.0, others / (time.perf_counter() - start)),
        }


def processor_name(path_cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The model of the processor as the kernel knows it, or else its architecture."""
    lines = path_cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if path_cpuinfo.exists() else []
    models = (value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == "model name")
    return next(models, platform.machine())


def _busy_seconds() -> float:
    """Seconds for which the cores were not idle since the machine started, added up; guests count as users already."""
    times = psutil.cpu_times()._asdict()
    return sum(seconds for kind, seconds in times.items() if kind not in ("idle", "iowait", "guest", "guest_nice"))


def evaluate_speed(predictor: Predictor, path_test: Path | str, path_speed: Path | str, row: str, threads: int) -> None:
    """Time a row on some of the test texts and write speed.json.

    Args:
        predictor: the trained row.
        path_test: the test split as parquet.
        path_speed: JSON file to write: what `measure_speed` gives, `memory_mb` (most memory that the process had),
            what `MachineWatch` saw meanwhile, `threads`, `length` (longest input; null without a limit), `texts`
            (how many different ones) and `engine` (what computed).
        row: its name.
        threads: CPU threads, for the record.
    """
    column = read_frame(path_test)[DATA_COLUMN]
    texts = column.iloc[np.random.default_rng(0).permutation(len(column))[:TEXTS]].tolist()
    watch = MachineWatch()
    speed = measure_speed(predictor.predict, texts, SECONDS)
    seen = watch.record()
    memory = {"memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}
    asked = {"threads": threads, "length": predictor.length, "texts": len(texts), "engine": predictor.engine}
    record = speed | memory | seen | asked
    Path(path_speed).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    log.info(
        "%s: %.1f ms for one text, %.0f texts/s in batches of %d, with %d threads, %.1f cores busy with other work",
        *(row, speed["latency_ms"], speed["throughput"], BATCH, threads, seen["other_load"]),
    )
