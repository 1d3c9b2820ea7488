# SPDX-License-Identifier: GPL-2.0-or-later
"""What a booted kernel is made of: the archive that it unpacks, and which packages and modules are taken."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.boot.initramfs import Entry, archive
from conformance.boot.packages import fetch, name_of, needs, newest
from conformance.kernel.apt import NoSource


def test_an_archive_is_padded_and_ends_with_its_trailer() -> None:
    packed = archive([Entry("init", 0o100755, b"hello")])
    assert packed.startswith(b"070701") and len(packed) % 4 == 0
    assert packed.index(b"hello") % 4 == 0 and b"TRAILER!!!\0" in packed
    assert archive([Entry("init", 0o100755, b"hello")]) == packed


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_reads_the_archive(tmp_path: Path) -> None:
    packed = archive([Entry("dev", 0o040755), Entry("odd", 0o100755, b"12345")])
    subprocess.run(["cpio", "-i", "--quiet"], input=packed, cwd=tmp_path, check=True)
    assert (tmp_path / "odd").read_bytes() == b"12345" and (tmp_path / "dev").is_dir()


def test_the_newest_package_is_taken_by_number() -> None:
    names = ["linux-image-6.1.0-9-powerpc64le", "linux-image-6.1.0-50-powerpc64le", "linux-headers-7.0"]
    assert newest(names) == "linux-image-6.1.0-50-powerpc64le"
    assert newest([]) is None


def test_image_and_modules_are_apart_from_7_on() -> None:
    assert name_of("6.1") == r"^linux-image-6\.1[.+-].*powerpc64le$"
    assert name_of("7.2-64k") == r"^linux-binary-7\.2[.+-].*powerpc64le-64k$"


def test_a_module_says_what_it_needs() -> None:
    assert needs(b"\0license=GPL\0depends=nvme-core,t10-pi\0name=nvme\0") == ["nvme_core", "t10_pi"]
    assert needs(b"\0depends=\0") == [] == needs(b"no module")


def test_an_unknown_flavour_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(NoSource, match="is no kernel that can be booted"):
        fetch("5.4", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
