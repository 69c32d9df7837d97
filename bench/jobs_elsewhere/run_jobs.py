"""Run listed jobs of a study one after the other, on Keras's JAX backend: see README.md.

Those on the GPU share one process, so that the engine is started and a model is compiled once.
"""

import argparse
import gc
import importlib
import json
import logging
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

log = logging.getLogger(__name__)


class Named(SimpleNamespace):
    """Named entries, as a script finds them in its `snakemake` object."""

    def items(self) -> Any:
        return vars(self).items()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path, help="file of list_jobs.py")
    parser.add_argument("--only", default="", help="regular expression that one of a job's outputs must match")
    parser.add_argument("--cpu", action="store_true", help="go on where there is no GPU")
    parser.add_argument("--share", type=int, default=1, help="how many processes share the GPU")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    os.environ |= {"KERAS_BACKEND": "jax"}
    failed = 0
    for job in json.loads(arguments.jobs.read_text(encoding="utf-8")):
        outputs = list(job["output"].values())
        if not any(re.search(arguments.only, path) for path in outputs) or all(map(os.path.exists, outputs)):
            continue
        start = time.perf_counter()
        try:
            if job["gpu"]:
                start_engine(arguments.share, arguments.cpu)
                run(job, arguments.share)
            else:
                # An engine that has been started without a GPU never sees one.
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    pool.apply(run, (job, arguments.share))
        except Exception:
            log.exception("%s failed", outputs[0])
            failed += 1
        else:
            log.info("%s: %.1f s", outputs[0], time.perf_counter() - start)
    sys.exit(1 if failed else 0)


def run(job: dict[str, Any], share: int) -> None:
    """Run a job's script as Snakemake would."""
    for path in [*job["output"].values(), *job["log"]]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A lease lasts as long as its process; the jobs of this one share a device with themselves.
    os.environ["BERT_LADDER_LEASES"] = f"leases/{os.getpid()}-{time.monotonic_ns()}"
    script = importlib.import_module(job["rule"])
    script.main(
        SimpleNamespace(
            input=Named(**job["input"]),
            output=Named(**job["output"]),
            log=job["log"],
            params=Named(**job["params"]),
            wildcards=Named(**job["wildcards"]),
            threads=threads(share),
            resources={"gpu": int(job["gpu"]), "jobs_per_gpu": share},
            rule=job["rule"],
        )
    )
    if "keras" not in sys.modules:
        return
    import keras

    keras.utils.clear_session()
    gc.collect()


def start_engine(share: int, cpu: bool) -> None:
    """Start the engine as a job would, and end the process where it found no GPU: training would take forever."""
    if "keras" in sys.modules:
        return
    from _device import lease_device

    lease_device(threads(share), {"gpu": 1, "jobs_per_gpu": share}, "the jobs")
    import keras

    device = keras.distribution.list_devices()[0]
    if device.startswith("cpu") and not cpu:
        sys.exit(f"The engine computes on {device}; nothing more is run.")


def threads(share: int) -> int:
    """Cores of this process."""
    return max(1, len(os.sched_getaffinity(0)) // share)


if __name__ == "__main__":
    main()
