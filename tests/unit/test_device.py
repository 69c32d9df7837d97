"""What a job settles before its engine starts."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
LOOP = """
import resource, sys
sys.path.insert(0, {scripts!r})
from _device import keep_freed_memory
if {keep}:
    keep_freed_memory()
for _ in range(20):
    b"x" * 64_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def page_faults(keep: bool) -> int:
    """Page faults of a process that takes and frees 64 MB twenty times."""
    code = LOOP.format(scripts=str(SCRIPTS), keep=keep)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def test_freed_memory_is_used_again() -> None:
    """What was freed is not given back to the system, to be faulted in again by the next step."""
    assert page_faults(keep=True) < page_faults(keep=False) / 3
