"""Which devices a job may use, and that nobody else has them."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pynvml
import pytest

from bert_ladder.runtime import leases
from bert_ladder.runtime.devices import has_bfloat16
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.runtime.leases import (
    SLOTS,
    claim_devices,
    compute_capabilities,
    lease_folder,
    machine_devices,
    slot_file,
    visible_devices,
)

PROJECT = Path(__file__).parents[3]
TRIALS = PROJECT / "bench" / "device_leases" / "trials.py"
TWO = [["GPU-aa11"], ["GPU-bb22"]]
MIG = [["GPU-aa11"], ["MIG-cc33", "MIG-cc44"]]


@pytest.mark.parametrize(
    ("machine", "given", "devices"),
    [
        (TWO, None, ["GPU-aa11", "GPU-bb22"]),
        (TWO, "1", ["GPU-bb22"]),
        (TWO, "1, 0", ["GPU-bb22", "GPU-aa11"]),
        (TWO, "GPU-bb22", ["GPU-bb22"]),
        (TWO, "GPU-b", ["GPU-bb22"]),
        (TWO, "", []),
        (TWO, "-1", []),
        (TWO, "NoDevFiles", []),
        (TWO, "0,-1,1", ["GPU-aa11"]),
        (MIG, None, ["GPU-aa11", "MIG-cc33", "MIG-cc44"]),
        (MIG, "1", ["MIG-cc33"]),
        (MIG, "MIG-cc44", ["MIG-cc44"]),
        (MIG, "MIG-GPU-5c89/1/0", ["MIG-GPU-5c89/1/0"]),
        ([], None, []),
        # Without a driver to ask, the scheduler is believed.
        ([], "0,3", ["0", "3"]),
        ([], "GPU-ffff", ["GPU-ffff"]),
    ],
)
def test_visible_devices(machine: list[list[str]], given: str | None, devices: list[str]) -> None:
    """Indexes, UUIDs, abbreviated ones and MIG names are honoured; nothing beyond them is taken."""
    assert visible_devices({} if given is None else {"CUDA_VISIBLE_DEVICES": given}, machine) == devices


@pytest.mark.parametrize(
    ("machine", "given", "sentence"),
    [
        (TWO, "0;1", "'0;1' is neither an index nor a name"),
        (TWO, "0,,1", "'' is neither an index nor a name"),
        (TWO, "gpu0", "'gpu0' is neither an index nor a name"),
        (TWO, "2", "2 is no device of this machine, which has GPU-aa11, GPU-bb22"),
        (TWO, "GPU-cc", "GPU-cc is no device of this machine"),
        ([["GPU-aa1"], ["GPU-aa2"]], "GPU-aa", "GPU-aa stands for several devices"),
        (TWO, "0,0", "GPU-aa11 is named twice"),
        (TWO, "0,GPU-aa11", "GPU-aa11 is named twice"),
    ],
)
def test_malformed_list_is_told(machine: list[list[str]], given: str, sentence: str) -> None:
    """One sentence with the list, what is wrong in it and what to do."""
    with pytest.raises(BadInput) as error:
        visible_devices({"CUDA_VISIBLE_DEVICES": given}, machine)
    assert sentence in str(error.value)
    assert repr(given) in str(error.value)


def test_machine_without_a_driver_has_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver, no devices."""

    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    assert machine_devices() == []


def test_devices_of_a_driver_have_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device its UUID, one in MIG mode those of its instances, of which there may be fewer than it has room for."""
    rooms = {"GPU-aa11": None, "GPU-bb22": ["MIG-cc33", None, "MIG-cc44"]}

    def mode(handle: str) -> list[int]:
        if rooms[handle] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [pynvml.NVML_DEVICE_MIG_ENABLE, pynvml.NVML_DEVICE_MIG_ENABLE]

    def instance(handle: str, index: int) -> str:
        if rooms[handle][index] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return rooms[handle][index]

    driver = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(rooms),
        "nvmlDeviceGetHandleByIndex": list(rooms).__getitem__,
        "nvmlDeviceGetUUID": lambda handle: handle,
        "nvmlDeviceGetMigMode": mode,
        "nvmlDeviceGetMaxMigDeviceCount": lambda handle: len(rooms[handle]),
        "nvmlDeviceGetMigDeviceHandleByIndex": instance,
        "nvmlDeviceGetCudaComputeCapability": {"GPU-aa11": [7, 5], "GPU-bb22": [9, 0]}.__getitem__,
    }
    for name, function in driver.items():
        monkeypatch.setattr(pynvml, name, function)
    assert machine_devices() == MIG
    assert compute_capabilities(["GPU-aa11"]) == [(7, 5)]
    assert compute_capabilities(["MIG-cc44"]) == [(9, 0)]
    assert compute_capabilities(["GPU-dd55", "0"]) == []
    assert [has_bfloat16(devices) for devices in (["GPU-aa11"], ["MIG-cc33"], ["GPU-aa11", "MIG-cc33"], ["0"])] == [
        *(False, True, False, False)
    ]


def test_devices_are_distinct_and_spread(tmp_path: Path) -> None:
    """Two jobs get two devices; with two jobs per device, the second round begins when each has one."""
    first = claim_devices(["0", "1"], 1, 2, tmp_path, "a")
    second = claim_devices(["0", "1"], 1, 2, tmp_path, "b")
    third = claim_devices(["0", "1"], 2, 2, tmp_path, "c")
    assert sorted(first.devices + second.devices) == ["0", "1"]
    assert sorted(third.devices) == ["0", "1"]
    for lease in (first, second, third):
        lease.release()


@pytest.mark.parametrize("holder", [1, 3])
def test_alone_means_alone(tmp_path: Path, holder: int) -> None:
    """Who wants a device alone waits for those who share it, and they for it."""
    first = claim_devices(["0"], 1, holder, tmp_path, "first")
    waiting = threading.Thread(
        target=lambda: claim_devices(["0"], 1, 4 - holder, tmp_path, "second", poll_seconds=0.01).release()
    )
    waiting.start()
    time.sleep(0.2)
    assert waiting.is_alive()
    first.release()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_all_or_none(tmp_path: Path) -> None:
    """Who wants two and finds one free holds none while it waits."""
    one = claim_devices(["0"], 1, 1, tmp_path, "one")
    assert leases._attempt(["0", "1"], 2, 1, tmp_path, "two") is None
    other = claim_devices(["1"], 1, 1, tmp_path, "three")
    one.release()
    other.release()


def test_job_says_what_it_waits_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the devices and who has them, once, and the lease how long it took."""
    caplog.set_level(logging.INFO)
    first = claim_devices(["0"], 1, 1, tmp_path, "BERT-Tiny, seed 1")
    threading.Timer(0.5, first.release).start()
    second = claim_devices(["0"], 1, 1, tmp_path, "BERT-Mini, seed 2", poll_seconds=0.01)
    second.release()
    assert 0.3 < second.waited < 10
    waits = [record.getMessage() for record in caplog.records]
    assert len(waits) == 1
    assert waits[0].startswith("BERT-Mini, seed 2 waits for 1 of the devices 0, which are held by BERT-Tiny, seed 1")
    assert f"process {os.getpid()}" in waits[0]


def test_killed_holder_frees_its_device(tmp_path: Path) -> None:
    """The kernel gives back what a process held that could not clean up."""
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT / 'scripts')!r})\n"
        "from pathlib import Path\nfrom bert_ladder.runtime.leases import claim_devices\nimport time\n"
        f"lease = claim_devices(['0'], 1, 1, Path({str(tmp_path)!r}), 'x')\nprint('held', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert leases._attempt(["0"], 1, 1, tmp_path, "y") is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    claim_devices(["0"], 1, 1, tmp_path, "y").release()


def test_more_devices_than_there_are(tmp_path: Path) -> None:
    """Three of two is told at once instead of waited for."""
    with pytest.raises(BadInput, match="asks for 3 devices and 2 can be used here"):
        claim_devices(["0", "1"], 3, 1, tmp_path, "Row, seed 1")
    with pytest.raises(BadInput, match=f"jobs_per_gpu is {SLOTS + 1}; give a number from 1 to {SLOTS}"):
        claim_devices(["0", "1"], 1, SLOTS + 1, tmp_path, "Row, seed 1")


def test_folder_of_the_locks(tmp_path: Path) -> None:
    """One folder per user and host, one per Slurm job; one that cannot be written is told."""
    given = {"BERT_LADDER_LEASES": str(tmp_path / "leases")}
    assert lease_folder(given) == tmp_path / "leases"
    assert (tmp_path / "leases").stat().st_mode & 0o777 == 0o700
    assert lease_folder(given | {"SLURM_JOB_ID": "17"}) == tmp_path / "leases" / "slurm-17"
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file, where devices are claimed, cannot be used: .*set BERT_LADDER_LEASES"):
        lease_folder({"BERT_LADDER_LEASES": str(tmp_path / "file")})


def test_names_with_slashes_make_files(tmp_path: Path) -> None:
    """A MIG name of the old form stays in the folder."""
    lease = claim_devices(["MIG-GPU-5c89/1/0"], 1, 1, tmp_path, "x")
    assert slot_file(tmp_path, "MIG-GPU-5c89/1/0", 0).is_file()
    lease.release()


def run_trials(number: int, before: str = "") -> str:
    """What the trials print, in a process of their own: forks of one that has TensorFlow loaded are slow."""
    code = f"import sys; sys.path.insert(0, {str(TRIALS.parent)!r}); import trials\n{before}\ntrials.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--trials", str(number)], capture_output=True, text=True, timeout=300
    )
    assert not done.stderr
    assert done.returncode == ("held twice: 0; left locked: 0\n" not in done.stdout)
    return done.stdout


def test_no_slot_is_held_twice_and_none_stays_locked() -> None:
    """500 processes that claim one to four devices, share them or not, end or are killed at random."""
    printed = run_trials(500)
    assert "held twice: 0; left locked: 0" in printed
    for ending in ("finished", "killed"):
        assert int(re.search(rf"(\d+) {ending}", printed)[1]) > 50


def test_trials_would_see_a_slot_held_twice() -> None:
    """The trials can fail: without locks they find overlaps."""
    unlocked = "leases._lock_all = lambda files: [leases.FileLock(file) for file in files]"
    printed = run_trials(60, f"from bert_ladder.runtime import leases; {unlocked}")
    assert "held twice: 0" not in printed
