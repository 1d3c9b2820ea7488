# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's apt with lists, cache and state of its own: the system's stay as they are, and root is not needed.

The mirror is the machine's own: apt itself reads its sources, in whichever form they are written.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import NamedTuple

ARCHIVE_SUITES = ("bookworm", "bookworm-updates", "unstable", "experimental")
SECURITY_SUITES = ("bookworm-security",)
SUITES = ", ".join(ARCHIVE_SUITES + SECURITY_SUITES)
"""Where packages are looked for, whatever release of Debian the machine has."""

KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{form}") for form in ("pgp", "gpg"))
"""What signs them."""

CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Default-Release "";
APT::Update::Error-Mode "any";
// the sandbox's user may not be allowed to enter the cache
APT::Sandbox::User "root";
APT::Status-Fd "1";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""
"""What is read after the system's configuration: its proxies hold, its hooks and preferences do not."""

_PACKAGES = re.compile(r"'(\S+)/dists/(\S+)/main/binary-[^/]+/Packages")
_STATUS = re.compile(r"dlstatus:[0-9]+:([0-9]+)")

Told = Callable[[int], None]
"""Is told of a percentage, again and again."""


class NoSource(RuntimeError):
    """The source cannot be had; the message is one line."""


class Mirror(NamedTuple):
    """The addresses of Debian's archive and, if known, of its security archive."""

    archive: str
    security: str | None

    @classmethod
    def among(cls, sources: Iterable[tuple[str, str]]) -> "Mirror":
        """Of pairs of address and suite: the one with a suite's updates is Debian's, or else the first named debian."""
        known = list(sources)
        updates = [address for address, suite in known if suite.endswith("-updates")]
        by_name = [address for address, _ in known if address.rpartition("/")[2] == "debian"]
        security = [address for address, suite in known if suite.endswith(("-security", "/updates"))]
        if not updates + by_name:
            raise NoSource("apt's sources name no archive of Debian")
        return cls((updates + by_name)[0], security[0] if security else None)

    def source_list(self, keyring: Path, suites: Sequence[str] = ARCHIVE_SUITES) -> str:
        """The archive's suites, and the security archive's, as apt wants to read them."""
        found = [(self.archive, suite) for suite in suites]
        if self.security is not None:
            found += [(self.security, suite) for suite in SECURITY_SUITES]
        return "".join(
            f"deb [signed-by={keyring} target=Packages] {address} {suite} main\n" for address, suite in found
        )


class Apt:
    """Runs apt on folders below `home`, which are made.

    architecture: whose packages, None for the machine's own. suites: of the archive.
    """

    def __init__(self, home: Path, architecture: str | None = None, suites: Sequence[str] = ARCHIVE_SUITES) -> None:
        self.home, self.suites = home, suites
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "apt.conf").write_text(CONFIGURATION)
        paths: dict[str, object] = {
            "Dir::State": home / "state",
            "Dir::State::status": os.devnull,
            "Dir::Cache": home / "cache",
        }
        paths |= {"APT::Architecture": architecture, "APT::Architectures": architecture} if architecture else {}
        self._options = [word for name, value in paths.items() for word in ("-o", f"{name}={value}")]
        self.apt = ["apt-get", *self._options]

    def mirror(self) -> Mirror:
        """The mirror that the machine's own sources name."""
        printed = run([*self.apt, "update", "--print-uris"], self.home)
        if printed.status != 0:
            raise NoSource(f"apt cannot read its own sources: {printed.error}")
        return Mirror.among(_PACKAGES.findall("\n".join(printed.lines)))

    def update(self, told: Told) -> "Printed":
        """Fetch the lists of packages. If one is missing, a package may be in another."""
        keyring = next((path for path in KEYRINGS if path.is_file()), None)
        if keyring is None:
            raise NoSource(f"no Debian keyring: {KEYRINGS[-1]}")
        (self.home / "sources.list").write_text(self.mirror().source_list(keyring, self.suites))
        return self._get(["update"], self.home, told)

    def names(self, pattern: str) -> list[str]:
        """The packages in the lists whose name matches a regular expression."""
        found = run(["apt-cache", *self._options, *self._private(), "search", "--names-only", pattern], self.home)
        return [line.split()[0] for line in found.lines if " - " in line]

    def download(self, package: str, folder: Path, told: Told) -> Path:
        """Download the newest version of a package into a folder; the answer is the file."""
        updated = self.update(told)
        downloaded = self._get(["download", package], folder, told)
        found = next(folder.glob("*.deb"), None)
        if downloaded.status != 0 or found is None:
            error = (updated if updated.status != 0 else downloaded).error
            raise NoSource(f"{package} is not to be had from {SUITES}: {error}")
        return found

    def _get(self, arguments: Sequence[str], folder: Path, told: Told) -> "Printed":
        """Run apt-get on the private sources alone."""
        return run([*self.apt, "-qq", *self._private(), *arguments], folder, told)

    def _private(self) -> list[str]:
        return ["-c", str(self.home / "apt.conf"), "-o", f"Dir::Etc::sourcelist={self.home / 'sources.list'}"]


class Printed(NamedTuple):
    """What a program printed, and its exit status."""

    lines: list[str]
    status: int

    @property
    def error(self) -> str:
        """The first of apt's errors."""
        errors = (" ".join(line.split()[1:]) for line in self.lines if line.startswith("E: "))
        return next(errors, f"exit status {self.status}")


def run(command: Sequence[str], folder: Path, told: Told = lambda percent: None) -> Printed:
    """Run a program in a folder, telling of apt's percentages as they come."""
    environment = {**os.environ, "LC_ALL": "C"}
    lines = []
    try:
        with Popen(
            command, cwd=folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None, "it is a pipe"
            for line in process.stdout:
                if match := _STATUS.match(line):
                    told(int(match[1]))
                else:
                    lines.append(line.rstrip("\n"))
    except FileNotFoundError:
        raise NoSource(f"{command[0]} is not installed; only Debian's apt can fetch sources") from None
    return Printed(lines, process.returncode)
