# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that are wrong on purpose and that nobody ever shipped; one file each, in the form of `model.defects`."""

import importlib
import pkgutil

from model.defects import Defect


def mutants() -> dict[str, Defect]:
    """All mutants by id."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.DEFECT for module in modules]
    return {defect.id: defect for defect in sorted(found, key=lambda d: d.id)}
