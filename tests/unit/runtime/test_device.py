"""What a job settles before its engine starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bert_ladder.runtime.devices import devices_asked, has_bfloat16, refuse_copies, uses_onednn
from bert_ladder.runtime.jobs import BadInput

SCRIPTS = Path(__file__).parents[3] / "scripts"
LOOP = """
import resource, sys
sys.path.insert(0, {scripts!r})
from bert_ladder.runtime.devices import keep_freed_memory
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


def environment_after(code: str, **environment: str) -> dict[str, str]:
    """The environment of a process after it ran some code of a job's start, and what it printed as log."""
    program = (
        f"import json, logging, os, sys\nsys.path.insert(0, {str(SCRIPTS)!r})\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stderr)\n"
        "from bert_ladder.runtime.devices import lease_device, set_up_device\n"
        f"{code}\nprint(json.dumps(dict(os.environ)))\n"
    )
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("CUDA_", "SLURM_", "XLA_", "TF_"))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=plain | environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"log": done.stderr}


def test_job_sees_only_what_it_has_claimed(tmp_path: Path) -> None:
    """Of two devices a job sees one; the second job, at the same time, the other one."""
    given = {"CUDA_VISIBLE_DEVICES": "0,1", "BERT_LADDER_LEASES": str(tmp_path)}
    code = (
        "first = lease_device(3, {'gpu': 1}, 'first'); one = os.environ['CUDA_VISIBLE_DEVICES']\n"
        "os.environ |= {'CUDA_VISIBLE_DEVICES': '0,1', 'ONE': one}\nsecond = lease_device(3, {'gpu': 1}, 'second')"
    )
    after = environment_after(code, **given)
    assert sorted([after["ONE"], after["CUDA_VISIBLE_DEVICES"]]) == ["0", "1"]
    assert after["OMP_NUM_THREADS"] == after["TF_NUM_INTRAOP_THREADS"] == "3"
    assert "first has device 0" in after["log"]
    assert "second has device 1" in after["log"]


def test_shared_device_is_shared_by_share(tmp_path: Path) -> None:
    """JAX is told its part of the memory, TensorFlow to take only what it needs."""
    given = {"CUDA_VISIBLE_DEVICES": "0", "BERT_LADDER_LEASES": str(tmp_path)}
    after = environment_after("lease = lease_device(1, {'gpu': 1, 'jobs_per_gpu': 3}, 'x')", **given)
    assert after["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.250"
    assert after["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "shared by up to 3 jobs" in after["log"]


@pytest.mark.parametrize(("gpu", "said"), [(0, "no GPU was asked for"), (1, "no GPU is here")])
def test_cpu_is_used_without_a_gpu(gpu: int, said: str) -> None:
    """The log says once that the CPU is used, with how many threads and why."""
    after = environment_after(f"lease_device(2, {{'gpu': {gpu}}}, 'Row, seed 1')", CUDA_VISIBLE_DEVICES="")
    assert after["log"].count("has the CPU with 2 threads") == 1
    assert said in after["log"]
    assert after["CUDA_VISIBLE_DEVICES"] == "-1"


def test_copies_started_by_one_srun_are_refused() -> None:
    """srun with several tasks would train the same run several times."""
    with pytest.raises(BadInput, match=r"Row was started 2 times by one srun .* give its rule nodes=1 and no tasks"):
        refuse_copies({"SLURM_STEP_NUM_TASKS": "2"}, "Row")
    refuse_copies({"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "4"}, "Row")


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ({}, 0),
        ({"gpu": 2}, 2),
        ({"gpu": 0, "gres": "gpu:1"}, 1),
        ({"gres": "gpu"}, 1),
        ({"gres": "gpu:3"}, 3),
        ({"gres": "gpu:a100"}, 1),
        ({"gres": "gpu:a100:2"}, 2),
        ({"gres": "gpu:a100-sxm4:2,nvme:1"}, 2),
        ({"gres": "gpu:1g.5gb"}, 1),
        ({"gres": "gpu:3g.20gb:2"}, 2),
        ({"gres": "license:2"}, 0),
        ({"gres": "gpus:2"}, 0),
    ],
)
def test_devices_asked_in_either_way(resources: dict[str, int | str], count: int) -> None:
    """Snakemake's gpu and Slurm's gres say the same."""
    assert devices_asked(resources) == count


@pytest.mark.parametrize(("given", "used"), [({}, True), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, False)])
def test_onednn_is_on_unless_the_user_says_no(given: dict[str, str], used: bool) -> None:
    """TensorFlow would switch it on by the processor; what the user has set is kept."""
    after = environment_after("set_up_device(1)", **given)
    assert uses_onednn(after) is used
    assert after["TF_ENABLE_ONEDNN_OPTS"] == given.get("TF_ENABLE_ONEDNN_OPTS", "1")


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_tile amx_bf16", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("Features\t: fp asimd bf16", True),
        ("model name\t: bf16", False),
    ],
)
def test_bfloat16_is_a_flag_of_the_processor(line: str, has: bool, tmp_path: Path) -> None:
    """As the kernel tells it, on x86 and on Arm; where it tells nothing there is none."""
    cpuinfo = tmp_path / "cpuinfo"
    assert not has_bfloat16([], cpuinfo)
    cpuinfo.write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    assert has_bfloat16([], cpuinfo) is has
