"""The command `bert-ladder`: runs a study; a chosen model answers texts; studies stand side by side."""

import argparse
import io
import logging
import math
import os
import shutil
import signal
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_ladder.commands.compare import add_compare
from bert_ladder.export.limits import ENGINES, Limits, processors
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import BadInput, failure_sentence
from bert_ladder.runtime.launching import launch, snakemake_command
from bert_ladder.runtime.leases import machine_devices, visible_devices

if TYPE_CHECKING:
    from bert_ladder.export.loading import Classifier
    from bert_ladder.export.sources import GivenFile

PROJECT = Path(__file__).parents[3]
MAX_BYTES = 2**31
BOLD, PLAIN = "\033[1m", "\033[0m"
RUN_EPILOGUE = """examples:
  bert-ladder run studies/my-study.yaml
  bert-ladder run studies/imdb.yaml studies/imdb-epochs.yaml -n
  bert-ladder run studies/my-study.yaml -- --workflow-profile profiles/slurm
  bert-ladder run studies/my-study.yaml -- data
"""
EPILOGUE = """examples:
  bert-ladder predict results/my-study/chosen new.csv -o predictions.csv
  bert-ladder predict results/my-study/chosen new.parquet --column body -o predictions.parquet
  bert-ladder predict results/my-study/chosen --text "I would see it again." --explain

All columns of the file are kept; prediction and probability_<label> of each class are added. Where the model does not
answer (it abstains), the prediction is empty. docs/predict.md says more.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: behind its name; None: those of this process.

    Returns:
        The exit status: 0, 1 after a sentence on the error stream, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    cut = arguments.index("--") if arguments[:1] == ["run"] and "--" in arguments else len(arguments)
    parser = build_parser()
    options, unknown = parser.parse_known_args(arguments[:cut])
    if unknown:
        one = "; predict answers one file at a time" if options.run is predict and unknown[0][:1] != "-" else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{one}")
    options.behind = arguments[cut + 1 :]
    # Snakemake takes the place of this process, its error stream with it.
    with ended_by_signals(), nullcontext() if options.run is run_study else quiet_engines():
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        try:
            options.run(options)
        except BrokenPipeError:
            # Who read the standard output has had enough; nothing may be written to it at the end either.
            with suppress(OSError, io.UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            print("interrupted; no file was written.", file=sys.stderr)
            return 130
        except Exception as error:
            sentence = failure_sentence(error)
            if sentence is None:
                raise
            print(f"bert-ladder: {sentence}", file=sys.stderr)
            return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(
        prog="bert-ladder", description="Run a study; let the model that it chose answer texts; compare studies."
    )
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="show the program's version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_run(commands)
    add_predict(commands)
    add_serve(commands)
    add_compare(commands)
    return parser


class ShowVersion(argparse.Action):
    """Prints the version and ends; only then it is read, since a copy of the workflow alone has no pyproject.toml."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"bert-ladder {version()}")
        parser.exit()


def version() -> str:
    """Of this program.

    Raises:
        BadInput: the workflow lies here without its project.
    """
    file = PROJECT / "pyproject.toml"
    if not file.is_file():
        raise BadInput(f"{file}: is not there, so that the version is not known; it stands in the project's folder.")
    return tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"]


def add_run(commands: Any) -> None:
    """Add the command that runs a study."""
    parser = commands.add_parser(
        "run",
        usage="bert-ladder run [-h] [-n] [--cores N] STUDY.yaml [MORE.yaml ...] [-- OPTION_OR_TARGET_OF_SNAKEMAKE ...]",
        help="run a study",
        description="Run a study with Snakemake, in this folder: its paths are relative to here, and results/, "
        "resources/ and logs/ are written here. What stands behind -- is Snakemake's.",
        epilog=RUN_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run_study)
    parser.add_argument(
        "studies", metavar="STUDY.yaml", nargs="+", type=Path, help="one study; of several files later ones win"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would run")
    parser.add_argument("--cores", metavar="N", help="default: all, unless an option of Snakemake says where to run")


def add_predict(commands: Any) -> None:
    """Add the command that predicts."""
    parser = commands.add_parser(
        "predict",
        help="answer the texts of a file, or a single text",
        description="Answer the texts of a file, or a single text, with the model that a study chose.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=predict)
    parser.add_argument("model", metavar="FOLDER", type=Path, help="the chosen model: results/<study>/chosen")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="csv, tsv, jsonl, parquet (of any size); json, arrow, feather, npz, txt, zip, tar; packed or not; "
        "- for the standard input, with --format",
    )
    given.add_argument("--text", help="a single text, whose answer is printed")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="where to write, in the form of its name: .csv, .tsv, .jsonl, .json, .parquet, .arrow (.csv.gz and so "
        "on); default: the standard output, as the input is",
    )
    parser.add_argument("--force", action="store_true", help="replace the output if it is there already")
    parser.add_argument("--explain", action="store_true", help="name the words that each answer rests on; slow")
    parser.add_argument("--skip-broken", action="store_true", help="leave broken rows out and count them")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    reading = parser.add_argument_group("how the file is read, where it is not found by itself")
    reading.add_argument("--column", metavar="NAME", help="the column, key or array of the texts")
    reading.add_argument("--format", metavar="FORM", help="csv, tsv, json, jsonl, parquet, arrow, feather, npz, txt, …")
    reading.add_argument("--delimiter", metavar="CHARACTER", help="between the fields of a csv or tsv")
    reading.add_argument("--header", metavar="NAMES", help="of the columns of a csv or tsv without a header: id,text")
    reading.add_argument("--file", metavar="PATH", dest="member", help="which file of an archive")
    reading.add_argument("--folder", metavar="PATH", help="which folder of an archive of texts")
    reading.add_argument(
        "--max-bytes",
        metavar="N",
        type=int,
        default=MAX_BYTES,
        help="the most that is unpacked, or read of a form that is read as a whole (%(default)s)",
    )
    add_running(parser)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add the options of how a model is run."""
    running = parser.add_argument_group("how the model is run")
    running.add_argument(
        "--engine", choices=ENGINES, help="default: onnx, where that form was made and proven, else native"
    )
    running.add_argument("--threads", type=int, metavar="N", help="default: one per processor")


def add_serve(commands: Any) -> None:
    """Add the command that serves."""
    parser = commands.add_parser(
        "serve",
        help="a page to try texts, and JSON for programs, on this machine",
        description="Serve the model that a study chose, on this machine: a page to try texts, and JSON for programs "
        "(POST /predict, GET /model, GET /health). Ctrl-C ends it. docs/serve.md says more.",
    )
    parser.set_defaults(run=serve)
    parser.add_argument("model", metavar="FOLDER", type=Path, help="the chosen model: results/<study>/chosen")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="default: %(default)s; 0 for a free one")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen, default: %(default)s")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which the server may be asked, beside localhost; may be given several times",
    )
    limits = parser.add_argument_group("the most of a request")
    for name, kind, of_what in (
        ("texts", int, "texts"),
        ("characters", int, "characters of a text"),
        ("bytes", int, "bytes in all"),
        ("seconds", float, "seconds until its answer"),
    ):
        limits.add_argument(
            f"--max-{name}",
            type=kind,
            default=getattr(Limits, name),
            metavar="N",
            help=f"{of_what}, default: %(default)s",
        )
    add_running(parser)


def run_study(options: argparse.Namespace) -> None:
    """Run `bert-ladder run`.

    Raises:
        BadInput: a study file that is not there.
    """
    launch(snakemake_command(PROJECT, options.studies, options.behind, options.cores, options.dry_run))


def predict(options: argparse.Namespace) -> None:
    """Run `bert-ladder predict`.

    Raises:
        BadInput: something given is not usable.
    """
    threads = given_threads(options)
    if options.text is not None:
        if options.output is not None:
            raise BadInput("--output: is for files; the answer to a single text is printed.")
        if not options.text.strip():
            raise BadInput("--text: is empty; give a text.")
        print_answer(open_model(options, threads), options.text, options.explain)
        return
    from bert_ladder.export.predicting import Wanted, predict_file

    wanted = Wanted(options.output, options.force, options.skip_broken, options.explain, options.quiet, options.model)
    with given_file(options) as file:
        outcome = predict_file(lambda: open_model(options, threads), file, wanted)
    if not options.quiet and (options.output is not None or outcome.broken):
        print(f"{options.output or file.path}: {outcome.sentence()}", file=sys.stderr)


def serve(options: argparse.Namespace) -> None:
    """Run `bert-ladder serve`.

    Raises:
        BadInput: something given is not usable.
    """
    from bert_ladder.export.serving import Address
    from bert_ladder.export.serving import serve as serve_model

    threads = given_threads(options)
    for name in ("max_texts", "max_characters", "max_bytes", "max_seconds"):
        value = getattr(options, name)
        if not 0 < value < math.inf:
            raise BadInput(f"--{name.replace('_', '-')}: found {value}; give a number above 0.")
    limits = Limits(options.max_texts, options.max_characters, options.max_bytes, options.max_seconds)
    address = Address(options.host, options.port, options.allow_host)
    serve_model(lambda: open_model(options, threads), address, limits)


def given_threads(options: argparse.Namespace) -> int:
    """How many threads to run a model with.

    Raises:
        BadInput: less than one.
    """
    threads = options.threads if options.threads is not None else processors()
    if threads < 1:
        raise BadInput(f"--threads: found {threads}; give 1 or more.")
    return threads


def open_model(options: argparse.Namespace, threads: int) -> "Classifier":
    """Open the model, on the first GPU that this process may use if there is one."""
    from bert_ladder.export.loading import load

    set_up_device(threads, visible_devices(os.environ, machine_devices())[:1])
    return load(options.model, options.engine, threads)


@contextmanager
def given_file(options: argparse.Namespace) -> "Iterator[GivenFile]":
    """The file to predict, and how to read it; the standard input as a copy, since a file is looked into first.

    Raises:
        BadInput: an option of how to read it is not usable.
    """
    from bert_ladder.export.sources import GivenFile

    header, delimiter = options.header, (options.delimiter or "").replace("\\t", "\t")
    if options.delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise BadInput(f"--delimiter: found {options.delimiter!r}; give one character, or \\t for a tab.")
    if options.max_bytes < 1:
        raise BadInput(f"--max-bytes: found {options.max_bytes}; give 1 or more.")
    file = GivenFile(
        options.file,
        # Of the tables of an archive that of this name is meant.
        name="test",
        max_bytes=options.max_bytes,
        text=options.column,
        format=options.format,
        columns=None if header is None else [name.strip() for name in header.strip(" []").split(",")],
        delimiter=delimiter or None,
        folder=options.folder,
        file=options.member,
        labelled=False,
    )
    if str(options.file) != "-":
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="bert-ladder-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield replace(file, path=Path("standard input"), copy=Path(copy.name))


def print_answer(model: "Classifier", text: str, explain: bool) -> None:
    """Print the answer to a text, the probabilities of all classes, falling, and the words that it rests on."""
    (line,) = model.probabilities([text])
    (label,) = model.decide(line[None])
    (code,) = model.forced(line[None])
    least = model.chosen.decision.least_confidence or 0.0
    needed = f"{least:.4f} is needed" if least <= 1 else "no text is sure enough for this model"
    lines = [label or f"not answered: {model.labels[code]} has {line[code]:.4f}, and {needed}", ""]
    width = max(map(len, model.labels))
    lines += [f"  {model.labels[one]:{width}}  {line[one]:.4f}" for one in (-line).argsort(kind="stable")]
    if explain:
        from bert_ladder.export.explaining import important_words, replace_words

        words = important_words(model, text, code)
        marks = (BOLD, PLAIN) if sys.stdout.isatty() else ("[", "]")
        marked = replace_words(text, {word for word, _ in words}, lambda word: f"{marks[0]}{word}{marks[1]}")
        found = f"Without these words {model.labels[code]} would be less probable:"
        lines += ["", found if words else "No single word makes a difference.", marked]
        lines += [f"  {word}  -{drop:.4f}" for word, drop in words]
    with suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print("\n".join(lines))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Lets SIGTERM end the program as Ctrl-C does: what was begun is taken back."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def quiet_engines() -> Iterator[None]:
    """Keeps from the terminal what libraries tell their programmers, and what native ones write there by themselves."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if sys.stderr is not sys.__stderr__:
        yield
        return
    kept = os.dup(2)
    shown = os.fdopen(kept, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = shown
    try:
        yield
    finally:
        os.dup2(kept, 2)
        sys.stderr = sys.__stderr__


if __name__ == "__main__":
    sys.exit(main())
