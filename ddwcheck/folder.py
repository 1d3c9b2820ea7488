# SPDX-License-Identifier: GPL-2.0-or-later
"""What every counterexample folder has, whatever found it: its text, its data, its page, and a picture where it has maps."""

import json
from pathlib import Path

from ddwcheck import exhibit, page
from ddwcheck.drawing import svg
from ddwcheck.exhibit import Exhibit
from ddwcheck.page import Leaf
from ddwcheck.picture import Picture


def write(folder: Path, shown: Exhibit, text: str, kept: str, drawn: Picture | None) -> Path:
    """Write the folder, replacing an older one of the same name; OSError if it cannot.

    text: of the report. kept: what was run, for the file that the exhibit names. drawn: None if there is nothing to see.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / shown.kept).write_text(kept)
    (folder / "report.txt").write_text(text)
    (folder / "finding.json").write_text(json.dumps(exhibit.to_json(shown)) + "\n")
    if drawn is not None:
        (folder / "windows.svg").write_text(svg(drawn))
    page.write(folder / "index.html", [Leaf(folder.name, shown, text)])
    return folder
