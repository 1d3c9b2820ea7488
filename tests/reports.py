# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden reports, one for each invariant that 6.12 breaks on a kept trace. `python -m tests.reports` writes them."""

from dataclasses import replace
from pathlib import Path

from conformance import baseline
from conformance.cause import causes
from conformance.shrink import shrink
from conformance.survey import fingerprint, watch
from ddwcheck import report
from ddwcheck.need import needs
from model.defects import apply, catalogue
from model.guest.kernel import Kernel
from model.run import GuestMaker
from model.trace import Trace
from proofs.conditions import condition_of

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "vectors" / "reports"
RELEASE = "6.12"


def findings() -> dict[str, tuple[str, Trace]]:
    """By invariant the first finding of the baseline that the model explains: its fingerprint and trace."""
    found: dict[str, tuple[str, Trace]] = {}
    for name, known in baseline.load(ROOT / "conformance" / f"baseline-{RELEASE}.json").items():
        invariant = name.partition(":")[0]
        if invariant not in found and (defects := causes(name, known.trace, RELEASE)):
            ids = tuple(defect.id for defect in defects)
            if _shows(name, known.trace, _guest(ids)):
                found[invariant] = name, replace(known.trace, defects=ids, found="the baseline of 6.12")
    return found


def _guest(defects: tuple[str, ...]) -> GuestMaker:
    return apply(Kernel, [catalogue()[name] for name in defects])


def _shows(name: str, trace: Trace, guest: GuestMaker) -> bool:
    return any(sight.fingerprint == name for sight in watch(trace, guest)[0])


def rendered(name: str, trace: Trace) -> str:
    """The report on a finding, shrunk, without the line that tells the versions of what ran."""
    guest = _guest(trace.defects)
    small = shrink(trace, lambda other: _shows(name, other, guest))
    sights, run = watch(small, guest)
    assert run is not None
    need = needs(small, lambda other: _shows(name, other, guest), condition_of(list(trace.defects)))
    violations = [sight.violation for sight in sights if sight.fingerprint == name]
    assert fingerprint(run.history[-1].step.event, violations[0]) == name
    text = report.render(Path("counterexamples") / name.partition(":")[0], run, violations, small, (), need)
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("ddwcheck 0."))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for invariant, (name, trace) in findings().items():
        (FOLDER / f"{invariant}.txt").write_text(rendered(name, trace))
