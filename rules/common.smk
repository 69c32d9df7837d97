"""The study, checked and resolved, and the functions through which rules ask it. No rules here."""

import os
import re
import sys
from pathlib import Path

import psutil
import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from bert_ladder.study.catalog import ENCODER_FILES, FETCHED_ENCODERS, FETCHED_VOCABULARIES, known_encoder, load_catalog
from bert_ladder.runtime.code import code_files
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.leases import machine_devices, visible_devices
from bert_ladder.study.locations import is_local
from bert_ladder.study.schema import StudyError, check_unique_keys
from bert_ladder.runtime.locks import remove_stale_lock
from bert_ladder.study.resolution import BASELINES, published_files, published_name, resolve_study, row_settings

CONFIG_SCHEMA, ENCODERS_SCHEMA = (
    yaml.safe_load(Path(workflow.basedir, "schemas", f"{name}.schema.yaml").read_text())
    for name in ("config", "encoders")
)
CONFIG_SCHEMA["$defs"] |= ENCODERS_SCHEMA["$defs"]
# Relative, so that results stay valid when the folder is moved.
CATALOG_FILE = os.path.relpath(Path(workflow.basedir, "catalog", "encoders.yaml"))

try:
    for study_file in workflow.configfiles:
        check_unique_keys(Path(study_file))
    CATALOG = load_catalog(Path(CATALOG_FILE), ENCODERS_SCHEMA)
    STUDY = resolve_study(
        config,
        schema=CONFIG_SCHEMA,
        catalog=CATALOG,
        # A path of the study may be relative to the working directory, to the study file or to the workflow. The roots
        # are relative too, so that results stay valid when the folder is moved.
        roots=[
            Path(),
            *(Path(os.path.relpath(study_file)).parent for study_file in workflow.configfiles),
            Path(os.path.relpath(workflow.basedir)),
        ],
    )
except StudyError as error:
    raise WorkflowError(f"The study cannot be run. {error}")

PUBLISHED = published_files(STUDY["dataset"])
ROWS = {row["path"]: row for row in STUDY["models"]}
VALIDATION_FRACTIONS = sorted({f"{used['training']['validation_fraction']:g}" for used in [STUDY, *STUDY["models"]]})
SCRATCH = [name for name, encoder in STUDY["encoders"].items() if "scratch" in encoder]
PRETRAINED = [name for name, encoder in STUDY["encoders"].items() if "pretrain" in encoder]
# Any encoder of the catalogue can be asked for by its path, not only the study's.
FETCHED = {name: known_encoder(CATALOG, name) for name in CATALOG["encoders"]}
FETCHED |= {encoder["fetched"]: encoder for encoder in STUDY["encoders"].values() if "fetched" in encoder}
# What is here is no rule's output: Snakemake would delete it first, to make it again, for many a reason: a script that
# is newer than the copied folder, another version of the workflow, --forceall.
ENCODERS_TO_FETCH = [
    name
    for name, encoder in FETCHED.items()
    # But for what is made from files of this machine: an edit to them must be noticed.
    if encoder["local"]
    or "given_vocabulary" in encoder
    or not all((FETCHED_ENCODERS / name / file).is_file() for file in ENCODER_FILES)
]
VOCABULARIES_TO_FETCH = [
    name for name in CATALOG["vocabularies"] if not (FETCHED_VOCABULARIES / name / "vocab.txt").is_file()
]
BASE_SIZE = CATALOG["encoders"]["bert_uncased_L-12_H-768_A-12"]["size"]
SEARCHED = {path: row["search"] for path, row in ROWS.items() if "search" in row}
TRIALS = [trial for search in SEARCHED.values() for trial in search["trials"]]
SEEDS = sorted({seed for used in [STUDY, *STUDY["models"], *SEARCHED.values()] for seed in used["seeds"]})
# A baseline has no luck in it but that of the split.
SPLIT_PER_RUN = STUDY["split_seed"] == "per_run"
BASELINE_SEEDS = STUDY["seeds"] if SPLIT_PER_RUN else STUDY["seeds"][:1]
BASELINE_RUNS = [
    {"model": name, "seed": seed, "name": BASELINES[name]} for name in STUDY["baselines"] for seed in BASELINE_SEEDS
]
BERT_RUNS = [{"model": path, "seed": seed, "name": row["name"]} for path, row in ROWS.items() for seed in row["seeds"]]
RUNS = BASELINE_RUNS + BERT_RUNS
TRIAL_RUNS = [
    {"model": path, "trial": trial, "seed": seed, "name": ROWS[path]["name"]}
    for path, search in SEARCHED.items()
    for trial in search["trials"]
    for seed in search["seeds"]
]


def any_of(names):
    """A regular expression that matches exactly the given names."""
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"


def code_of(name):
    """A rule's script and all that it imports: as inputs, an edit to one of them reruns the rule."""
    # Relative, so that results stay valid when the folder is moved.
    return [os.path.relpath(file) for file in code_files(Path(workflow.basedir, "scripts", f"{name}.py"))]


def of_runs(pattern, runs):
    """`pattern` with {model} and {seed} of each run."""
    return [pattern.replace("{model}", run["model"]).replace("{seed}", str(run["seed"])) for run in runs]


def described(runs):
    """What a script must know of the runs behind a list of files: the row's name, seed and kind of each."""
    return [
        {"model": run["name"], "seed": run["seed"], "kind": "bert" if run["model"] in ROWS else "baseline"}
        for run in runs
    ]


# === Data ===


def local_copy(wildcards):
    """The published file itself when it lies on this machine, so that an edit to it is noticed."""
    addresses = PUBLISHED[wildcards.file]["locations"]
    return addresses if len(addresses) == 1 and is_local(addresses[0]) else []


def published_file(wildcards):
    """The downloaded file that holds a split."""
    return f"<dataset>/{published_name(STUDY['dataset'], wildcards.split)}"


def published_source(wildcards):
    """How to read a split out of its published file."""
    source = STUDY["dataset"].get(wildcards.split, STUDY["dataset"]["train"])
    return {key: source[key] for key in ("format", "folder", "classes") if key in source}


def held_out():
    """The share and seed of the test split where the data set has none of its own."""
    dataset = STUDY["dataset"]
    return None if "test" in dataset else {"fraction": dataset["test_fraction"], "seed": dataset["test_seed"]}


def audited_lengths():
    """The text lengths at which each vocabulary is used."""
    lengths = {}
    for row in ROWS.values():
        vocabulary = STUDY["encoders"][row["encoder"]]["vocabulary"]
        lengths.setdefault(vocabulary, set()).update(settings["length"] for settings in row_settings(row))
    return [{"vocabulary": name, "lengths": sorted(found)} for name, found in sorted(lengths.items())]


# === Encoders ===


def vocabulary_source(wildcards):
    """The file to take a vocabulary from, or the text to learn it from."""
    vocabulary = STUDY["vocabularies"][wildcards.vocabulary]
    if "file" in vocabulary:
        return {"file": vocabulary["file"]}
    unlabelled = [f"<results>/data/unlabelled/{name}.parquet" for name in vocabulary["text"]]
    return {"text": ["<results>/data/train.parquet", *unlabelled]}


def fetched_from(wildcards):
    """The files of this machine that an encoder is fetched with: a local source, a vocabulary that is given."""
    encoder = FETCHED[wildcards.encoder]
    given = {"vocabulary": encoder["given_vocabulary"]} if "given_vocabulary" in encoder else {}
    return {"local": encoder["local"]} | given


def is_lower_case(wildcards):
    """Whether a fetched encoder is taken for one of lower-cased text."""
    name = FETCHED[wildcards.encoder]["vocabulary"]
    return CATALOG["vocabularies"].get(name, STUDY["vocabularies"].get(name))["lower_case"]


def encoder_files(name):
    """An encoder in normal form: config, weights and vocabulary."""
    encoder = STUDY["encoders"][name]
    folder = f"{FETCHED_ENCODERS}/{encoder['fetched']}" if "fetched" in encoder else f"<results>/encoders/{name}"
    return {
        "config": f"{folder}/encoder.json",
        "weights": f"{folder}/encoder.weights.h5",
        "vocabulary": f"{folder}/vocab.txt",
    }


def pretraining_start(wildcards):
    """The encoder that a pre-training starts from, with the heads of its own, if it had one in this study."""
    start = STUDY["encoders"][wildcards.encoder]["pretrain"]["from"]
    heads = {"heads": f"<results>/encoders/{start}/pretraining_heads.npz"} if start in PRETRAINED else {}
    return encoder_files(start) | heads


def pretraining_texts(name):
    """What an encoder is pre-trained on: the training texts, and unlabelled texts."""
    return ["train", *(f"unlabelled/{text}" for text in STUDY["encoders"][name]["pretrain"]["text"])]


def pretraining_tokens(wildcards):
    """Ids and offsets of each of the texts that an encoder is pre-trained on."""
    folder = f"<results>/data/tokens/{STUDY['encoders'][wildcards.encoder]['vocabulary']}"
    texts = pretraining_texts(wildcards.encoder)
    return [f"{folder}/{name}.{part}.npy" for name in texts for part in ("ids", "offsets")]


def with_starts(names):
    """Some encoders, each after those that its pre-training starts from."""
    line = []
    for name in names:
        start = STUDY["encoders"][name].get("pretrain", {}).get("from")
        line += [*(with_starts([start]) if start else []), name]
    return list(dict.fromkeys(line))


# Study files laid over each other leave encoders behind that no row takes; they are made only when asked for by path.
USED_ENCODERS = with_starts(row["encoder"] for row in ROWS.values())
USED_PRETRAINED = [name for name in USED_ENCODERS if name in PRETRAINED]


def pretrained_from_scratch(row):
    """Settings of the pre-trainings behind a row's encoder, if they began with random weights."""
    start, *pretrained = with_starts([row["encoder"]])
    return [STUDY["encoders"][name]["pretrain"] for name in pretrained] if start in SCRATCH else []


def untrained_poolers():
    """What to say of rows whose head reads a pooler that no pre-training has trained."""
    return [
        f"“{row['name']}” reads its encoder's pooled output, which hidden tokens alone did not train from its random "
        "weights: bag_of_words in the pre-training does, or let the row have pooling: mean."
        for row in ROWS.values()
        if (pretrained := pretrained_from_scratch(row))
        and not any(settings["bag_of_words"] or settings["next_sentence"] for settings in pretrained)
        and any(used["pooling"] == "pooler" for used in row_settings(row))
    ]


def unread_texts():
    """What to say of texts without labels that nothing reads."""
    vocabularies = {STUDY["encoders"][name]["vocabulary"] for name in USED_ENCODERS}
    read = {text for name in USED_PRETRAINED for text in STUDY["encoders"][name]["pretrain"]["text"]}
    read |= {text for name in vocabularies for text in STUDY["vocabularies"][name].get("text", [])}
    return [
        f"dataset.unlabelled.{name}: no row's encoder and no vocabulary of theirs reads it; name it in `text` of one."
        for name in STUDY["dataset"]["unlabelled"]
        if name not in read
    ]


if workflow.is_main_process:
    for sentence in unread_texts() + untrained_poolers():
        logger.warning(sentence)


# === Models ===


def training_settings(wildcards):
    """The hyper-parameters of a row; those that it searches for come with a trial, or with the chosen one."""
    return ROWS[wildcards.model]["training"]


def training_files(wildcards):
    """What a row is trained on: encoder, tokens, labels and split."""
    return row_encoder(wildcards) | {
        "tokens": row_tokens("train")(wildcards),
        "frame": "<results>/data/train.parquet",
        "labels": "<results>/data/labels.json",
        "split": row_split(wildcards),
    }


def chosen_settings(wildcards):
    """The outcome of a row's search, where it has one."""
    if wildcards.model not in SEARCHED:
        return {}
    return {"chosen": checkpoints.select_trial.get(model=wildcards.model).output.chosen}


def trial_runs(wildcards):
    """Trial and seed of every training of a row's search."""
    of_row = [run for run in TRIAL_RUNS if run["model"] == wildcards.model]
    return [{"trial": run["trial"], "seed": run["seed"]} for run in of_row]


def trial_files(name):
    """An input function for the file `name` of every training of a row's search."""

    def files(wildcards):
        folder = f"<results>/search/{wildcards.model}"
        return [f"{folder}/{run['trial']}/seed-{run['seed']}/{name}" for run in trial_runs(wildcards)]

    return files


def row_encoder(wildcards):
    """The encoder in normal form that a row starts from."""
    return encoder_files(ROWS[wildcards.model]["encoder"])


def row_tokens(split):
    """An input function for the tokens of `split` in the vocabulary of a row's encoder."""

    def tokens(wildcards):
        vocabulary = STUDY["encoders"][ROWS[wildcards.model]["encoder"]]["vocabulary"]
        return [f"<results>/data/tokens/{vocabulary}/{split}.{part}.npy" for part in ("ids", "offsets")]

    return tokens


def split_file(fraction, seed):
    """The division of the training split into two parts, for a run with `seed`."""
    return f"<results>/data/splits/{fraction:g}-seed-{seed if SPLIT_PER_RUN else STUDY['split_seed']}.parquet"


def run_split(run):
    """The division that a run trains on; the baselines use that of `training`, which most rows share."""
    return split_file(ROWS.get(run["model"], STUDY)["training"]["validation_fraction"], run["seed"])


def row_split(wildcards):
    """The division of the training split that a row or a baseline trains on."""
    return run_split({"model": wildcards.model, "seed": wildcards.seed})


def parts_differ():
    """Whether the rows are not all validated on the same texts."""
    parts = {}
    for run in RUNS:
        parts.setdefault(run["model"], set()).add(run_split(run))
    return len({frozenset(splits) for splits in parts.values()}) > 1


def checkpoint_folder(kind):
    """A function for where a job keeps its checkpoints: no declared output, since Snakemake deletes a failed job's."""
    return lambda wildcards: str(Path("checkpoints", STUDY["study"], kind, *wildcards))


def speed_files(wildcards):
    """A trained row, of its first seed, to be timed."""
    if wildcards.model not in ROWS:
        return {"baseline": f"<results>/runs/{wildcards.model}/seed-{BASELINE_SEEDS[0]}/baseline.npz"}
    encoder = row_encoder(wildcards)
    folder = f"<results>/runs/{wildcards.model}/seed-{ROWS[wildcards.model]['seeds'][0]}"
    return {
        "config": encoder["config"],
        "vocabulary": encoder["vocabulary"],
        "weights": f"{folder}/model.weights.h5",
        "training": f"{folder}/training.json",
    }


# Submitting, or read again by a job on its node.
ON_CLUSTER = workflow.resource_settings.nodes is not None or workflow.remote_exec
CORES = workflow.resource_settings.cores or 1
try:
    DEVICES = [] if ON_CLUSTER else visible_devices(os.environ, machine_devices())
except BadInput as error:
    raise WorkflowError(f"The study cannot be run. {error}")

# The jobs of a run that was killed on a cluster may still be at work.
if workflow.is_main_process and not ON_CLUSTER and remove_stale_lock():
    logger.info("The lock of a run that was killed has been removed.")


def encoder_size(name):
    """Parameters, layers, hidden units and heads of an encoder; those of BERT-Base where only its files know."""
    encoder = STUDY["encoders"][name]
    if "pretrain" in encoder:
        return encoder_size(encoder["pretrain"]["from"])
    definition = encoder.get("definition")
    known = CATALOG["encoders"][definition]["size"] if isinstance(definition, str) else BASE_SIZE
    size = encoder.get("scratch", known)
    # Of the layers alone, 12 h^2 each, where nothing says more: a vocabulary of one's own is small.
    return {"parameters": 12 * size["layers"] * size["hidden"] ** 2} | size


def activation_bytes(size, settings):
    """What a training step keeps of an encoder: Korthikanti et al. 2022, equation 2, in float32 instead of 16 bits."""
    layers, hidden, heads = (size[key] for key in ("layers", "hidden", "heads"))
    batch_size, length = settings["batch_size"], settings["length"]
    return 2 * batch_size * length * hidden * layers * (34 + 5 * heads * length / hidden)


def per_attempt(amount):
    """A resource of which a job gets more when it is retried."""
    return lambda wildcards, attempt: amount * attempt


def training_memory_mb(row):
    """Main memory of a row's training on the CPU: the engine, weights with Adam's, and activations."""
    size = encoder_size(row["encoder"])
    activations = max(activation_bytes(size, used) for used in row_settings(row))
    return round(2000 + 1.5 * (16 * size["parameters"] + activations) / 1e6)


def training_memory(wildcards, attempt):
    """Main memory of a training in MB, more if it is retried."""
    return attempt * training_memory_mb(ROWS[wildcards.model])


def pretraining_memory(wildcards, input, attempt):
    """Main memory of a pre-training in MB, more if it is retried: the vocabulary's scores and the texts come on top."""
    settings = STUDY["encoders"][wildcards.encoder]["pretrain"]
    size = encoder_size(wildcards.encoder)
    guesses = settings["batch_size"] * settings["length"] * settings["masked_fraction"]
    # Four arrays of them in float32; a vocabulary from a file is taken to be as large as BERT's.
    vocabulary = STUDY["vocabularies"][STUDY["encoders"][wildcards.encoder]["vocabulary"]].get("size", 30522)
    scores = 16 * guesses * vocabulary
    trained = 1.5 * (16 * size["parameters"] + activation_bytes(size, settings) + scores) / 1e6
    # The tokens, packed, and what is looked up in them and in the frames.
    return attempt * round(4000 + trained + 3 * input.size_mb)


def training_minutes(wildcards, attempt):
    """Time limit of a training: an hour for the smallest, a day for BERT-Base and for what is retried often."""
    parameters = encoder_size(ROWS[wildcards.model]["encoder"])["parameters"]
    return min(1440, attempt * round(60 + 12 * parameters / 1e6))


def trainings_at_once():
    """One per visible device; on a CPU as many as there are cores and trainings, and as memory holds of the largest."""
    if DEVICES:
        return len(DEVICES)
    largest = max((training_memory_mb(row) for row in ROWS.values()), default=1)
    held = int(psutil.virtual_memory().total / 1e6 / largest)
    return max(1, min(CORES, len(BERT_RUNS + TRIAL_RUNS), held))


def device_threads():
    """CPU threads of one training: the cores shared out among the trainings that may run at once."""
    if ON_CLUSTER:
        return 4
    return max(1, CORES // max(1, workflow.global_resources["gpu"].value))


def pretraining_threads():
    """Those of a training where there are GPUs; else all cores, since what uses the encoder waits for it anyway."""
    return device_threads() if ON_CLUSTER or DEVICES else CORES


def all_threads():
    """All cores, so that nothing runs beside a job that looks at the clock; on a cluster others may use the node."""
    return 4 if ON_CLUSTER else CORES


# Unless --resources gpu=<number> has said it.
if not ON_CLUSTER and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", trainings_at_once())


# === Targets ===


def frame_targets(runs, unlabelled=()):
    """One file of every job between the published files and the frames that some runs read, and texts without labels."""
    published = {published_name(STUDY["dataset"], part) for part in ("train", "test", *unlabelled)}
    return [
        *(f"<dataset>/{file}.json" for file in sorted(published)),
        *(f"<results>/data/{name}" for name in ("train.npz", "test.npz", "labels.json")),
        *(f"<results>/data/unlabelled/{name}.parquet" for name in sorted(unlabelled)),
        *sorted(set(map(run_split, runs))),
    ]


def data_targets():
    """One file of every job that prepares data for the study's rows, baselines and pre-trainings."""
    used = {STUDY["encoders"][row["encoder"]]["vocabulary"] for row in ROWS.values()}
    texts = {name: {"train", "test"} for name in sorted(used)}
    for name in USED_PRETRAINED:
        texts[STUDY["encoders"][name]["vocabulary"]] |= set(pretraining_texts(name))
    unlabelled = {
        name for name in STUDY["dataset"]["unlabelled"] if f"unlabelled/{name}" in set().union(*texts.values())
    }
    unlabelled |= {name for vocabulary in used for name in STUDY["vocabularies"][vocabulary].get("text", [])}
    return [
        *frame_targets(RUNS + TRIAL_RUNS, unlabelled),
        "<results>/data/audit.json",
        *(f"<results>/vocabularies/{name}/vocab.txt" for name in sorted(used)),
        *(f"<results>/data/tokens/{name}/{part}.offsets.npy" for name in texts for part in sorted(texts[name])),
    ]


def encoder_targets(names):
    """The files of some encoders, and those that their vocabularies are taken from."""
    vocabularies = [STUDY["vocabularies"][STUDY["encoders"][name]["vocabulary"]] for name in names]
    return [file for name in names for file in encoder_files(name).values()] + [
        vocabulary["file"] for vocabulary in vocabularies if "file" in vocabulary
    ]


def training_targets():
    """One light file of every job that trains or searches a row, so that weights may be deleted to save space."""
    return [
        *of_runs("<results>/runs/{model}/seed-{seed}/training.json", BERT_RUNS),
        *all_trial_files("training.json"),
        *(f"<results>/search/{model}/trials.csv" for model in SEARCHED),
    ]


def evaluation_targets():
    """One file of every job that evaluates or times a run, and so of the baselines."""
    return [
        *of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", RUNS),
        *(f"<results>/runs/{model}/speed.json" for model in [*STUDY["baselines"], *ROWS]),
    ]


# === Exports ===

EXPORTED = [f"encoders/{name}" for name in USED_ENCODERS] + of_runs("runs/{model}/seed-{seed}", BERT_RUNS)


def exported_files(wildcards):
    """An encoder as the study has it, or as a run fine-tuned it, with the names of the classes that its head knows."""
    kind, name, *_ = wildcards.exported.split("/")
    if kind == "encoders":
        return encoder_files(name)
    return encoder_files(ROWS[name]["encoder"]) | {
        "weights": f"<results>/{wildcards.exported}/model.weights.h5",
        "training": f"<results>/{wildcards.exported}/training.json",
        "labels": "<results>/data/labels.json",
    }


# === Report ===

# The figures in the order of their page.
FIGURES = {
    "rows": "Rows and their seeds",
    "accuracy": "Accuracy, size and cost",
    "pairs": "Rows against rows",
    "history": "Learning curves",
    **({"search": "Search"} if SEARCHED else {}),
    **({"pretraining": "Pre-training"} if USED_PRETRAINED else {}),
    "confusion": "Confusion matrices",
    "curves": "ROC and precision-recall curves",
    "reliability": "Reliability diagrams",
    "lengths": "Accuracy by text length",
    "timeline": "Where the time went",
}


def report_text(name):
    """The caption of a figure."""
    return os.path.relpath(Path(workflow.basedir, "report", f"{name}.rst"))


def benchmark_files(rule, runs):
    """What Snakemake measured of a rule's job for each run."""
    return of_runs(f"benchmarks/{STUDY['study']}/runs/{{model}}/seed-{{seed}}/{rule}.tsv", runs)


def all_trial_files(name):
    """The file `name` of every trial of the study."""
    return [f"<results>/search/{run['model']}/{run['trial']}/seed-{run['seed']}/{name}" for run in TRIAL_RUNS]


def timeline_names(kind, runs):
    """What the timeline calls the jobs of some runs."""
    kinds = [f"{kind} {run['trial']}" if "trial" in run else kind for run in runs]
    return [f"{run['name']}, {of_run}, seed {run['seed']}" for run, of_run in zip(runs, kinds, strict=True)]


def table_rows():
    """The rows of the table, in order, as render_table wants them."""
    rows = [{"model": BASELINES[name], "path": name, "encoder": ""} for name in STUDY["baselines"]]
    return rows + [
        {"model": row["name"], "path": row["path"], "encoder": row["encoder"], "reference": row["reference"]}
        for row in ROWS.values()
    ]


def pretrained_how(name):
    """What a pre-trained encoder started from, and for how long it learned."""
    pretrain = STUDY["encoders"][name]["pretrain"]
    start = "random weights" if "scratch" in STUDY["encoders"][pretrain["from"]] else f"“{pretrain['from']}”"
    return f"“{name}” from {start} ({pretrain['epochs']} epoch{'s' * (pretrain['epochs'] > 1)})"


def table_notes():
    """What the foot of the table must say about the data."""
    notes = []
    out = held_out()
    if out is not None:
        notes.append(
            f"The data set has no test split: {out['fraction']:.0%} of its texts, stratified by label "
            f"(seed {out['seed']}), were held out as the test split."
        )
    by_texts = {}
    for name in USED_PRETRAINED:
        by_texts.setdefault(tuple(STUDY["encoders"][name]["pretrain"]["text"]), []).append(name)
    for texts, names in by_texts.items():
        others = "".join(f" and “{text}”" for text in texts)
        notes.append(
            f"Pre-trained on the training texts{others}, without labels and without test texts, once for all seeds: "
            f"{', '.join(map(pretrained_how, names))}. Intervals do not hold the luck of that, and the texts of the "
            "validation part were read in it."
        )
    for row in ROWS.values():
        known = max((settings["length"] for settings in pretrained_from_scratch(row)), default=0)
        longest = max(used["length"] for used in row_settings(row))
        if 0 < known < longest:
            notes.append(
                f"“{row['name']}” reads up to {longest} WordPieces of a text; its encoder, pre-trained from random weights "
                f"on sequences of {known}, learned later positions in the fine-tuning alone."
            )
    notes += untrained_poolers()
    if SPLIT_PER_RUN:
        notes.append("Each seed draws its own split into a training and a validation part, for the baselines too.")
    return notes


def explain_kills(logs):
    """Say what it mostly means when a job was killed, since it could not say so itself: from Snakemake's logs."""
    # By SIGKILL, or by SIGABRT, SIGBUS or SIGSEGV, as engines end that get no memory; a shell adds 128.
    killed = r"died with <Signals\.SIG(?:KILL|ABRT|BUS|SEGV)|returned non-zero exit status 1(?:34|35|37|39)\."
    text = "".join(Path(log).read_text(errors="replace") for log in logs)
    for job in sorted(set(re.findall(rf"\.(\w+)\.py' (?:{killed})", text))):
        print(
            f"{job} was killed before it could say why. Unless somebody did it, memory ran out: run fewer jobs at once "
            "(--cores 1), lower batch_size or length of a training, or give the job more memory, and type the same "
            "command again.",
            file=sys.stderr,
        )


def show_results(workflow):
    """Print the study's table and what it says at the end of a run that was to make them: others leave old ones."""
    if not any(job.rule.name == "render_summary" for job in workflow.dag.jobs):
        return
    for name in ("table.txt", "summary.txt"):
        file = Path("results", STUDY["study"], name)
        if file.exists():
            print(f"\n{file.read_text()}")
