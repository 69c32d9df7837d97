"""Where the wall clock of a study went: waiting for a device, start-up, work, and devices that stood idle."""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from bert_ladder.report.charts import BLUE, GREEN, GREY, ORANGE, SKY, FigureFiles, save_chart
from bert_ladder.report.placing import LABEL_LIMIT
from bert_ladder.report.records import read_record

log = logging.getLogger(__name__)

# Phase of a job -> its colour.
PHASES = {"waiting": ORANGE, "start-up": GREY, "training": BLUE, "predicting": GREEN, "writing": SKY}
PAUSE = 600.0  # seconds without any job after which a study counts as resumed
STEP, WIDTH = 26, 620  # pixels: of a lane, of the panel


def plot_timeline(
    paths_training: Sequence[str | Path],
    paths_metrics: Sequence[str | Path],
    trainings: Sequence[str],
    evaluations: Sequence[str],
    files: FigureFiles,
) -> None:
    """Draw the figure.

    Args:
        paths_training: training.json of every training and trial.
        paths_metrics: metrics.json of every evaluation.
        trainings, evaluations: what to call each of them, in the same order.
        files: of the figure, to write.
    """
    jobs = [training_job(read_record(path), name) for path, name in zip(paths_training, trainings, strict=True)]
    jobs += [evaluation_job(read_record(path), name) for path, name in zip(paths_metrics, evaluations, strict=True)]
    phases, pauses = without_pauses(phases_of(jobs))
    phases = in_lanes(phases)
    save_chart(timeline_chart(phases, pauses), files)
    log.info("%d jobs in %d lanes", len(jobs), phases["lane"].nunique())


@dataclass(frozen=True)
class Job:
    """Where and when a job ran; moments in seconds since the epoch of Unix.

    Attributes:
        name: what to call it.
        work: "training" or "predicting".
        host: the machine.
        devices: that it had; [""] for the CPU.
        waiting: seconds before it got them.
        started, leased, ready, done, ended: when it began, got its devices, began and ended its work, and ended.
    """

    name: str
    work: str
    host: str
    devices: list[str]
    waiting: float
    started: float
    leased: float
    ready: float
    done: float
    ended: float


def training_job(record: dict[str, Any], name: str) -> Job:
    """Where and when a training ran, from its training.json; one that diverged tells no end of its start-up."""
    ready, done = record.get("ready_at", record["leased_at"]), record.get("trained_at", record["ended_at"])
    return _job(record, name, "training", ready, done)


def evaluation_job(metrics: dict[str, Any], name: str) -> Job:
    """Where and when an evaluation ran, from its metrics.json."""
    record = {key.removeprefix("evaluation_"): value for key, value in metrics.items() if key.startswith("evaluation_")}
    return _job(record, name, "predicting", record["ready_at"], record["ended_at"])


def _job(record: dict[str, Any], name: str, work: str, ready: float, done: float) -> Job:
    return Job(
        name=name,
        work=work,
        host=record["host"],
        devices=record["devices"].split(", "),
        waiting=record["waiting_seconds"],
        started=record["started_at"],
        leased=record["leased_at"],
        ready=ready,
        done=done,
        ended=record["ended_at"],
    )


def phases_of(jobs: Sequence[Job]) -> pd.DataFrame:
    """What each job did when.

    Args:
        jobs: from `training_job` and `evaluation_job`.

    Returns:
        One line per job, device and phase that took time: job, host, device ("" for the CPU), phase, start and end in
        seconds since the first job started.
    """
    lines = []
    for job in jobs:
        asked = job.leased - job.waiting
        spans = [
            ("start-up", job.started, asked),
            ("waiting", asked, job.leased),
            ("start-up", job.leased, job.ready),
            (job.work, job.ready, job.done),
            ("writing", job.done, job.ended),
        ]
        lines += [
            {"job": job.name, "host": job.host, "device": device, "phase": phase, "start": start, "end": end}
            for device in job.devices
            for phase, start, end in spans
            if end > start
        ]
    phases = pd.DataFrame(lines)
    first = phases["start"].min()
    return phases.assign(start=phases["start"] - first, end=phases["end"] - first)


def without_pauses(phases: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Move together what lies more than `PAUSE` apart: a study that was resumed on another day.

    Returns:
        The phases with new times, and how many pauses were left out.
    """
    phases = phases.sort_values("start", ignore_index=True)
    reached = phases["end"].cummax().shift(fill_value=0.0)
    gaps = (phases["start"] - reached).where(lambda gap: gap > PAUSE, 0.0)
    moved = gaps.cumsum()
    return phases.assign(start=phases["start"] - moved, end=phases["end"] - moved), int((gaps > 0).sum())


def in_lanes(phases: pd.DataFrame) -> pd.DataFrame:
    """Give each job a lane of its device, so that no two jobs of a lane overlap.

    Args:
        phases: from `phases_of`.

    Returns:
        The same with `lane`, what the lane is called: host and device, with a number where a device, or the CPU, had
        several jobs at once.
    """
    jobs = phases.groupby(["host", "device", "job"], as_index=False).agg(start=("start", "min"), end=("end", "max"))
    lanes: dict[tuple[Hashable, Hashable, str], str] = {}
    for (host, device), of_device in jobs.groupby(["host", "device"]):
        free: list[float] = []  # when each lane's last job ended
        numbers: dict[str, int] = {}
        for job in of_device.sort_values("start").to_dict("records"):
            number = next((index for index, end in enumerate(free) if end <= job["start"]), len(free))
            free[number : number + 1] = [job["end"]]
            numbers[job["job"]] = number
        for name, number in numbers.items():
            several = f" ({number + 1})" if len(free) > 1 else ""
            lanes[host, device, name] = f"{host}: {device or 'CPU'}{several}"
    keys = zip(phases["host"], phases["device"], phases["job"], strict=True)
    return phases.assign(lane=[lanes[key] for key in keys])


def shares(phases: pd.DataFrame) -> pd.Series:
    """The share of the lanes' time, from the first start to the last end, that each phase took; `idle` is the rest."""
    seconds = (phases["end"] - phases["start"]).groupby(phases["phase"]).sum()
    available = phases["lane"].nunique() * (phases["end"].max() - phases["start"].min())
    found = seconds.reindex(list(PHASES)).dropna() / available
    return pd.concat([found, pd.Series({"idle": max(0.0, 1 - found.sum())})])


def timeline_chart(phases: pd.DataFrame, pauses: int) -> alt.Chart:
    """A bar per phase of every job, in the lane of its device; blank is idle.

    Args:
        phases: from `in_lanes`.
        pauses: that were left out.
    """
    used = [phase for phase in PHASES if (phases["phase"] == phase).any()]
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares(phases).items())
    notes = [f"Of the lanes' time: {told}.", f"{phases['job'].nunique()} trainings, trials and evaluations."]
    if pauses:
        notes.append(f"Left out: {pauses} pause{'s' * (pauses > 1)} of more than {PAUSE / 60:.0f} minutes.")
    data = phases.assign(
        from_minute=(phases["start"] / 60).round(3),
        to_minute=(phases["end"] / 60).round(3),
        seconds=(phases["end"] - phases["start"]).round(1),
    ).drop(columns=["start", "end"])
    scale = alt.Scale(domain=used, range=[PHASES[phase] for phase in used])
    bars = alt.Chart(data).mark_bar(stroke="white", strokeWidth=0.3)
    return bars.encode(
        x=alt.X("from_minute:Q", title="Minutes since the first job started"),
        x2="to_minute:Q",
        y=alt.Y("lane:N", title=None, sort=sorted(phases["lane"].unique())).axis(labelLimit=LABEL_LIMIT),
        color=alt.Color("phase:N", scale=scale, legend=alt.Legend(title=None)),
        tooltip=["job:N", "phase:N", "seconds:Q", "lane:N"],
    ).properties(width=WIDTH, height=alt.Step(STEP), title=alt.Title("Where the time went", subtitle=notes))
