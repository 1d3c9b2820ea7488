# SPDX-License-Identifier: GPL-2.0-or-later
"""What each verb's --help shows as examples. Those that need nothing but the repository are run by a test."""

from enum import Enum
from typing import NamedTuple


class Needs(Enum):
    """What an example needs beyond this repository."""

    NOTHING = "nothing"
    KERNEL = "a kernel tree, gcc"
    ANGR = "an environment with angr, sources, gcc"
    QEMU = "QEMU"
    TIME = "some minutes"
    NETWORK = "the network, or sources fetched before"


class Example(NamedTuple):
    """A command, what it does, and the exit code that it ends with."""

    command: str
    what: str
    needs: Needs = Needs.NOTHING
    code: int = 0


VECTOR = "tests/vectors/split-unmap-leak"
LOG = "tests/vectors/dmesg/powervm-nvme-2m-direct.log"

EXAMPLES = {
    "log": (
        Example(f"ddwcheck log {LOG}", "what a kernel decided, and does any line break a rule?"),
        Example(f"ddwcheck log --format json {LOG}", "the same for a program"),
    ),
    "explain": (
        Example("ddwcheck explain --ram-max 64G", "a dedicated adapter, 64 GiB of RAM"),
        Example("ddwcheck explain --profile powervm-sriov --ram-max 2^36 --vpmem", "an SR-IOV function with vPMEM: a split"),
        Example("ddwcheck explain --block 0x30000 --ram-max 2^39 --release 6.12", "what 6.12 makes of an odd block", code=1),
        Example("ddwcheck explain --event unmap", "what the kernel does on an event, function by function"),
        Example(f"ddwcheck explain {VECTOR}", "the events of a trace, step by step", code=1),
    ),
    "kernel": (
        Example("ddwcheck kernel ~/linux --since HEAD^", "what the last commit breaks or mends", Needs.KERNEL),
        Example("ddwcheck kernel ~/linux --time 600 --sanitize", "ten minutes, with ASan and UBSan", Needs.KERNEL),
        Example("ddwcheck kernel ~/linux --format sarif > ddw.sarif", "findings at the tree's lines", Needs.KERNEL),
        Example("ddwcheck kernel ~/linux --baseline conformance/baseline-7.3.json --format ktap",
                "for kernel CI: only what is new fails", Needs.KERNEL),
    ),
    "replay": (
        Example(f"ddwcheck replay {VECTOR}", "run a counterexample again", code=1),
        Example(f"ddwcheck replay {VECTOR} --fixed-defects all", "is it gone with the defect fixed?"),
        Example(f"ddwcheck replay -v {VECTOR}", "with each call, and a map of what broke", code=1),
        Example(f"ddwcheck replay {VECTOR} --tree ~/linux", "on a kernel's own C", Needs.KERNEL),
    ),
    "qemu": (
        Example("ddwcheck qemu --calls 20000", "some calls on a real QEMU", Needs.QEMU),
        Example("ddwcheck qemu --seed 7 --format ktap", "others, as a test report", Needs.QEMU),
    ),
    "prove": (
        Example("ddwcheck prove", "every theorem; what is proved is kept", Needs.TIME),
        Example("ddwcheck prove test_pools.py --report /tmp/pools.json", "those of one file"),
        Example("ddwcheck prove --release 6.12", "which theorems that release loses", Needs.TIME, code=1),
    ),
    "boot": (
        Example("ddwcheck boot", "every scenario, judged", Needs.QEMU),
        Example("ddwcheck boot --keep /tmp/boots 6.12-virtio", "one of them, with its record kept", Needs.QEMU),
    ),
    "page": (
        Example(f"ddwcheck page {VECTOR} -o /tmp/ddwcheck.html", "a counterexample to step through in a browser"),
    ),
    "rules": (
        Example("ddwcheck rules", "which kernel functions each rule of the model restates"),
        Example("ddwcheck rules ~/linux", "which of them this tree does not have", Needs.KERNEL),
    ),
    "binary": (
        Example("ddwcheck binary", "every decision of every release's code", Needs.ANGR),
        Example("ddwcheck binary --release 7.3 'iommu_*'", "some of them in one", Needs.ANGR),
    ),
    "sources": (
        Example("ddwcheck sources 7.3", "one release, and where it is", Needs.NETWORK),
        Example("ddwcheck sources", "all that the suite is tested on", Needs.NETWORK),
    ),
    "findings": (
        Example("ddwcheck findings", "all that FINDINGS.md lists, below findings/", Needs.KERNEL),
        Example("ddwcheck findings F1 Q2 --out /tmp/two", "two of them", Needs.QEMU),
    ),
    "doctor": (
        Example("ddwcheck doctor", "everything; always exit 0"),
        Example("ddwcheck doctor prove second", "is all there for the proofs? Exit 3 if not"),
    ),
    "readme": (
        Example("ddwcheck readme", "are its tables what the code says?"),
    ),
}  # fmt: skip
"""By verb."""


def epilog(verb: str) -> str:
    """The examples as the end of a help text, in lines that are not to be filled."""
    lines = [line for example in EXAMPLES[verb] for line in (f"  {example.command}", f"      {example.what}")]
    return "\b\nExamples:\n" + "\n".join(lines)
