# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetching Debian's kernel sources: whose mirror, what is asked of apt, what is kept, and what goes wrong.

No network: apt-get and dpkg-deb are scripts in a folder that is first on PATH. Where apt is installed, it reads sources
in both its formats, as it would the machine's own.
"""

import os
import shutil
import tarfile
from pathlib import Path

import pytest

from conformance.kernel import apt, sources
from conformance.kernel.apt import Apt, Mirror, NoSource
from conformance.kernel.sources import fetch
from conformance.kernel.tree import REQUIRED, read_tree
from ddwcheck.main import main
from ddwcheck.sources import cache_folder

# Whose mirror

ARCHIVE, SECURITY = "http://one.example/debian", "http://two.example/debian-security"

ONE_LINE = f"""\
# deb http://comment.example/debian sid main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {ARCHIVE}/ trixie main contrib
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {ARCHIVE} trixie-updates main # comment
deb {SECURITY} trixie-security main
deb-src http://source.example/debian trixie-updates main
deb http://vendor.example/linux/debian trixie stable
deb http://flat.example/debian ./
"""
DEB822 = f"""\
Types: deb deb-src
# a comment
URIs: {ARCHIVE}
Suites: trixie
 trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: {SECURITY}/
Suites: trixie-security
Components: main

Types: deb
Enabled: no
URIs: http://no.example/debian
Suites: sid-updates
Components: main
"""


def machine(sources_file: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give apt these sources instead of the machine's own."""
    sources_file.parent.mkdir()
    sources_file.write_text(text)
    configuration = sources_file.parent.parent / "machine.conf"
    configuration.write_text(f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{sources_file.parent}";\n')
    monkeypatch.setenv("APT_CONFIG", str(configuration))


needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not installed")


@needs_apt
@pytest.mark.parametrize(("name", "text"), [("a.list", ONE_LINE), ("a.sources", DEB822)])
def test_the_mirror_is_read_from_sources_of_both_formats(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(tmp_path / "parts" / name, text, monkeypatch)
    assert Apt(tmp_path / "apt").mirror() == Mirror(ARCHIVE, SECURITY)


@needs_apt
def test_sources_that_apt_cannot_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path / "parts" / "a.list", "deb [ oops\n", monkeypatch)
    with pytest.raises(NoSource, match="apt cannot read its own sources: Malformed entry 1"):
        Apt(tmp_path / "apt").mirror()


@needs_apt
@pytest.mark.parametrize("text", ["", "deb http://vendor.example/apt trixie main\n"])
def test_a_machine_without_debian_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path / "parts" / "a.list", text, monkeypatch)
    with pytest.raises(NoSource, match="name no archive of Debian"):
        Apt(tmp_path / "apt").mirror()


@pytest.mark.parametrize(
    ("known", "mirror"),
    [
        ([(ARCHIVE, "sid")], Mirror(ARCHIVE, None)),
        ([("http://v.example/apt", "sid"), (ARCHIVE, "sid")], Mirror(ARCHIVE, None)),
        (
            [("http://v.example/debian", "sid"), ("mirror+file:/m.list", "sid-updates")],
            Mirror("mirror+file:/m.list", None),
        ),
        ([(ARCHIVE, "buster"), (SECURITY, "buster/updates")], Mirror(ARCHIVE, SECURITY)),
    ],
)
def test_debian_is_told_by_its_updates_or_else_its_name(known: list[tuple[str, str]], mirror: Mirror) -> None:
    assert Mirror.among(known) == mirror


# A machine whose apt has one package

APT_GET = """#!/bin/sh
echo "$@" >> "$FAKE/asked"
case "$*" in
*--print-uris*)
    echo "'http://one.example/debian/dists/sid/InRelease' one 0"
    echo "'http://one.example/debian/dists/sid/main/binary-amd64/Packages.xz' one 0" ;;
*update*)
    for home in "$@"; do case $home in Dir::Etc::sourcelist=*) cp "${home#*=}" "$FAKE/list" ;; esac; done
    echo "dlstatus:1:50.0000:Retrieving file 1 of 2"
    if [ -e "$FAKE/offline" ]; then echo "W: a warning"; echo "E: Failed to fetch  http://one.example/" >&2; exit 100; fi ;;
*download*linux-source-7.3*)
    if [ -e "$FAKE/offline" ]; then echo "E: Unable to locate package" >&2; exit 100; fi
    echo "dlstatus:1:100.0000:Retrieving file 1 of 1"
    cp "$FAKE/package" linux-source-7.3_7.3~rc7_all.deb ;;
*) echo "E: Unable to locate package" >&2; exit 100 ;;
esac
"""
DPKG_DEB = """#!/bin/sh
[ "$1" = -x ] && [ ! -e "$FAKE/broken" ] && mkdir -p "$3/usr/src" && cp "$2" "$3/usr/src/linux-source-7.3.tar.xz"
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the scripts look at: what they were asked, and whether something is broken."""
    folder = tmp_path / "fake"
    folder.mkdir()
    for name, text in {"apt-get": APT_GET, "dpkg-deb": DPKG_DEB}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    keyring = folder / "keyring.gpg"
    keyring.write_text("")
    monkeypatch.setattr(apt, "KEYRINGS", (keyring,))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("FAKE", str(folder))
    _package(folder, (*REQUIRED, "Makefile"))
    return folder


def _package(fake: Path, names: tuple[str, ...]) -> None:
    tree = fake / "tree"
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n")
    with tarfile.open(fake / "package", "w:xz") as tar:
        tar.add(tree, "linux-source-7.3")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "ddwcheck"


def kept(cache: Path) -> set[str]:
    """What is in the cache for later."""
    return {path.name for path in cache.iterdir()} - {"apt", ".lock"} if cache.is_dir() else set()


def test_a_source_is_fetched_and_can_be_read(fake: Path, cache: Path) -> None:
    folder = fetch("7.3", cache)
    assert folder == cache / "linux-source-7.3"
    assert read_tree(folder, cache).release == "7.3.0-rc7"
    assert kept(cache) == {"linux-source-7.3"}


def test_apt_is_asked_on_private_folders_with_the_machines_mirror(fake: Path, cache: Path) -> None:
    fetch("7.3", cache)
    asked = (fake / "asked").read_text().splitlines()
    assert [line.split()[-1] for line in asked] == ["--print-uris", "update", "linux-source-7.3"]
    assert all(f"-o Dir::State={cache}/apt/state -o Dir::State::status=/dev/null" in line for line in asked)
    assert all(f"-o Dir::Cache={cache}/apt/cache" in line for line in asked)
    assert all(
        f"-c {cache}/apt/apt.conf -o Dir::Etc::sourcelist={cache}/apt/sources.list" in line for line in asked[1:]
    )
    assert (fake / "list").read_text().splitlines() == [
        f"deb [signed-by={fake}/keyring.gpg target=Packages] {ARCHIVE} {suite} main" for suite in apt.ARCHIVE_SUITES
    ]


def test_the_security_archive_is_asked_if_the_machine_knows_it(tmp_path: Path) -> None:
    lines = Mirror(ARCHIVE, SECURITY).source_list(tmp_path / "key").splitlines()
    assert lines[-1] == f"deb [signed-by={tmp_path / 'key'} target=Packages] {SECURITY} bookworm-security main"


def test_a_source_is_fetched_once(fake: Path, cache: Path) -> None:
    first = fetch("7.3", cache)
    (fake / "asked").unlink()
    assert fetch("7.3", cache) == first
    assert not (fake / "asked").exists()


def test_percentages_are_told(fake: Path, cache: Path) -> None:
    told: list[int] = []
    Apt(cache).download("linux-source-7.3", fake, told.append)
    assert told == [50, 100]


# What goes wrong: one line, and nothing half-written is kept


def refusal(version: str, cache: Path) -> str:
    with pytest.raises(NoSource) as refused:
        fetch(version, cache)
    assert not kept(cache)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("version", ["", "6", "6.12.117", "7.3-rc7", "-o", "../x", "6.12\n", "٦.1"])
def test_what_is_no_version_is_refused(version: str, fake: Path, cache: Path) -> None:
    assert "is no kernel version; write it like 7.3" in refusal(version, cache)
    assert not cache.exists()


def test_a_version_that_debian_lacks_is_refused(fake: Path, cache: Path) -> None:
    assert refusal("9.9", cache) == (
        "linux-source-9.9 is not to be had from bookworm, bookworm-updates, unstable, experimental, bookworm-security: "
        "Unable to locate package"
    )


def test_without_network_the_first_error_is_told(fake: Path, cache: Path) -> None:
    (fake / "offline").touch()
    assert refusal("7.3", cache).endswith(": Failed to fetch http://one.example/")


def test_a_machine_without_apt_is_refused(fake: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cache))
    assert refusal("7.3", cache) == "apt-get is not installed; only Debian's apt can fetch sources"


def test_a_machine_without_debians_keyring_is_refused(fake: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "KEYRINGS", (cache / "none.gpg",))
    assert refusal("7.3", cache) == f"no Debian keyring: {cache / 'none.gpg'}"


def test_a_package_that_cannot_be_unpacked_is_refused(fake: Path, cache: Path) -> None:
    (fake / "broken").touch()
    assert refusal("7.3", cache) == "linux-source-7.3: dpkg-deb cannot unpack linux-source-7.3_7.3~rc7_all.deb"


@pytest.mark.parametrize("content", [b"", b"no tar at all"])
def test_a_package_with_a_damaged_tar_is_refused(content: bytes, fake: Path, cache: Path) -> None:
    (fake / "package").write_bytes(content)
    assert "linux-source-7.3_7.3~rc7_all.deb is not as expected: " in refusal("7.3", cache)


def test_a_package_without_a_file_that_is_needed_is_refused(fake: Path, cache: Path) -> None:
    shutil.rmtree(fake / "tree")
    _package(fake, ("Makefile", *REQUIRED[1:]))
    assert refusal("7.3", cache).endswith(f"Linux 7.3.0-rc7 without {REQUIRED[0]}")


def test_a_cache_that_cannot_be_made_is_refused(fake: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal("7.3", tmp_path / "file") == f"{tmp_path / 'file'}: File exists"


# The command


def test_the_command_prints_release_and_place(fake: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "7.3", "--cache", str(cache)]) == 0
    shown = capsys.readouterr()
    assert (shown.out.split(), shown.err) == (["7.3.0-rc7", str(cache / "linux-source-7.3")], "")


def test_the_command_fetches_all_that_are_supported(
    fake: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch("7.3", cache)
    for version in sources.VERSIONS[:-1]:
        shutil.copytree(cache / "linux-source-7.3", cache / f"linux-source-{version}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    assert main(["sources"]) == 0
    assert [line.split("-")[-1] for line in capsys.readouterr().out.splitlines()] == list(sources.VERSIONS)


def test_the_command_says_what_it_cannot_get(fake: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "7.3", "9.9", "--cache", str(cache)]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and "linux-source-9.9" in shown.err


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder(None) == tmp_path / ".cache" / "ddwcheck"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder(None) == tmp_path / ".cache" / "ddwcheck"
    monkeypatch.setenv("XDG_CACHE_HOME", "/else")
    assert cache_folder(None) == Path("/else/ddwcheck")
    assert cache_folder("here") == Path("here")
