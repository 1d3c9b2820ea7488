# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of QEMU's `-trace spapr_iommu_*`, as numbers. Formats: hw/ppc/trace-events."""

import re

from ddwcheck import BadInput

PREFIX = "spapr_iommu_"
_STAMPED = re.compile(rf"[0-9]+@[0-9.]+:{PREFIX}")
_NUMBER = "(0x[0-9a-f]{1,16})"
_COUNT = "([0-9]{1,20})"
_STATUS = "ret=(-?[0-9]{1,20})"
_PE = f"buid={_NUMBER} addr={_NUMBER}"
_PUT = f"liobn={_NUMBER} ioba={_NUMBER} tce={_NUMBER} {_STATUS}"
_STUFF = f"liobn={_NUMBER} ioba={_NUMBER} tcevalue={_NUMBER} npages={_COUNT} {_STATUS}"
_LIST = f"liobn={_NUMBER} ioba={_NUMBER} tcelist=0x[0-9a-f]{{1,16}} iobaN={_NUMBER} tceN={_NUMBER} {_STATUS}"
_FORMS = {
    kind: re.compile(form)
    for kind, form in {
        "put": _PUT,
        "pci_put": _PUT,
        "stuff": _STUFF,
        "pci_stuff": _STUFF,
        "indirect": _LIST,
        "pci_indirect": _LIST,
        "ddw_query": f"{_PE}, {_COUNT} windows available, max window size={_NUMBER}, mask={_NUMBER}",
        "ddw_create": f"{_PE}, page size={_NUMBER}, requested={_NUMBER}, start addr={_NUMBER}, liobn={_NUMBER}",
        "ddw_remove": f"liobn={_NUMBER}",
        "ddw_reset": _PE,
        "new_table": rf"liobn={_NUMBER} table=\S+ fd=-?[0-9]+",
        "xlate": f"liobn={_NUMBER} {_NUMBER} -> {_NUMBER} perm=([0-3]) mask={_NUMBER}",
    }.items()
}
_OTHER = {"pci_get", "get"}
"""Events of which nothing can be said: reading."""


def parse(line: str, where: str, number: int) -> tuple[str, list[int]] | None:
    """The kind of an event and its numbers, in the line's order; None for one that says nothing.

    where, number: file and line, for BadInput, which a line raises that has not the whole format of its kind.
    """
    _, _, event = line.partition(PREFIX)
    kind, _, said = event.partition(" ")
    if kind in _OTHER:
        return None
    form = _FORMS.get(kind)
    match = form.fullmatch(said) if form else None
    if match is None or not (line.startswith(PREFIX) or _STAMPED.match(line)):
        raise BadInput(f"{where}:{number}: cannot read this line of -trace {PREFIX}*")
    return kind, [int(text, 0) for text in match.groups()]
