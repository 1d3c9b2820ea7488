# SPDX-License-Identifier: GPL-2.0-or-later
"""What the conformance tests run on: the kernel trees of Debian, fetched once into the user's cache, and a QEMU."""

import os
from collections.abc import Iterator

import pytest

from conformance.kernel.kernels import Kernels
from conformance.kernel.sources import fetch
from conformance.kernel.tree import Tree, read_tree
from conformance.qemu.hypervisor import QemuHypervisor
from ddwcheck.sources import cache_folder
from model.run import pe_of

RELEASES = os.environ.get("DDWCHECK_RELEASES", "6.12 7.3").split()
"""Those to test: the first release with the split and the newest, unless the environment names others."""


def tree_of(release: str) -> Tree:
    """The tree of a release."""
    cache = cache_folder(None)
    return read_tree(fetch(release, cache), cache)


@pytest.fixture(scope="module", params=RELEASES)
def kernels(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """The programs of one release."""
    with Kernels(tree_of(request.param), cache_folder(None) / "programs") as programs:
        yield programs


@pytest.fixture
def hypervisor() -> Iterator[QemuHypervisor]:
    """A machine with two PEs."""
    with QemuHypervisor(cache_folder(None) / "qemu", [pe_of(0), pe_of(1)]) as running:
        yield running
