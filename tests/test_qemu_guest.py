# SPDX-License-Identifier: GPL-2.0-or-later
"""Without QEMU one line says what to install."""

from pathlib import Path

import pytest

from conformance.qemu.guest import NotInstalled, firmware


def test_a_machine_without_qemu_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match=r"apt-get install .*qemu-system-ppc") as missing:
        firmware(tmp_path / "cache")
    assert "\n" not in str(missing.value)
    assert not (tmp_path / "cache").exists()
