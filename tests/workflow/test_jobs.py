"""The jobs that Snakemake makes of the micro study: what each reads and makes, and what follows from what."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bert_ladder.runtime.code import code_files
from workspace import MICRO, PROJECT, Workspace

LOCAL = (
    *(
        "all",
        "download_dataset",
        "build_labels",
        "build_row",
        "select_",
        "evaluate_run",
        "compare_",
        "render_",
        "plot_",
    ),
)


@pytest.fixture(scope="module")
def jobs(new_workspace: Callable[[], Workspace]) -> list[dict[str, Any]]:
    """All jobs of the study on four cores, without a device."""
    workspace = new_workspace()
    workspace.write_study(MICRO)
    return workspace.jobs("study.yaml")


def of_rule(jobs: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    return [job for job in jobs if job["rule"] == rule]


def after(jobs: list[dict[str, Any]], rule: str) -> set[str]:
    """The rules of all jobs that wait for one of `rule`."""
    waiting = of_rule(jobs, rule)
    found: list[dict[str, Any]] = []
    while waiting:
        made = set(waiting.pop()["output"])
        following = [job for job in jobs if made & set(job["input"]) and job not in found]
        found += following
        waiting += following
    return {job["rule"] for job in found} - {"all"}


def test_default_study_is_the_same_each_time(new_workspace: Callable[[], Workspace]) -> None:
    """Snakemake reads the embedded study from a copy of another name each time, which no job may depend on."""
    found = new_workspace().jobs("-")
    assert of_rule(found, "render_report")[0]["params"]["files"] == []
    given = json.dumps([[job["params"], job["input"]] for job in found])
    assert "config.yaml" not in given and "source-cache" not in given


def test_every_job_has_a_file_that_the_study_asks_for(jobs: list[dict[str, Any]]) -> None:
    """Snakemake deletes a failed job's outputs, and would not make them again for the sake of its successors alone."""
    [target] = of_rule(jobs, "all")
    others = [job for job in jobs if job["rule"] != "all"]
    assert len(others) > 35
    assert [job["rule"] for job in others if not set(job["output"]) & set(target["input"])] == []


def test_every_job_has_its_code_among_its_inputs(jobs: list[dict[str, Any]]) -> None:
    """The script and all that it imports, runtime/ left out; no edit downloads anything again."""
    for job in jobs:
        if job["rule"] not in ("all", "download_dataset"):
            code = code_files(PROJECT / f"scripts/{job['rule']}.py")
            assert {str(file.relative_to(PROJECT)) for file in code} <= set(job["input"]), job["rule"]
            assert not [file for file in job["input"] if "bert_ladder/runtime/" in file]


def test_every_job_says_what_it_does(jobs: list[dict[str, Any]]) -> None:
    """In words with the names of this job filled in, no two jobs in the same."""
    messages = [job["message"] for job in jobs]
    assert all(messages)
    assert not [message for message in messages if "{" in message]
    assert Counter(messages).most_common(1)[0][1] == 1
    assert "Fine-tune Nano-long with seed 1" in messages


def test_light_jobs_stay_on_the_login_node(jobs: list[dict[str, Any]]) -> None:
    """What needs the network, and what takes seconds; all else goes into the queue."""
    for job in jobs:
        assert job["local"] == job["rule"].startswith(LOCAL), job["rule"]


def test_devices_and_threads(jobs: list[dict[str, Any]]) -> None:
    """Whatever uses a model asks for one device; on a CPU the trainings share the cores out."""
    assert {job["rule"] for job in jobs if job["gpu"] == 1} == {
        "pretrain_encoder", "train_trial", "train_model", "evaluate_model"
    }  # fmt: skip
    for rule, threads in ("train_model", 1), ("train_trial", 1), ("pretrain_encoder", 4), ("evaluate_speed", 4):
        assert {job["threads"] for job in of_rule(jobs, rule)} == {threads}


def test_rows_get_their_own_settings(jobs: list[dict[str, Any]]) -> None:
    """A training is given what the study says of its row."""
    trainings = {job["wildcards"]["model"]: job["params"] for job in of_rule(jobs, "train_model")}
    assert {model: params["training"]["epochs"] for model, params in trainings.items()} == {
        "Nano": 1, "Nano-long": 2, "Nano-tuned": 1
    }  # fmt: skip
    assert {params["seed"] for params in trainings.values()} == {1}
    assert sorted(job["params"]["tried"]["learning_rate"] for job in of_rule(jobs, "train_trial")) == [1.0e-9, 0.01]


def test_nothing_that_people_read_leads_to_a_training(jobs: list[dict[str, Any]]) -> None:
    """Table, plots, pages, audit and comparison may be made again at will; each leads where it must."""
    trainings = {"pretrain_encoder", "train_trial", "train_model", "train_baseline", "evaluate_model"}
    shown = {job["rule"] for job in jobs if job["rule"].startswith(("render_", "plot_"))}
    light = {"select_positive", "build_labels", "evaluate_run", "compare_trials", "compare_models"}
    for rule in shown | light | {"audit_dataset", "audit_near_duplicates", "evaluate_speed"}:
        assert not after(jobs, rule) & trainings, rule
    assert after(jobs, "plot_history") == {"render_figures", "render_report"}
    of_table = {f"plot_{name}" for name in ("rows", "accuracy", "curves", "reliability")}
    assert after(jobs, "render_table") == of_table | {
        "render_summary", "render_figures", "select_model", "render_card", "render_report"
    }  # fmt: skip
    assert after(jobs, "audit_dataset") >= {"render_audit", "compare_models", "render_table"}
    assert after(jobs, "audit_near_duplicates") == {"render_audit", "render_report"}
    assert after(jobs, "render_errors") == after(jobs, "render_summary") == after(jobs, "render_card") == set()
    assert trainings <= after(jobs, "build_frame") | {"train_baseline"}


def test_published_files_are_no_inputs(jobs: list[dict[str, Any]]) -> None:
    """They count by their content, not by place or time; one that was edited goes through the whole chain again."""
    assert [job["input"] for job in of_rule(jobs, "download_dataset")] == [[], [], []]
    assert {"train_model", "train_trial", "pretrain_encoder", "train_baseline"} <= after(jobs, "download_dataset")
