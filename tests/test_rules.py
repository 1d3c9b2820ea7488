# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of the guest's rules: what it names, what it misses in a tree, and that the main job runs every rule."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ddwcheck.main import main
from ddwcheck.rules import named_in, rule_map, rules, users
from model.guest.kernel import Kernel
from properties.machine import SHARDS, machine_of, seeded
from properties.settings import CI
from tests.test_kernel_tree import kernel


def test_every_file_of_rules_names_what_it_restates() -> None:
    assert len(list(rules())) > 100
    assert not [file for file, (_, functions) in rule_map().items() if not functions]
    assert "enable.py" in users()["enable_ddw()"]


def test_names_that_a_function_has_had_count_as_one() -> None:
    assert named_in("Linux: iommu_map_page()/iommu_map_phys(), walk().") == [
        "iommu_map_page()/iommu_map_phys()",
        "walk()",
    ]


@pytest.mark.parametrize("lacking", ["", "enable_ddw"])
def test_a_function_that_a_tree_lacks_is_named(
    lacking: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = kernel(tmp_path / "linux")
    functions = "".join(f"{name}\n" for name in users() if lacking != name[:-2])
    (tree / "arch/powerpc/kernel/iommu.c").write_text(functions)
    assert main(["rules", str(tree)]) == (1 if lacking else 0)
    said = capsys.readouterr().out
    assert (f"{lacking}(), restated in " in said) if lacking else f"all {len(users())} functions" in said


def test_what_is_no_tree_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", str(tmp_path)]) == 2
    assert "no kernel tree" in capsys.readouterr().err


def counting(counts: Counter[str]) -> type[Kernel]:
    """The reference guest, which counts how often each rule runs."""

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            counts[name] += 1
            return function(*args, **named)

        return run

    made = {
        name: staticmethod(counted(name, function))
        if isinstance(vars(Kernel)[name], staticmethod)
        else counted(name, function)
        for name, function in rules()
    }
    return type("Counting", (Kernel,), made)


def test_the_main_job_runs_every_rule() -> None:
    counts = Counter[str]()
    for shard in SHARDS:
        machine = seeded(machine_of(*shard, counting(counts)), shard)
        run_state_machine_as_test(machine, settings=settings(CI, max_examples=25, phases=[Phase.generate]))
    assert not [name for name, _ in rules() if not counts[name]]
