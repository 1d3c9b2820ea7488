# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck sources`: the kernel sources that the suite is tested on, and the folder where they are kept."""

import os
from collections.abc import Sequence
from pathlib import Path

from conformance.kernel.apt import NoSource
from conformance.kernel.sources import fetch
from conformance.kernel.tree import BadTree, read_tree
from ddwcheck import BadInput, Verdict


def cache_folder(given: str | None) -> Path:
    """The folder for what is fetched and unpacked: the given one, or ddwcheck in the user's cache."""
    if given is not None:
        return Path(given)
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "ddwcheck"


def get(versions: Sequence[str], cache: str | None) -> tuple[list[str], Verdict]:
    """Fetch each source that is not there yet; the lines say its release and where it is. BadInput if one is not had."""
    folder = cache_folder(cache)
    try:
        trees = [read_tree(fetch(version, folder), folder) for version in versions]
    except (NoSource, BadTree) as error:
        raise BadInput(str(error)) from None
    return [f"{tree.release:12} {tree.root}" for tree in trees], Verdict.HOLDS
