"""Random processes that claim devices, finish or are killed: is a slot ever held twice, is one left locked?

    python bench/device_leases/trials.py --trials 10000

Each trial is a process of its own. What it is known to hold, from after its claim to before its end, may not overlap
with what another is known to hold of the same slot.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bert_ladder.runtime.leases import SLOTS, claim_devices, slot_file

DEVICES = ("GPU-a", "GPU-b", "GPU-c", "GPU-d")
AT_ONCE = 24


@dataclass(frozen=True)
class Held:
    """A slot that a process held at least from `start` to `end`, in seconds of the monotonic clock."""

    device: str
    slot: int
    start: float
    end: float


def hold(folder: Path, count: int, jobs_per_gpu: int, seconds: float, channel: Connection) -> None:
    """Claim devices, tell which slots, keep them for a while, tell when it ends, and end without giving them back."""
    lease = claim_devices(DEVICES, count, jobs_per_gpu, folder, f"trial {os.getpid()}", poll_seconds=0.002)
    channel.send(([Path(lock.lock_file).name for lock in lease.locks], time.monotonic()))
    time.sleep(seconds)
    channel.send(time.monotonic())
    os._exit(0)


def run_trials(trials: int, folder: Path, seed: int = 0) -> tuple[list[Held], Counter]:
    """Run processes, some at a time, and kill a third of them, while they wait or after they have claimed.

    Args:
        trials: processes to run.
        folder: of the locks.
        seed: of all that is random here; the operating system's order is not.

    Returns:
        What was held, and how many trials "finished" or were "killed".
    """
    draw = random.Random(seed)
    # Forked before any thread runs: a fresh interpreter for each would take minutes.
    context = multiprocessing.get_context("fork")
    running: dict[Connection, dict] = {}
    held: list[Held] = []
    ended: Counter = Counter()
    started = 0
    while running or started < trials:
        while len(running) < AT_ONCE and started < trials:
            started += 1
            ours, theirs = context.Pipe(duplex=False)
            arguments = (folder, draw.choice([1, 1, 1, 2, 4]), draw.choice([1, 1, 2, 3]), draw.uniform(0, 0.02), theirs)
            process = context.Process(target=hold, args=arguments)
            process.start()
            theirs.close()
            kill_at = time.monotonic() + draw.uniform(0, 0.1) if draw.random() < 1 / 3 else None
            running[ours] = {"process": process, "kill_at": kill_at, "slots": None}
        for channel in wait(list(running), timeout=0.001):
            trial = running[channel]
            try:
                message = channel.recv()
            except EOFError:
                trial["process"].join()
                ended["killed" if trial["process"].exitcode else "finished"] += 1
                del running[channel]
                continue
            if isinstance(message, tuple):
                trial["slots"], trial["claimed"] = message
            else:
                held += intervals(trial, message)
        for trial in running.values():
            if trial["kill_at"] and time.monotonic() > trial["kill_at"]:
                trial["kill_at"], now = None, time.monotonic()
                # Who is alive after this moment held its slots until then at least.
                if trial["process"].is_alive():
                    held += intervals(trial, now)
                    trial["process"].kill()
    return held, ended


def intervals(trial: dict, end: float) -> list[Held]:
    """What a trial held until `end`, told once."""
    names, trial["slots"] = trial["slots"] or [], None
    found = []
    for name in names:
        device, slot, _ = name.rsplit(".", 2)
        found.append(Held(device, int(slot), trial["claimed"], end))
    return found


def overlaps(held: list[Held]) -> list[tuple[Held, Held]]:
    """Pairs that held one slot at one time."""
    by_slot = defaultdict(list)
    for interval in held:
        by_slot[interval.device, interval.slot].append(interval)
    found = []
    for of_slot in by_slot.values():
        of_slot.sort(key=lambda interval: interval.start)
        found += [(one, other) for one, other in itertools.pairwise(of_slot) if other.start < one.end]
    return found


def left_locked(folder: Path) -> list[str]:
    """Devices that cannot be claimed though nobody runs."""
    stuck = []
    for device in DEVICES:
        process = multiprocessing.get_context("fork").Process(
            target=claim_devices, args=([device], 1, 1, folder, "the last one")
        )
        process.start()
        process.join(timeout=10)
        if process.exitcode != 0:
            process.kill()
            stuck.append(device)
    return stuck


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        held, ended = run_trials(arguments.trials, Path(folder), arguments.seed)
        stuck = left_locked(Path(folder))
        files = sum(slot_file(Path(folder), device, slot).exists() for device in DEVICES for slot in range(SLOTS))
    twice = overlaps(held)
    print(f"{arguments.trials:,} trials, {ended['finished']:,} finished, {ended['killed']:,} killed", end=", ")
    print(f"{len(held):,} slots held on {files} files, {time.monotonic() - start:.0f} s")
    print(f"held twice: {len(twice)}; left locked: {len(stuck)}")
    sys.exit(bool(twice or stuck))


if __name__ == "__main__":
    main()
