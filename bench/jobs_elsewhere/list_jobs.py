"""List the jobs of a study that ask for a GPU, so that a machine without Snakemake can run them: see README.md."""

import argparse
import json
from pathlib import Path
from typing import Any

from snakemake.api import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    ResourceSettings,
    SnakemakeApi,
    WorkflowSettings,
)
from snakemake.settings.types import Quietness

PROJECT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, nargs="+", help="study files, as --configfile takes them")
    parser.add_argument(
        "--rules",
        nargs="+",
        default=["build_encoder", "pretrain_encoder", "train_trial", "select_trial", "train_model", "evaluate_model"],
    )
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--jobs", type=Path, default=Path("jobs.json"), help="file to write")
    arguments = parser.parse_args()
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=arguments.cores),
            config_settings=ConfigSettings(configfiles=arguments.study),
            workflow_settings=WorkflowSettings(),
            snakefile=PROJECT / "Snakefile",
        )
        workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
        dag = workflow._workflow.dag
        # What a search will choose is not known to the jobs that wait for it.
        searches = {job.wildcards.model: job for job in dag.jobs if job.rule.name == "select_trial"}
        ordered = depth_first(dag, searches)
        described = [describe(job, searches) for job in ordered if job.rule.name in arguments.rules]
    arguments.jobs.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    print(f"{len(described)} jobs in {arguments.jobs}")
    if missing := missing_inputs(described):
        print("Make these first, with the same study files:", *missing, sep="\n  ")


def depth_first(dag: Any, searches: dict[str, Any]) -> list[Any]:
    """All jobs, each after those that it needs and as near to them as can be."""
    ordered: dict[Any, None] = {}

    def add(job: Any) -> None:
        if job not in ordered:
            for needed in [*search_of(job, searches), *sorted(dag.dependencies[job], key=first_output)]:
                add(needed)
            ordered[job] = None

    for job in sorted(dag.jobs, key=first_output):
        add(job)
    return list(ordered)


def search_of(job: Any, searches: dict[str, Any]) -> list[Any]:
    """The job that chooses the settings of a training, where there is one."""
    is_searched = job.rule.name == "train_model" and job.wildcards.model in searches
    return [searches[job.wildcards.model]] if is_searched else []


def missing_inputs(described: list[dict[str, Any]]) -> list[str]:
    """Files that jobs need, that are not there, and that none of the jobs makes."""
    needed, made = (
        {
            path
            for job in described
            for entry in job[key].values()
            for path in ([entry] if isinstance(entry, str) else entry)
        }
        for key in ("input", "output")
    )
    return sorted(path for path in needed - made if not Path(path).exists())


def first_output(job: Any) -> str:
    """What a job is called here."""
    return str(job.output[0]) if job.output else job.rule.name


def describe(job: Any, searches: dict[str, Any]) -> dict[str, Any]:
    """What a script reads of its `snakemake` object."""
    chosen = [str(search.output.chosen) for search in search_of(job, searches)]
    return {
        "rule": job.rule.name,
        "gpu": job.resources.get("gpu", 0),
        "input": named(job.input) | ({"chosen": chosen[0]} if chosen else {}),
        "output": named(job.output),
        "log": list(job.log),
        "params": named(job.params),
        "wildcards": dict(job.wildcards.items()),
    }


def named(values: Any) -> dict[str, Any]:
    """The named entries, each a value or a list."""
    return {name: list(value) if isinstance(value, list | tuple) else value for name, value in values.items()}


if __name__ == "__main__":
    main()
