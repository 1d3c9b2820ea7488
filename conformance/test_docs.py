# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of docs/ on a real kernel: a reader who types their commands sees what they show."""

from pathlib import Path

import pytest

from conformance.conftest import tree_of
from tests import docs

PAGES = [page for page in docs.PAGES if "```console kernel" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_comes_out_as_shown(page: Path, tmp_path: Path) -> None:
    assert tree_of("7.3").version == (7, 3)  # fetched before the clock of the page runs
    todo = docs.commands(page.read_text(), ["console", "console kernel"])
    for command, ran in zip(todo, docs.run(todo, tmp_path), strict=True):
        assert docs.missing(command, ran) is None, f"{command.line}\n{ran.said}"
