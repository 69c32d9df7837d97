"""Reads a tar or zip: the data file in it, a folder of text files per class, or text files without labels."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bert_ladder.data.readers.npz import check_zip_entry
from bert_ladder.data.readers.published import PublishedExamples, PublishedFile, only, quoted
from bert_ladder.data.readers.signatures import FOREIGN_ENDINGS
from bert_ladder.data.readers.streams import open_bytes
from bert_ladder.files.archives import CHUNK, Kind, Member, tar_members, zip_members
from bert_ladder.files.streams import ByteStream
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)

UNLABELLED_FOLDERS = {"unsup", "unsupervised", "unlabeled", "unlabelled"}
TEXT_SUFFIXES = {"", ".txt", ".text"}
# An archive of class folders may hold a table of something else too, and one of a table a few words about it.
MANY_TEXTS = 10
# Number of one of the files into which a table was divided, and of how many it tells: train-00001-of-00004.parquet,
# 0001.parquet, part-00001.csv. A year is none.
SHARD = re.compile(r"(?<![0-9])(?:[0-9]{5}-of-([0-9]{5})|0[0-9]{3,4})(?![0-9])")
# What lies beside data and tells of it; some of these names could be a text's where it has a suffix.
ABOUT = re.compile(
    r"(?i:README|LICEN[CS]E)(?i:\.te?xt)?|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CHANGELOG|INSTALL|Makefile"
)
# What a data set of Hugging Face tells of itself.
DESCRIPTIONS = {"dataset_info.json", "dataset_dict.json", "state.json", "dataset_infos.json"}


@dataclass(frozen=True)
class _File:
    """A regular file in an archive: its path there, and its content."""

    path: str
    member: Member

    def read(self) -> bytes:
        """All of the content.

        Raises:
            EOFError: it is shorter than the archive says.
        """
        content = self.member.open().read()
        if len(content) != self.member.size:
            raise EOFError(f"{self.path} ends early")
        return content

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return _name(self.path)

    @property
    def is_text(self) -> bool:
        return not self.name.startswith((".", "_")) and Path(self.name).suffix.lower() in TEXT_SUFFIXES

    @property
    def is_hidden(self) -> bool:
        return any(map(_is_hidden, self.path.split("/")))


Archive = Callable[[PublishedFile], Iterator[_File]]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _ending(path: str) -> str:
    return Path(path).suffix[1:].lower()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def read_tar(file: PublishedFile) -> PublishedExamples:
    """Read the texts of a tar, gzipped or not, see `read_class_folders` and `read_texts`.

    Raises:
        BadInput: no texts are to be found, or the file is too large.
    """
    return read_class_folders(file, _tar_files) if file.labelled else read_texts(file, _tar_files)


def read_zip(file: PublishedFile) -> PublishedExamples:
    """Read the texts of a zip, see `read_class_folders` and `read_texts`.

    Raises:
        BadInput: no texts are to be found, or the file is too large.
    """
    return read_class_folders(file, _zip_files) if file.labelled else read_texts(file, _zip_files)


def read_class_folders(file: PublishedFile, files_in: Archive) -> PublishedExamples:
    """Read the text files of the class folders straight from the archive.

    Rows go by class folder, then by file name with numbers in their order, so that the same folders packed in
    another order or another form give the same rows.
    """
    folder = _plain_folder(file.folder if file.folder is not None else _class_parent(file, files_in(file)))
    found, skipped = _texts_by_class(file, folder, files_in(file))
    for label in file.classes or []:
        if label not in found:
            raise BadInput(
                f"{file.path}: '{folder}/{label}' (dataset classes) holds no texts; "
                f"class folders with texts are {quoted(sorted({*found, *skipped})) or 'none'}"
            )
    if not found:
        raise BadInput(
            f"{file.path}: the folder '{folder}' has no class folders with text files; set `folder` to the one that has"
        )
    file.found.folder, file.found.classes = folder, sorted(found)
    rows = [(label, *item) for label in sorted(found) for item in sorted(found[label], key=_natural)]
    return PublishedExamples(
        ((raw, label) for label, _, raw in rows),
        lambda row: f"{folder}/{rows[row][0]}/{rows[row][1]}".lstrip("/"),
        textual=True,
    )


def _texts_by_class(
    file: PublishedFile, folder: str, files: Iterable[_File]
) -> tuple[dict[str, list[tuple[str, bytes]]], set[str]]:
    """The name and content of each text by its class folder below `folder`, and the class folders not read."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    skipped: set[str] = set()
    passed_over = 0
    for one in files:
        root, _, label = one.folder.rpartition("/")
        if not label or root != folder or _is_hidden(label):
            continue
        if not one.is_text:
            passed_over += 1
        elif label in file.classes if file.classes is not None else label.lower() not in UNLABELLED_FOLDERS:
            found.setdefault(label, []).append((one.name, one.read()))
        else:
            skipped.add(label)
    about = _about([name for texts in found.values() for name, _ in texts])
    passed_over += sum(name in about for texts in found.values() for name, _ in texts)
    kept = {label: [text for text in texts if text[0] not in about] for label, texts in found.items()}
    found = {label: texts for label, texts in kept.items() if texts}
    if skipped:
        log.info("folders of '%s' not read: %s", folder, ", ".join(sorted(skipped)))
    if passed_over:
        log.warning(
            "%d files in the class folders of '%s' are not read: texts end in .txt or have no suffix, README is none",
            passed_over,
            folder,
        )
    return found, skipped


def read_texts(file: PublishedFile, files_in: Archive) -> PublishedExamples:
    """Read the text files of a folder of the archive, or all of the archive, in the order of their names."""
    found: list[tuple[str, bytes]] = []
    parents: set[str] = set()
    inside = _plain_folder(file.folder) if file.folder is not None else None
    paths: list[str] = []
    for one in files_in(file):
        if not one.is_hidden:
            paths.append(one.path)
        if not one.is_text or (inside is None and one.is_hidden):
            continue
        parents.add(one.folder)
        if inside is None or one.folder == inside:
            found.append((one.path, one.read()))
    if not found:
        if not parents:
            _refuse_without_data(file, paths)
        there = f"'{inside}' ({file.key('folder')}) has" if inside is not None else "it has"
        raise BadInput(f"{file.path}: {there} no text files; folders with some are {quoted(sorted(parents)) or 'none'}")
    about = _about([path for path, _ in found])
    found = sorted((item for item in found if item[0] not in about), key=_natural)
    return PublishedExamples(((raw,) for _, raw in found), lambda row: found[row][0])


def _about(paths: Sequence[str]) -> set[str]:
    """Those of text files that tell of the data, where the others have a suffix; else such a name may be a text's."""
    about = {path for path in paths if ABOUT.fullmatch(_name(path))}
    return about if any(Path(path).suffix for path in paths if path not in about) else set()


def _plain_folder(folder: str) -> str:
    return "/".join(part for part in folder.split("/") if part not in ("", "."))


def _natural(item: tuple[str, bytes]) -> list[tuple[int, str]]:
    pieces = re.split(r"([0-9]+)", item[0])
    return [(int(piece[:18]), piece) if piece.isdigit() else (-1, piece) for piece in pieces]


def _class_parent(file: PublishedFile, files: Iterable[_File]) -> str:
    classes: dict[str, set[str]] = {}
    paths: list[str] = []
    for one in files:
        if not one.is_hidden:
            paths.append(one.path)
        root, _, label = one.folder.rpartition("/")
        is_class = label and not one.is_hidden and label.lower() not in UNLABELLED_FOLDERS
        if is_class and one.is_text and not ABOUT.fullmatch(one.name):
            classes.setdefault(root, set()).add(label)
    candidates = sorted(root for root, labels in classes.items() if len(labels) > 1)
    named = [root for root in candidates if not file.undivided and root.rpartition("/")[2] == file.name]
    chosen = only(candidates) if len(candidates) == 1 else only(named)
    if chosen is None:
        if not candidates:
            folders = [f"{root}/{label}".lstrip("/") for root, labels in classes.items() for label in labels]
            _refuse_without_data(file, paths, folders)
        there = (
            f"class folders lie in {quoted(candidates)}"
            if candidates
            else "no folder holds two class folders, and no file is a csv, tsv, json, jsonl or parquet"
        )
        raise BadInput(f"{file.path}: cannot tell which folder holds the classes, {there}; set `folder` in the study")
    log.info("class folders from '%s'", chosen)
    return chosen


def _refuse_without_data(file: PublishedFile, paths: Sequence[str], classes: Sequence[str] = ()) -> None:
    """Refuse an archive for what it holds instead of texts or a table, where that can be told."""
    if not paths:
        raise BadInput(f"{file.path}: is empty, or holds hidden files only; fetch it again")
    texts = [path for path in paths if Path(path).suffix.lower() in TEXT_SUFFIXES and not ABOUT.fullmatch(_name(path))]
    foreign = [path for path in paths if _ending(path) in FOREIGN_ENDINGS]
    if len(foreign) > len(texts) or (foreign and len(texts) == 1):
        what = FOREIGN_ENDINGS[_ending(foreign[0])]
        raise BadInput(f"{file.path}: holds {foreign[0][:60]!r}, which is {what}")
    if len(texts) == 1:
        raise BadInput(
            f"{file.path}: holds {texts[0][:60]!r} alone, not a folder of texts for each class; if it is a table, set "
            f"{file.key('format')} to its form, such as csv"
        )
    if len(classes) == 1:
        raise BadInput(
            f"{file.path}: has one class folder only, {classes[0][:60]!r}; a data set needs two, side by side"
        )


def _tar_files(file: PublishedFile) -> Iterator[_File]:
    with open_bytes(file) as stream:
        for member in tar_members(stream, file.max_bytes):
            if member.kind is Kind.FILE:
                yield _File(member.name.removeprefix("./"), member)


def _zip_files(file: PublishedFile) -> Iterator[_File]:
    given = 0
    with file.content.open("rb") as opened:
        for member in zip_members(opened, partial(check_zip_entry, file)):
            if member.kind is Kind.FOLDER:
                continue
            given += member.size
            file.check_bytes(given)
            yield _File(member.name, member)


ARCHIVES: dict[str, Archive] = {"tar": _tar_files, "zip": _zip_files}


def find_data_files(file: PublishedFile, form: str, endings: Sequence[str]) -> list[str]:
    """The data file in an archive that is to be read, or the files into which it was divided; none where it has texts.

    Args:
        file: the archive; its `file` is taken where it has one, and with `classes` it holds text files.
        form: "tar" or "zip".
        endings: of the names of data files.

    Raises:
        BadInput: there are several that it could be, not that which the study names, or not all of a divided one.
    """
    if file.file is None and file.classes is not None:
        return []
    paths = [one.path for one in ARCHIVES[form](file) if not one.is_hidden]
    if file.file is not None:
        named = _plain_folder(file.file)
        if named not in paths:
            raise BadInput(f"{file.path}: has no file '{named}' ({file.key('file')}); it has {quoted(paths) or 'none'}")
        return [named]
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        in_place = file.folder is None or folder == _plain_folder(file.folder)
        if in_place and name.lower().endswith(tuple(f".{ending}" for ending in endings)) and name not in DESCRIPTIONS:
            groups.setdefault(SHARD.sub("#", path), []).append(path)
    if not groups:
        is_told = file.format is not None and file.folder is None and len(paths) == 1
        return paths if is_told else []
    if _are_texts(file, [path for path in paths if Path(path).suffix.lower() in TEXT_SUFFIXES]):
        return []
    found = _group_of_split(file, groups)
    for path in found:
        of = SHARD.search(path)
        if of is not None and of[1] is not None and int(of[1]) != len(found):
            raise BadInput(f"{file.path}: has {len(found)} of the {int(of[1])} parts of '{path}'; bring all of them")
    log.info("reads %s", quoted(found))
    return found


def _are_texts(file: PublishedFile, paths: list[str]) -> bool:
    """Whether text files are what an archive was made for, though it has a data file too."""
    if file.folder is None:
        return sum("/" in path or not file.labelled for path in paths) >= MANY_TEXTS
    folder = _plain_folder(file.folder)
    parents = [path.rpartition("/")[0] for path in paths]
    return any((parent.rpartition("/")[0] if file.labelled else parent) == folder for parent in parents if parent)


def _group_of_split(file: PublishedFile, groups: dict[str, list[str]]) -> list[str]:
    """The only data file, or that which is called as the split, or lies in a folder that is."""
    if len(groups) == 1:
        return next(iter(groups.values()))
    names = {key: {re.split(r"[.#_-]", Path(key).name)[0], *Path(key).parent.parts} for key in groups}
    named = [] if file.undivided else [key for key in groups if file.name in names[key]]
    if len(named) != 1:
        first = [paths[0] for paths in groups.values()]
        key = file.key("file") if all(len(paths) == 1 for paths in groups.values()) else file.key("folder")
        raise BadInput(f"{file.path}: holds several data files, {quoted(first)}; set {key} to the right one's")
    return groups[named[0]]


def unpack_files(file: PublishedFile, form: str, paths: Sequence[str], folder: Path) -> list[Path]:
    """Write files of an archive.

    Args:
        file: the archive.
        form: "tar" or "zip".
        paths: of the files in it.
        folder: where to; it is made.

    Returns:
        What was written, in the order of the paths.

    Raises:
        BadInput: they are too large, or there is no room for them.
        EOFError: one is shorter than the archive says.
    """
    folder.mkdir()
    targets = {path: folder / str(number) for number, path in enumerate(paths)}
    for one in ARCHIVES[form](file):
        if one.path in targets and write_stream(file, one.member.open(), targets[one.path]) != one.member.size:
            raise EOFError(f"{one.path} ends early")
    return list(targets.values())


def write_stream(file: PublishedFile, stream: ByteStream, target: Path) -> int:
    """Write what a packed file holds, and give its length.

    Raises:
        BadInput: it is too large, or there is no room for it.
    """
    written = 0
    with target.open("wb") as opened:
        while chunk := stream.read(CHUNK):
            written += len(chunk)
            file.check_bytes(written)
            try:
                opened.write(chunk)
            except OSError as error:
                raise BadInput(
                    f"{file.path}: cannot be unpacked into {target.parent} ({error.strerror or error}); make room "
                    "there, or name another folder by TMPDIR"
                ) from error
    return written
