"""The study, checked and resolved, and the adapters through which rules ask it. No rules here."""

import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Relative, so that results stay valid when the folder is moved; that of a workflow used as a module is its own.
WORKFLOW = Path(os.path.relpath(Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent))
sys.path.insert(0, str(WORKFLOW.resolve() / "scripts"))

from bert_ladder.runtime.code import code_files, template_files
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.locks import remove_stale_lock
from bert_ladder.study.catalog import FETCHED_ENCODERS, FETCHED_VOCABULARIES
from bert_ladder.study.notes import LOCK_REMOVED, explain_kills, refusal
from bert_ladder.study.outline import FIGURES
from bert_ladder.study.resources import this_machine
from bert_ladder.study.runs import described, files_of
from bert_ladder.study.schema import StudyError
from bert_ladder.study.study import Places, read_study

PLACES = Places(
    workflow=WORKFLOW,
    study_files=tuple(Path(os.path.relpath(file)) for file in workflow.configfiles),
    outputs=Path(workflow.modifier.path_modifier.replace_prefix("results")).parent,
)
# Submitting, or read again by a job on its node.
ON_CLUSTER = workflow.resource_settings.nodes is not None or workflow.remote_exec

try:
    STUDY = read_study(config, PLACES)
    MACHINE = this_machine(workflow.resource_settings.cores or 1, ON_CLUSTER)
except (StudyError, BadInput) as error:
    raise WorkflowError(refusal(error))

if workflow.is_main_process:
    for sentence in STUDY.notes.warnings:
        logger.warning(sentence)

# The jobs of a run that was killed on a cluster may still be at work.
if workflow.is_main_process and not ON_CLUSTER and remove_stale_lock():
    logger.info(LOCK_REMOVED)

# Unless --resources gpu=<number> has said it.
if not ON_CLUSTER and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", STUDY.resources.trainings_at_once(MACHINE))

TRAININGS_AT_ONCE = 1 if ON_CLUSTER else workflow.global_resources["gpu"].value


def any_of(names):
    """A regular expression that matches exactly the given names."""
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"


def code_of(name, *templates):
    """A rule's script, all that it imports and the templates that it fills: an edit to one of them reruns the rule."""
    pages = [template_files(WORKFLOW / "report/templates" / template) for template in templates]
    files = [*code_files(WORKFLOW / "scripts" / f"{name}.py"), *(file for page in pages for file in page)]
    return unmoved([os.path.relpath(file) for file in dict.fromkeys(files)])


def unmoved(files):
    """Input files that get no prefix where this workflow is used as a module: all but those that it makes."""
    if isinstance(files, dict):
        return {name: unmoved(file) for name, file in files.items()}
    if isinstance(files, list):
        return [unmoved(file) for file in files]
    return files if files.startswith(("<", "resources/")) else local(files)


def per_attempt(amount):
    """A resource of which a job gets more when it is retried."""
    return lambda wildcards, attempt: amount * attempt


def checkpoint_folder(kind):
    """Where a job keeps its checkpoints, as a param."""
    return lambda wildcards: STUDY.checkpoints(kind, *wildcards)


def chosen_settings(wildcards):
    """The outcome of a row's search, where it has one."""
    is_searched = wildcards.model in STUDY.runs.searches
    return {"chosen": checkpoints.select_trial.get(model=wildcards.model).output.chosen} if is_searched else {}


def figure_files(name):
    """The outputs of a figure."""
    path = f"<results>/figures/{{figure,{name}}}"
    return {
        "spec": f"{path}.vl.json",
        "pdf": f"{path}.pdf",
        "figure": report(
            f"{path}.svg", caption=f"../report/{name}.rst", category="Figures", labels={"what": FIGURES[name]}
        ),
    }


def show_results(workflow):
    """Print the study's table at the end of a run that was to make it: others leave an old one."""
    if any(job.rule.name == "render_summary" for job in workflow.dag.jobs):
        print(*(f"\n{text}" for text in STUDY.results()), sep="\n")


def show_kills(logs):
    """Print what it mostly means when jobs were killed."""
    for sentence in explain_kills(Path(log).read_text(errors="replace") for log in logs):
        print(sentence, file=sys.stderr)
