"""What a file is by its first bytes, whatever its name says."""

import zipfile
from pathlib import PurePosixPath

from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.readers.streams import compression_by, compression_of, first_bytes

SPREADSHEET = "a spreadsheet; save it as CSV (UTF-8) and give that file"
_WORD = "a document; save its table as CSV (UTF-8) and give that file"
# Forms that are not read, as the end of a sentence.
_FOREIGN = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": SPREADSHEET,
    b"%PDF-": _WORD,
    b"{\\rtf": _WORD,
    b"SQLite format 3\0": "an SQLite database; export the table as csv and give that file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file; write its texts and labels as parquet or csv and give that file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it and give the data file",
    b"Rar!\x1a\x07": "a rar archive; unpack it and give the data file",
    b"\x1f\x9d": "packed by compress; unpack it and give the data file",
    b"\x04\x22\x4d\x18": "packed by lz4; unpack it and give the data file",
    b"FEA1\0": "feather of version 1; write it again as parquet and give that file",
    b"Obj\x01": "an Avro file; write its texts and labels as parquet or csv and give that file",
    b"\x93NUMPY": "a single array (npy); write texts and labels into one npz with numpy.savez",
    b"<?xml": "XML; write its texts and labels as csv or jsonl and give that file",
}
_PICKLE = "a pickle, which could run any code and is never opened; write its texts and labels as parquet or csv"

# How names of such files end, and of those that are packed in an archive once more.
FOREIGN_ENDINGS = {
    **dict.fromkeys(("xlsx", "xls", "xlsm", "xlsb", "ods", "numbers"), SPREADSHEET),
    **dict.fromkeys(("pdf", "docx", "doc", "odt", "rtf"), _WORD),
    **dict.fromkeys(("pkl", "pickle"), _PICKLE),
    **dict.fromkeys(("db", "sqlite", "sqlite3"), _FOREIGN[b"SQLite format 3\0"]),
    **dict.fromkeys(("h5", "hdf5"), _FOREIGN[b"\x89HDF\r\n\x1a\n"]),
    **dict.fromkeys(
        ("zip", "tar", "tgz", "gz", "bz2", "xz", "zst", "7z", "rar"), "packed itself; unpack it and give what it holds"
    ),
    "xml": _FOREIGN[b"<?xml"],
}


def told_form(file: PublishedFile) -> tuple[str | None, str | None]:
    """The form that a file's first bytes tell, and why such a one is not read; None where they do not tell.

    Returns:
        One of "parquet", "arrow", "npz", "zip", "tar" and "json", or None; the end of a sentence about a form that is
        not read, or None.
    """
    start = first_bytes(file.content, 1024)
    foreign = next((what for magic, what in _FOREIGN.items() if start.startswith(magic)), None)
    if foreign is None and (compression := compression_by(start)):
        foreign = f"packed twice, the second time by {compression}; unpack it once"
    if foreign is None and start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5" and len(start) > 2:
        foreign = _PICKLE
    if foreign is not None:
        return None, foreign
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _form_of_zip(file)
    if start.startswith(b"PAR1\x15"):
        return "parquet", None
    if start.startswith((b"ARROW1\0\0", b"\xff\xff\xff\xff")):
        return "arrow", None
    if start[257:262] == b"ustar":
        return "tar", None
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_json = text.startswith(b"{") and text[1:].lstrip()[:1] in (b'"', b"}")
    is_array = text.startswith(b"[") and text[1:].lstrip()[:1] == b"{"
    return ("json" if is_json or is_array else None), None


def _form_of_zip(file: PublishedFile) -> tuple[str | None, str | None]:
    """What a zip is; one inside a compressed file has to be unpacked first."""
    if compression_of(file.content):
        return "zip", None
    try:
        with zipfile.ZipFile(file.content) as opened:
            names = opened.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError):
        return None, None  # damaged: its reader tells how
    if "[Content_Types].xml" in names or "mimetype" in names:
        is_word = any(name.startswith("word/") for name in names)
        return None, _WORD if is_word else SPREADSHEET
    if any(PurePosixPath(name).suffix == ".iwa" for name in names):
        return None, SPREADSHEET
    return ("npz" if names and all(name.endswith(".npy") for name in names) else "zip"), None
