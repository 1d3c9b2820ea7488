# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the machines run: profiles `ci`, `nightly`, `soak`; `--hypothesis-profile NAME` picks one.

Every machine has a seed of its own (`properties.machine.seeded`), so each profile is deterministic given
`--hypothesis-seed`, which is 0 if not named.

Health checks are set here because Hypothesis turns all of them off for a machine without settings of its own. Only
`too_slow` is off: it measures time on machines that are shared.
"""

from hypothesis import HealthCheck, settings

COMMON = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
    print_blob=False,
    database=None,
)

CI = settings(COMMON, max_examples=400, stateful_step_count=50)

settings.register_profile("ci", CI)
settings.register_profile("nightly", COMMON, max_examples=500, stateful_step_count=60)
settings.register_profile("soak", COMMON, max_examples=20_000, stateful_step_count=100)
