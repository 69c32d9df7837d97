"""A study as one object, for the rules to ask.

Imported by the Snakefile, hence light: nothing here may import NumPy, pandas or TensorFlow.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bert_ladder.study.catalog import load_catalog
from bert_ladder.study.classes import Classes
from bert_ladder.study.contents import Contents
from bert_ladder.study.dataset import Dataset
from bert_ladder.study.encoders import Encoders
from bert_ladder.study.inputs import Inputs
from bert_ladder.study.notes import Notes
from bert_ladder.study.outline import Outline
from bert_ladder.study.records import DataRecords
from bert_ladder.study.resolution import resolve_study
from bert_ladder.study.resources import Resources
from bert_ladder.study.runs import Run, Runs
from bert_ladder.study.schema import check_is_whole, check_unique_keys
from bert_ladder.study.splits import Splits
from bert_ladder.study.targets import Targets


@dataclass(frozen=True)
class Places:
    """Where a study is read and run; relative, so that results stay valid when the folder is moved.

    Attributes:
        workflow: the folder of the workflow, with schemas and catalogue.
        study_files: the files that the study was read from.
        outputs: the folder that holds resources, results and checkpoints.
    """

    workflow: Path
    study_files: tuple[Path, ...] = ()
    outputs: Path = Path()

    @property
    def catalog(self) -> Path:
        """The registry of known encoders."""
        return self.workflow / "catalog" / "encoders.yaml"

    @property
    def roots(self) -> list[Path]:
        """A path of a study may be relative to the working directory, to the study file or to the workflow."""
        return [Path(), *(file.parent for file in self.study_files), self.workflow]


class Study:
    """A study, checked and resolved.

    Args:
        settings: as `resolve_study` gives them.
        catalog: as `load_catalog` gives it.
        outputs: the folder that holds resources, results and checkpoints.
    """

    def __init__(self, settings: dict[str, Any], catalog: dict[str, Any], outputs: Path = Path()) -> None:
        self.settings = settings
        self.name: str = settings["study"]
        self.metric: str = settings["comparison"]["metric"]
        self.outputs = outputs
        dataset = settings["dataset"]
        self.dataset = Dataset(dataset, DataRecords(outputs, self.name, dataset["name"], Contents()))
        self.dataset.check_sources()
        self.classes = Classes(dataset, outputs / "results" / self.name / "data")
        self.encoders = Encoders(settings, catalog, outputs)
        self.runs = Runs(settings)
        self.splits = Splits(settings, self.runs)
        self.inputs = Inputs(self.encoders, self.runs, self.splits)
        self.resources = Resources(self.encoders, self.runs)
        self.targets = Targets(self.dataset, self.encoders, self.inputs)
        self.notes = Notes(self.dataset, self.encoders, self.runs, self.splits)
        self.outline = Outline(self.inputs, self.classes)

    def checkpoints(self, kind: str, *names: str) -> str:
        """Where a job keeps its checkpoints: no declared output, since Snakemake deletes a failed job's."""
        return str(self.outputs.joinpath("checkpoints", self.name, kind, *names))

    def benchmarks(self, rule: str, runs: list[Run]) -> list[str]:
        """What Snakemake measured of a rule's job for each run."""
        folder = self.outputs / "benchmarks" / self.name
        return [str(folder / "runs" / run.model / f"seed-{run.seed}" / f"{rule}.tsv") for run in runs]

    @property
    def forms(self) -> str | None:
        """SHA-256 of the record of the chosen model's forms; None where none were made."""
        file = self.outputs / "results" / self.name / "chosen" / "forms.json"
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    def unmade_report(self, arguments: Sequence[str]) -> str | None:
        """Why a report that is asked for cannot be written yet; None if it can, or if none is.

        Args:
            arguments: of the command line.
        """
        page = self.outputs / "results" / self.name / "table.html"
        asked = any(argument.partition("=")[0] == "--report" for argument in arguments)
        if not asked or "--report-after-run" in arguments or page.exists():
            return None
        return (
            f"The report shows what a run has made, and {page} is not there: type the command without --report first."
        )

    def absent_curve(self, arguments: Sequence[str]) -> str | None:
        """Why a file of the label curve that is asked for cannot be made; None if it can, or if none is.

        Args:
            arguments: of the command line.
        """
        folder = self.outputs / "results" / self.name
        files = [(folder, f"label_curve{table}") for table in ("", "_pairs", "_laws")]
        files.append((folder / "figures", "label_curve"))
        stems = [(Path(one).parent, Path(one).name.partition(".")[0]) for one in arguments]
        asked = [one for one, stem in zip(arguments, stems, strict=True) if stem in files]
        if not asked or self.runs.fractions:
            return None
        return (
            f"{asked[0]}: the study has no label curve; lay studies/label-curve.yaml over it, or write `label_curve:` "
            "into it (docs/label_curve.md)."
        )

    def results(self) -> list[str]:
        """The study's table and what it says, for the terminal, as far as they are made."""
        files = [self.outputs / "results" / self.name / name for name in ("table.txt", "summary.txt")]
        return [file.read_text() for file in files if file.exists()]


def read_study(config: dict[str, Any], places: Places) -> Study:
    """Check a study and resolve it.

    Args:
        config: the study as read from YAML; not changed.
        places: where it is read and run.

    Raises:
        StudyError: one sentence that names the key, what was found and what is allowed.
    """
    config_schema, encoders_schema = (
        yaml.safe_load((places.workflow / "schemas" / f"{name}.schema.yaml").read_text())
        for name in ("config", "encoders")
    )
    config_schema["$defs"] |= encoders_schema["$defs"]
    for file in places.study_files:
        check_unique_keys(file)
    check_is_whole(config, config_schema, places.study_files)
    catalog = load_catalog(places.catalog, encoders_schema)
    return Study(resolve_study(config, config_schema, catalog, places.roots, places.outputs), catalog, places.outputs)
