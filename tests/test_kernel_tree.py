# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user may name as a kernel's source: folders and tars, whole, damaged, hostile or no kernel at all."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from conformance.kernel.tree import REQUIRED, BadTree, Tree, read_tree

MAKEFILE = """# SPDX-License-Identifier: GPL-2.0
VERSION = 7
PATCHLEVEL = 3
SUBLEVEL = 0
EXTRAVERSION = -rc7
NAME = Somebody
EXTRAVERSION = -not-this
"""
OTHERS = ("mm/slub.c", "tools/include/linux/list.h", "README", "arch/x86/Kconfig", "include/uapi/linux/types.h")


def kernel(root: Path, makefile: str = MAKEFILE) -> Path:
    """A made-up tree with an empty file for each that is needed, and some that are not."""
    for name in (*REQUIRED, *OTHERS):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"/* {name} */\n")
    (root / "Makefile").write_text(makefile)
    return root


def packed(root: Path, form: str = "xz") -> Path:
    """A tar of a tree, named as Debian names it."""
    path = root.parent / f"linux-source-7.3.tar{form and '.' + form}"
    with tarfile.open(path, f"w:{form}") as tar:  # type: ignore[call-overload]
        tar.add(root, "linux-source-7.3")
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return kernel(tmp_path / "linux")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def refusal(path: Path, cache: Path) -> str:
    """Why a path is refused: one line, and nothing half-written left."""
    with pytest.raises(BadTree) as refused:
        read_tree(path, cache)
    assert not cache.is_dir() or not list(cache.iterdir())
    assert "\n" not in str(refused.value)
    return str(refused.value)


def is_damage(line: str, tar: Path) -> bool:
    """Whether a refusal says that a tar is damaged, rather than that something lacks in it."""
    return line.startswith((f"{tar}: no tar, or a damaged one", f"{tar}: a damaged tar: "))


# Folders


def test_a_folder_is_used_where_it_is(tree: Path, cache: Path) -> None:
    assert read_tree(tree, cache) == Tree(tree, "7.3.0-rc7", (7, 3))
    assert not cache.exists()


def test_a_relative_path_gives_an_absolute_root(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    assert read_tree(Path(tree.name), cache).root == tree


@pytest.mark.parametrize(
    ("lines", "release", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n", "6.12.117", (6, 12)),
        ("VERSION=5\nPATCHLEVEL=15\nSUBLEVEL=0\n", "5.15.0", (5, 15)),
        ("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9 # ours\nEXTRAVERSION = -12.el9+a~b\n", "6.1.9-12.el9+a~b", (6, 1)),
    ],
)
def test_the_release_is_what_the_makefile_says(
    lines: str, release: str, version: tuple[int, int], tmp_path: Path, cache: Path
) -> None:
    assert read_tree(kernel(tmp_path / "linux", lines), cache)[1:] == (release, version)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path, cache: Path) -> None:
    assert refusal(tmp_path / "none", cache) == f"{tmp_path / 'none'}: No such file or directory"


def test_a_folder_without_a_makefile_is_refused(tmp_path: Path, cache: Path) -> None:
    assert "no kernel tree, there is no Makefile" in refusal(tmp_path, cache)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ("all: hello\n", "VERSION"),
        ("VERSION = $(shell git describe)\nPATCHLEVEL = 1\nSUBLEVEL = 1\n", "VERSION"),
        ("VERSION = 1.2.3\n", "VERSION"),
        ("VERSION = 6\nSUBLEVEL = 1\n", "PATCHLEVEL"),
        ("VERSION = 6\nPATCHLEVEL = \nSUBLEVEL = 1\n", "PATCHLEVEL"),
        ("VERSION = 6\nPATCHLEVEL = 1\n", "SUBLEVEL"),
        ("\xff\0\n", "VERSION"),
    ],
)
def test_a_makefile_that_names_no_release_is_refused(lines: str, field: str, tmp_path: Path, cache: Path) -> None:
    root = kernel(tmp_path / "linux")
    (root / "Makefile").write_bytes(lines.encode("latin-1"))
    assert refusal(root, cache) == f"{root}: no kernel tree, its Makefile has no {field}"


def test_a_release_before_5_15_is_refused(tmp_path: Path, cache: Path) -> None:
    root = kernel(tmp_path / "linux", "VERSION = 5\nPATCHLEVEL = 14\nSUBLEVEL = 21\n")
    assert refusal(root, cache) == f"{root}: Linux 5.14.21 is older than 5.15"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(name: str, tree: Path, cache: Path) -> None:
    (tree / name).unlink()
    assert refusal(tree, cache) == f"{tree}: Linux 7.3.0-rc7 without {name}"


def test_of_several_missing_files_the_first_is_named(tree: Path, cache: Path) -> None:
    for name in REQUIRED[:3]:
        (tree / name).unlink()
    assert refusal(tree, cache).endswith(f"without {REQUIRED[0]} (and 2 more of the files needed)")


def test_what_is_neither_folder_nor_file_is_refused(tmp_path: Path, cache: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe", cache).endswith("neither a folder nor a tar")


# Tars


@pytest.mark.parametrize("form", ["xz", "gz", "bz2", ""])
def test_only_the_parts_needed_of_a_tar_are_unpacked(
    form: str, tree: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = read_tree(packed(tree, form), cache)
    assert found == Tree(found.root, "7.3.0-rc7", (7, 3))
    files = {str(path.relative_to(found.root)) for path in found.root.rglob("*") if path.is_file()}
    assert files == {*REQUIRED, "Makefile", "include/uapi/linux/types.h"}
    assert all((found.root / name).read_text() == f"/* {name} */\n" for name in REQUIRED)
    assert list(cache.iterdir()) == [found.root]
    assert capfd.readouterr() == ("", "")


def test_a_tar_that_names_its_folder_with_a_dot_is_read(tree: Path, cache: Path) -> None:
    with tarfile.open(tree.parent / "dot.tar", "w") as tar:
        tar.add(tree, "./linux")
    assert read_tree(tree.parent / "dot.tar", cache).version == (7, 3)


def test_a_tar_is_unpacked_once(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tar = packed(tree)
    first = read_tree(tar, cache)
    monkeypatch.setattr(tarfile, "open", None)
    assert read_tree(tar, cache) == first


@pytest.mark.parametrize("change", ["time", "size"])
def test_a_tar_that_changed_is_unpacked_again(change: str, tree: Path, cache: Path) -> None:
    tar = packed(tree, "")
    first, status = read_tree(tar, cache), tar.stat()
    if change == "size":
        tar.write_bytes(tar.read_bytes() + bytes(512))
        os.utime(tar, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(tar, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert read_tree(tar, cache).root != first.root


def test_an_unpacked_tree_that_lost_a_file_is_refused_by_its_own_name(tree: Path, cache: Path) -> None:
    tar = packed(tree)
    root = read_tree(tar, cache).root
    (root / "lib/bitmap.c").unlink()
    with pytest.raises(BadTree, match=f"{root}: .* without lib/bitmap.c"):
        read_tree(tar, cache)


def test_the_faster_of_two_processes_wins(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tar = packed(tree)
    root = read_tree(tar, cache).root
    seen = iter([False])  # what the slower one saw before it began
    is_dir = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: next(seen, True) if path == root else is_dir(path))
    assert read_tree(tar, cache).root == root
    assert list(cache.iterdir()) == [root]


@pytest.mark.parametrize("form", ["xz", "gz", "bz2", ""])
def test_a_tar_that_is_cut_short_is_refused(form: str, tree: Path, cache: Path) -> None:
    """Also before a header, and where only the last checksum or the mark of the end is gone."""
    tar = packed(tree, form)
    whole = tar.read_bytes()
    unmarked = 512 * -(-len(whole.rstrip(b"\0")) // 512)
    for length in (0, 10, 100, 512, len(whole) // 3, 512 * (len(whole) // 1024), len(whole) - 1 if form else unmarked):
        tar.write_bytes(whole[:length])
        assert is_damage(refusal(tar, cache), tar)


@pytest.mark.parametrize("form", ["xz", "gz", "bz2", ""])
def test_a_tar_with_a_damaged_byte_is_refused(form: str, tree: Path, cache: Path) -> None:
    (tree / "mm/slub.c").write_bytes(os.urandom(100_000))  # cannot be compressed, so only a checksum can tell
    tar = packed(tree, form)
    damaged = bytearray(tar.read_bytes())
    damaged[len(damaged) // 2 if form else damaged.rindex(b"ustar", 0, len(damaged) * 3 // 4)] ^= 1
    tar.write_bytes(damaged)
    assert is_damage(refusal(tar, cache), tar)


@pytest.mark.parametrize("content", [b"", b"\0", b"hello\n" * 1000, b"\xfd7zXZ\0" + b"x" * 5000, b"\x1f\x8b\x08" * 99])
def test_a_file_that_is_no_tar_is_refused(content: bytes, tmp_path: Path, cache: Path) -> None:
    tar = tmp_path / "linux.tar.xz"
    tar.write_bytes(content)
    assert is_damage(refusal(tar, cache), tar)


def test_a_tar_without_a_kernel_is_refused(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello/hello.c").write_text("int main() {}")
    assert "no kernel tree, there is no Makefile" in refusal(packed(tmp_path / "hello"), cache)
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    assert "no kernel tree, there is no Makefile" in refusal(tmp_path / "empty.tar", cache)


def test_a_tar_of_a_kernel_that_is_not_whole_is_refused_by_its_own_name(tree: Path, cache: Path) -> None:
    (tree / "lib/find_bit.c").unlink()
    tar = packed(tree)
    assert refusal(tar, cache) == f"{tar}: Linux 7.3.0-rc7 without lib/find_bit.c"


def test_a_cache_that_cannot_be_made_is_refused(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadTree, match="Not a directory"):
        read_tree(packed(tree), tmp_path / "file" / "cache")


# Tars that mean harm


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", pax: dict[str, str] | None = None
) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar; a file says "harm"."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.pax_headers = kind, link, pax or {}
    content = b"harm" if kind == tarfile.REGTYPE else b""
    info.size = len(content)
    return info, content


HOSTILE = {
    "absolute": [member("/etc/harm"), member("/lib/harm"), member("/Makefile")],
    "parent": [member("linux-source-7.3/include/../../../harm"), member("../lib/harm"), member("..")],
    "parent in pax": [member("linux-source-7.3/lib/x", pax={"path": "linux-source-7.3/lib/../../../harm"})],
    "symlink": [
        member("linux-source-7.3/lib/out", tarfile.SYMTYPE, "../../.."),
        member("linux-source-7.3/lib/out/harm"),
    ],
    "hard link": [
        member("linux-source-7.3/lib/out", tarfile.LNKTYPE, "/etc/passwd"),
        member("linux-source-7.3/lib/own", tarfile.LNKTYPE, "../../../linux/README"),
    ],
    "device": [
        member("linux-source-7.3/lib/null", tarfile.CHRTYPE),
        member("linux-source-7.3/lib/disk", tarfile.BLKTYPE),
        member("linux-source-7.3/lib/pipe", tarfile.FIFOTYPE),
    ],
    "other folder": [member("other/lib/harm"), member("other/Makefile")],
    "sparse": [member("linux-source-7.3/lib/huge", pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": "1"})],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_member_writes_nothing_outside_and_makes_no_link(what: str, tree: Path, cache: Path) -> None:
    tar = packed(tree, "")
    with tarfile.open(tar, "a") as file:
        for info, content in HOSTILE[what]:
            file.addfile(info, io.BytesIO(content))
    before = {path for path in tree.parent.rglob("*") if not path.is_relative_to(cache)}
    root = read_tree(tar, cache).root
    assert {path for path in tree.parent.rglob("*") if not path.is_relative_to(cache)} == before
    assert list(cache.iterdir()) == [root]
    assert all((path.is_file() or path.is_dir()) and not path.is_symlink() for path in root.rglob("*"))
    new = {path.relative_to(root) for path in root.rglob("*") if path.is_file() and path.read_bytes() == b"harm"}
    assert new <= {Path("lib/out/harm")}  # a plain file below the new folder, where the link was left out
    assert read_tree(root, cache).release == "7.3.0-rc7"


@pytest.mark.parametrize(
    "harm",
    [
        [member("linux-source-7.3/lib/bitmap.c/x")],
        [member("linux-source-7.3/lib")],
        [member("linux-source-7.3/lib/x", pax={"path": "linux-source-7.3/lib/x\0y"})],
        [member("linux-source-7.3/lib/" + "x" * 300)],
    ],
    ids=["file as folder", "folder as file", "nul in a name", "name too long"],
)
def test_a_member_that_cannot_be_written_refuses_the_tar(
    harm: list[tuple[tarfile.TarInfo, bytes]], tree: Path, cache: Path
) -> None:
    tar = packed(tree, "")
    with tarfile.open(tar, "a") as file:
        for info, content in harm:
            file.addfile(info, io.BytesIO(content))
    assert refusal(tar, cache)
