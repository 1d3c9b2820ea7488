# SPDX-License-Identifier: GPL-2.0-or-later
"""A theorem about compiled code: that one decision of it is the model's rule of that release, within stated bounds."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from model.guest.kernel import Kernel
from proofs.binary.formula import Code, Told
from proofs.case import Case, Claim
from proofs.prover import Proof, Rule, Theorem, prove
from proofs.release import kernel_of

RLIMIT = 200_000_000
"""z3 resource units for one comparison; up to a minute."""
PAGE = 16
"""log2 of the kernel's page that the programs are compiled with."""
ALL = ("6.1", "6.12", "7.2", "7.3")


class CodeCase(Case):
    """Any input of a decision, for the code and for the rule. code: whose decision it is."""

    code: Code

    def asks(self, *words: Any) -> Told:
        """What the code says to these words."""
        return self.code.decide(getattr(self.inputs, "run", None), words)


@dataclass(frozen=True)
class Comparison:
    """What `body` claims holds of a decision of the code with the rule that a release has, and not with a wrong one.

    function: the kernel's, as the table names it. asked, told: how many words. bound: on the words that are asked, so that
    loops end; what the theorem assumes must imply it. merge: whether ways through the code that meet are one path. rule: the
    release's. wrong: rules that it must tell from the release's; those of the reference or another release are among them.
    """

    body: Callable[[Any], Claim]
    case: type[CodeCase]
    function: str
    decision: str
    asked: int
    told: int
    bound: Callable[..., Any]
    rule: Callable[[type[Kernel]], Rule]
    wrong: tuple[Rule, ...]
    merge: bool
    releases: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the theorem."""
        return self.body.__name__

    @property
    def sentence(self) -> str:
        """The theorem in words."""
        return re.sub(r"\s+", " ", self.body.__doc__ or "").strip()

    def judge(self, code: Code, release: str, rlimit: int = RLIMIT) -> tuple[Proof, dict[str, Proof]]:
        """The proof for a release's code, and that of each wrong rule by name."""
        kernel = kernel_of(release)
        case = type(self.case.__name__, (self.case,), {"code": code})
        right = prove(Theorem(self.body, case, self.rule(kernel), kernel=kernel), rlimit)
        wrong = {
            rule.__name__: prove(Theorem(self.body, case, rule, covers=False, kernel=kernel), rlimit)
            for rule in self.wrong
        }
        return right, wrong


COMPARISONS: dict[str, Comparison] = {}
"""All by name."""


def comparison(
    function: str,
    decision: str,
    asked: int,
    told: int,
    rule: Callable[[type[Kernel]], Rule],
    wrong: Rule | tuple[Rule, ...],
    bound: Callable[..., Any] = lambda *_: True,
    merge: bool = False,
    releases: tuple[str, ...] = ALL,
) -> Callable[[Callable[[Any], Claim]], Comparison]:
    """Register a theorem; the type of its parameter `c` is its case. ValueError if there is no wrong rule."""
    wrongs = wrong if isinstance(wrong, tuple) else (wrong,)
    if not wrongs:
        raise ValueError("a comparison needs a wrong rule")

    def register(body: Callable[[Any], Claim]) -> Comparison:
        case = get_type_hints(body)["c"]
        made = Comparison(body, case, function, decision, asked, told, bound, rule, wrongs, merge, releases)
        COMPARISONS[made.name] = made
        return made

    return register
