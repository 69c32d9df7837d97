"""Lists all jobs of a study, as Snakemake makes them of its rules: python jobs.py STUDY CORES JOBS

STUDY is a file, or - for the embedded default study.
"""

import json
import sys
from pathlib import Path
from typing import Any

from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi, WorkflowSettings
from snakemake.settings.types import Quietness


def main(study: str, cores: str, jobs: str) -> None:
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=int(cores)),
            config_settings=ConfigSettings(configfiles=[] if study == "-" else [Path(study)]),
            workflow_settings=WorkflowSettings(),
            snakefile=Path("Snakefile"),
        )
        workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
        described = [describe(job) for job in workflow._workflow.dag.jobs]
    Path(jobs).write_text(json.dumps(described), encoding="utf-8")


def describe(job: Any) -> dict[str, Any]:
    """What a job reads, makes and is given; params and wildcards by name."""
    return {
        "rule": job.rule.name,
        "input": list(job.input),
        "output": list(job.output),
        "params": dict(job.params.items()),
        "wildcards": dict(job.wildcards.items()),
        "threads": job.threads,
        "gpu": job.resources.get("gpu"),
        "local": job.rule.ruleinfo.localrule,
        "message": job.message,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
