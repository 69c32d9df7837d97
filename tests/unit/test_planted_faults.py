"""The list of planted faults keeps up with the code and the tests."""

import ast
from pathlib import Path

import pytest

from plant_faults import Fault, plant, read_faults
from workspace import PROJECT

FAULTS = read_faults()


def test_faults_are_twenty_of_different_names() -> None:
    """None is left out, and each can be asked for."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) == 23


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_applies_and_its_tests_exist(fault: Fault) -> None:
    """Its old text stands in the code once, the new one is another, and what must catch it is there."""
    assert (PROJECT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert fault.new != fault.old
    assert fault.tests
    for test in fault.tests:
        file, _, function = test.partition("::")
        tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_fault_that_no_longer_applies_is_refused(tmp_path: Path) -> None:
    """A text that is gone, or stands there twice, is not replaced."""
    fault = Fault("name", "code.py", old="a = 1", new="a = 2", tests=[], breaks="")
    for text, count in (("b = 1\n", 0), ("a = 1\na = 1\n", 2)):
        (tmp_path / "code.py").write_text(text)
        with pytest.raises(ValueError, match=rf"^code\.py has 'a = 1' {count} times$"):
            plant(fault, tmp_path)
        assert (tmp_path / "code.py").read_text() == text
    (tmp_path / "code.py").write_text("a = 1\nb = 1\n")
    plant(fault, tmp_path)
    assert (tmp_path / "code.py").read_text() == "a = 2\nb = 1\n"
