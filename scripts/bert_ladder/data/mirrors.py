"""Brings a published data file here from the first mirror that gives it."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bert_ladder.files.downloading import PATIENCE, Patience, Unavailable, fetch_file, is_http, local_path
from bert_ladder.files.folders import fetch_folder
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.addresses import without_password

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """A published file, and who wants it.

    Attributes:
        locations: local paths, file://, http:// and https:// addresses, in order of preference.
        sha256: expected SHA-256 in hexadecimal; None = recorded only.
        study: name of the study.
    """

    locations: Sequence[str]
    sha256: str | None = None
    study: str = ""


def download_dataset(
    published: Published,
    path_data: str | Path,
    path_record: str | Path,
    params: Mapping[str, Any],
    patience: Patience = PATIENCE,
) -> None:
    """Fetch a file from the first location that gives it.

    A download that was cut stays beside the target as `<file>.part` and is continued by the next call where the
    server allows it and its file has not changed. The file appears under its own name only when it is whole.

    Args:
        published: the file.
        path_data: file to write.
        path_record: JSON file to write: source, sha256, bytes, retrieved (ISO 8601), verified, study, params.
        params: what Snakemake compared.
        patience: attempts, waits and time-outs.

    Raises:
        BadInput: no location gave the file; the sentence gives the reason of each.
    """
    target, sha256 = Path(path_data), published.sha256
    reasons = []
    for location in published.locations:
        shown = without_password(location)
        log.info("from %s", shown)
        try:
            folder = None if is_http(location) else local_path(location)
            if folder is not None and folder.is_dir():
                found = fetch_folder(folder, target, sha256)
            else:
                found = fetch_file(location, target, sha256, patience)
        except Unavailable as reason:
            log.warning("%s: %s", shown, reason)
            reasons.append(f"{shown} ({reason})")
            continue
        record = {
            "source": shown,
            "sha256": found,
            "bytes": target.stat().st_size,
            "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
            "verified": sha256 is not None,
            "study": published.study,
            "params": dict(params),
        }
        Path(path_record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        log.info("%s bytes, SHA-256 %s%s", f"{record['bytes']:,}", found, "" if sha256 else " (recorded, not verified)")
        return
    raise BadInput(
        f"{target.name}: no location gave the file: {'; '.join(reasons)}; correct dataset.<split>.url, or put the "
        "file on this machine yourself and name its path there"
    )
