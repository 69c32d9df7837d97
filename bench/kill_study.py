"""Kills a study again and again: whole runs and single jobs of every rule. Does it end as if nothing had happened?

    python bench/kill_study.py FOLDER --kills 100            (the tests' micro study; --demo: the default study)

Every run is the same command, with one rule to make again, so that jobs of all rules get killed. After the last kill
the command is typed once more, and its results are compared with those of a run that nothing disturbed.
"""

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from workspace import MICRO, Workspace, copy_workflow, kill_all

# What is measured with a clock, and which machine it was.
MEASURED = r"seconds|latency|throughput|memory|load|_at$|^evaluation_|^(?:device|host|processor|cores)$"
COMMAND = ("--cores", "2")
OFTEN = {"BERT_LADDER_CHECKPOINT_SECONDS": "0"}
PATIENCE = 1200.0  # seconds for a run that nothing kills


def jobs_at_work(run: psutil.Process) -> dict[psutil.Process, str]:
    """The processes of a run that execute a rule's script, and the rules."""
    found = {}
    for process in run.children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        # Python and a script's copy; the shell around it has all in one word.
        if len(words) == 2 and "/.snakemake/scripts/" in words[1]:
            found[process] = Path(words[1]).name.split(".")[1]
    return found


class Killer:
    """Starts runs of a study and kills them.

    Args:
        workspace: where.
        study: what to add to the command.
        seed: of the choices.

    Attributes:
        killed: rule -> how many of its jobs were killed, alone or with their run.
        kills: of whole runs and of single jobs.
    """

    def __init__(self, workspace: Workspace, study: tuple[str, ...], seed: int):
        self.workspace, self.study, self.random = workspace, study, random.Random(seed)
        self.killed: Counter[str] = Counter(dict.fromkeys(workspace.planned(*study), 0))
        self.kills: Counter[str] = Counter()

    def kill_once(self) -> None:
        """Start the study, make one of the rules that were killed least again, and kill when a job of it runs."""
        least = min(self.killed.values())
        rule = self.random.choice([rule for rule, number in self.killed.items() if number == least])
        arguments = (*COMMAND, *self.study, "--forcerun", rule)
        with self.workspace.started(*arguments, output=self.workspace.folder / "run.log", **OFTEN) as started:
            run = psutil.Process(started.pid)
            jobs = self._jobs_with(started, run, rule)
            time.sleep(self.random.choice([0.05, 0.5, 2.0]) * self.random.random())
            if self.random.random() < 0.5 and self._kill_job(jobs, rule):
                # The run goes on with other jobs, and is killed in its turn if that takes long.
                with suppress(subprocess.TimeoutExpired):
                    started.wait(self.random.uniform(0, 10))
                    return
            if started.poll() is None:
                # What has begun meanwhile goes with it.
                self.killed.update(jobs_at_work(run).values())
                kill_all(started)
                self.kills["a run"] += 1

    def _kill_job(self, jobs: dict[psutil.Process, str], rule: str) -> bool:
        """Kill a job of a rule; whether there was one."""
        for process, name in jobs.items():
            if name == rule:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    self.killed[rule] += 1
                    self.kills["a job"] += 1
                    return True
        return False

    def _jobs_with(self, started: subprocess.Popen, run: psutil.Process, rule: str) -> dict[psutil.Process, str]:
        """The jobs at work once one of the rule is among them; none if the run ends before."""
        end = time.monotonic() + PATIENCE
        while started.poll() is None:
            with suppress(psutil.NoSuchProcess):
                jobs = jobs_at_work(run)
                if rule in jobs.values():
                    return jobs
            if time.monotonic() > end:
                raise TimeoutError(f"no job of {rule} within {PATIENCE:g} s")
            time.sleep(0.02)
        return {}


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the results of two runs, beyond what was measured with a clock.

    Args:
        one, other: folders results/<study>.
    """
    names = [{str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} for folder in (one, other)]
    found = [f"{name} is in one of them only" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        if not name.endswith((".csv", ".parquet", "metrics.json", "chosen.json")):
            continue
        frames = [_read(folder / name) for folder in (one, other)]
        if not frames[0].equals(frames[1]):
            found.append(f"{name} has other values")
    return found


def _read(file: Path) -> pd.DataFrame:
    if file.suffix == ".json":
        frame = pd.json_normalize(pd.read_json(file, typ="series").to_dict())
    else:
        frame = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    if "metric" in frame:
        frame = frame[~frame["metric"].str.contains(MEASURED)]
    return frame.drop(columns=[name for name in frame if pd.Series([name]).str.contains(MEASURED).item()])


def finish(workspace: Workspace, study: tuple[str, ...]) -> None:
    """Type the command once; it must end well, and nothing may be left to do."""
    workspace.run(*COMMAND, *study, **OFTEN)
    planned = workspace.planned(*study)
    if planned:
        raise RuntimeError(f"not finished: {planned}")


def kill_study(
    folder: Path, kills: int, seed: int, demo: bool = False, undisturbed: Workspace | None = None
) -> tuple[Killer, list[str]]:
    """Kill a study and let it end.

    Args:
        folder: an empty one.
        kills: how often; at most five times as many runs are started.
        seed: of the choices.
        demo: the default study instead of the micro study.
        undisturbed: where the study has run as a whole, if it has.

    Returns:
        Who has killed what, and what differs from the study that nothing disturbed.
    """
    study = () if demo else ("--configfile", "study.yaml")

    def new_workspace(name: str) -> Workspace:
        (folder / name).mkdir(parents=True)
        workspace = copy_workflow(folder / name)
        workspace.write_study(MICRO)
        return workspace

    if undisturbed is None:
        undisturbed = new_workspace("undisturbed")
        finish(undisturbed, study)
    disturbed = new_workspace("killed")
    killer = Killer(disturbed, study, seed)
    start = time.monotonic()
    for _ in range(5 * kills):
        killer.kill_once()
        print(f"{time.monotonic() - start:6.0f} s: {dict(killer.kills)}", flush=True)
        if killer.kills.total() >= kills:
            break
    finish(disturbed, study)
    results = Path("results", "demo" if demo else MICRO["study"])
    return killer, differences(undisturbed.folder / results, disturbed.folder / results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--demo", action="store_true")
    given = parser.parse_args()
    killer, found = kill_study(given.folder, given.kills, given.seed, given.demo)
    print("\n".join(f"{number:4d}  {rule}" for rule, number in killer.killed.most_common()))
    print("\n".join(found) or f"after {killer.kills.total()} kills: the same results")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
