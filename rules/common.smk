"""The study, checked and resolved, and the adapters through which rules ask it. No rules here."""

import os
import re
import sys
from pathlib import Path

# Relative, so that results stay valid when the folder is moved; that of a workflow used as a module is its own.
WORKFLOW = Path(os.path.relpath(Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent))
sys.path.insert(0, str(WORKFLOW.resolve() / "scripts"))

from bert_ladder.evaluation.chosen_model import TRAINED_BY, read_chosen
from bert_ladder.evaluation.forms import FORMS, possible_forms
from bert_ladder.report.endings import (
    audit_ending,
    baselines_ending,
    chosen_ending,
    forms_ending,
    own_texts_ending,
    report_ending,
)
from bert_ladder.runtime.code import code_files, template_files
from bert_ladder.runtime.endings import FailedJob, PlainResources, failed_jobs, planned_trainings, say_last
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.locks import remove_stale_lock
from bert_ladder.study.catalog import FETCHED_ENCODERS, FETCHED_VOCABULARIES
from bert_ladder.study.families import TOKENIZER_JSON, WORDPIECES
from bert_ladder.study.notes import LOCK_REMOVED, explain_kills, refusal
from bert_ladder.study.outline import FIGURES
from bert_ladder.study.resources import this_machine
from bert_ladder.study.runs import described, described_fractions, files_of
from bert_ladder.study.schema import StudyError
from bert_ladder.study.study import Places, read_study

# Below the table and the words.
CLOSINGS = {"render_report": report_ending, "select_model": chosen_ending}
ENDINGS = {"data": audit_ending, "baselines": baselines_ending, "exports": forms_ending}
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
    # A WorkflowError would be followed by lines of this file.
    raise SystemExit(refusal(error))

if workflow.is_main_process:
    for reason in (STUDY.unmade_report(sys.argv[1:]), STUDY.absent_curve(sys.argv[1:])):
        if reason:
            raise SystemExit(reason)

if workflow.is_main_process:
    for sentence in STUDY.notes.warnings:
        logger.warning(sentence)

# The jobs of a run that was killed on a cluster may still be at work.
if workflow.is_main_process and not ON_CLUSTER and remove_stale_lock():
    logger.warning(LOCK_REMOVED)

logger.addFilter(PlainResources())
if workflow.is_main_process and workflow.output_settings.dryrun:
    say_last(lambda: planned_trainings(job.rule.name for job in planned_jobs(workflow)))

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
    model = STUDY.runs.whole(wildcards.model)
    return {"chosen": checkpoints.select_trial.get(model=model).output.chosen} if model in STUDY.runs.searches else {}


def chosen_model():
    """What the study hands over, once it is chosen."""
    folder = Path(checkpoints.select_model.get().output.record).parent
    try:
        return read_chosen(folder)
    except BadInput as error:
        # A WorkflowError would be followed by lines of this file.
        raise SystemExit(refusal(error))


def of_chosen_forms(name):
    """A file of every form that can express the chosen model, as an input."""
    return lambda wildcards: [f"<results>/forms/{form}/{name}" for form in possible_forms(chosen_model())]


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


def planned_jobs(workflow):
    """The jobs that a dry run has found to do."""
    return workflow.dag.needrun_jobs(exclude_finished=False) if workflow.dag else []


def show_results(workflow):
    """Print at the end of a run what it was to make: table, words, report and chosen model, the baselines' scores, or the data audit."""
    asked = {job.rule.name for job in workflow.dag.jobs}
    if "render_summary" in asked:
        texts = [*STUDY.results(), *(show(STUDY) for rule, show in CLOSINGS.items() if rule in asked)]
        if not workflow.overwrite_configfiles:  # the embedded study
            texts.append(own_texts_ending())
    else:
        texts = [show(STUDY) for rule, show in ENDINGS.items() if rule in asked]
    for text in reversed(texts):
        say_last(f"\n{text}")


def show_failures(workflow, logs):
    """Print at the very end why jobs failed, and what it mostly means when they were killed."""
    kills = explain_kills(Path(log).read_text(errors="replace") for log in logs)
    failed = [one for job in workflow.scheduler.failed for one in (job.jobs if job.is_group() else [job]) if one.log]
    told = [
        FailedJob(STUDY.runs.in_words(job.rule.name, job.wildcards_dict), str(job.log[0]), kills.get(job.rule.name))
        for job in failed
    ]
    say_last("\n".join(["", *failed_jobs(told)]), failed=True)
