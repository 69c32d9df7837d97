"""Run listed jobs of a study one after the other, on Keras's JAX backend: see README.md."""

import argparse
import gc
import json
import logging
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
log = logging.getLogger(__name__)


class Named(SimpleNamespace):
    """Named entries, as a script finds them in its `snakemake` object."""

    def items(self) -> Any:
        return vars(self).items()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path, help="file of list_jobs.py")
    parser.add_argument("--only", default="", help="regular expression that one of a job's outputs must match")
    parser.add_argument("--share", type=int, default=1, help="how many processes like this one share a GPU")
    parser.add_argument("--together", action="store_true", help="run all that ask for a GPU in this one process")
    parser.add_argument("--number", type=int, help="run this job in this process (for itself)")
    arguments = parser.parse_args()
    jobs = json.loads(arguments.jobs.read_text(encoding="utf-8"))
    if arguments.number is not None:
        run(jobs[arguments.number], arguments.share)
        return
    os.environ["KERAS_BACKEND"] = "jax"
    # The steps of two seeds are the same program.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path("jax-cache").resolve()))
    failed = 0
    for number, job in enumerate(jobs):
        outputs = list(job["output"].values())
        if not any(re.search(arguments.only, path) for path in outputs) or all(map(os.path.exists, outputs)):
            continue
        start = time.perf_counter()
        # JAX, started without a GPU, would not find one later.
        if arguments.together and job["gpu"]:
            status = run_here(job, arguments.share)
        else:
            status = run_apart([str(arguments.jobs), "--share", str(arguments.share), "--number", str(number)])
        set_up_logging()
        log.info("%s: %.1f s, status %d", outputs[0], time.perf_counter() - start, status)
        if status == os.EX_TEMPFAIL or status < 0:
            sys.exit(os.EX_TEMPFAIL)
        failed += status != 0
    sys.exit(1 if failed else 0)


def run_apart(arguments: list[str]) -> int:
    """Run a job in a process of its own, as Snakemake does; a signal to end goes to it, and it may save its state.

    Returns:
        Its exit status; EX_TEMPFAIL after such a signal, whatever the job made of it.
    """
    told: list[int] = []
    child = subprocess.Popen([sys.executable, __file__, *arguments])

    def pass_on(number: int, frame: Any) -> None:
        told.append(number)
        child.send_signal(number)

    handlers = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    status = child.wait()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return os.EX_TEMPFAIL if told else status


def run_here(job: dict[str, Any], share: int) -> int:
    """Run a job in this process, whose imports and device it finds as the job before has left them.

    Returns:
        Its exit status.
    """
    terminal = os.dup(2)
    try:
        run(job, share)
        return os.EX_OK
    except SystemExit as end:
        return end.code
    finally:
        # A job gives the error stream to its log.
        os.dup2(terminal, 2)
        os.close(terminal)
        sys.stderr = sys.__stderr__
        if "keras" in sys.modules:
            sys.modules["keras"].utils.clear_session()
        gc.collect()


def set_up_logging() -> None:
    """Lines of this module go to the terminal, whatever a job has set up."""
    settings = {"format": "%(asctime)s %(message)s", "datefmt": "%H:%M:%S", "stream": sys.stdout}
    logging.basicConfig(level=logging.INFO, force=True, **settings)


def run(job: dict[str, Any], share: int) -> None:
    """Run a job's script."""
    for path in job["output"].values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    if str(SCRIPTS) not in sys.path:
        sys.path.insert(0, str(SCRIPTS))
    snakemake = SimpleNamespace(
        **{key: Named(**job[key]) for key in ("input", "output", "params", "wildcards")},
        log=job["log"],
        threads=max(1, len(os.sched_getaffinity(0)) // share),
        resources={"gpu": int(job["gpu"]), "jobs_per_gpu": share},
        rule=job["rule"],
    )
    runpy.run_path(str(SCRIPTS / f"{job['rule']}.py"), init_globals={"snakemake": snakemake}, run_name="__main__")


if __name__ == "__main__":
    main()
