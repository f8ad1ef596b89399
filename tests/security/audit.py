"""`make audit`: asks by pip-audit what is known against the packages of the lock. Never takes silence for an all-clear.

pip-audit ends well, and says that it found nothing, when it could ask about nothing; so its report is read here.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

NOT_AUDITED: Final = 3
_LOCK: Final = Path(__file__).resolve().parents[2] / "requirements.lock"
_WITHIN_S: Final = 600


class _Flaw(Struct, frozen=True):
    id: str
    fix_versions: tuple[str, ...] = ()


class _Package(Struct, frozen=True):
    name: str
    version: str = ""
    skip_reason: str = ""
    vulns: tuple[_Flaw, ...] = ()


class _Report(Struct, frozen=True):
    dependencies: tuple[_Package, ...]


class Audit(Struct, frozen=True):
    """What came of an audit: 0 nothing known, 1 something known, 3 not (wholly) audited; and what to tell."""

    status: int
    text: str


def read_report(report: str) -> Audit:
    """Judge pip-audit's report as JSON; one that cannot be read is none."""
    try:
        packages = msgspec.json.decode(report, type=_Report).dependencies
    except msgspec.MsgspecError:
        packages = ()
    asked = [package for package in packages if not package.skip_reason]
    flaws = [
        f"{p.name} {p.version}: {flaw.id}, mended in {', '.join(flaw.fix_versions) or 'no version yet'}"
        for p in asked
        for flaw in p.vulns
    ]
    if flaws:
        return Audit(1, "\n".join(flaws))
    if not packages or len(asked) < len(packages):
        silent = ", ".join(package.name for package in packages if package.skip_reason)
        return Audit(
            NOT_AUDITED,
            f"NOT AUDITED: the advisory service told nothing about {len(packages) - len(asked)} of {len(packages)} packages"
            f" ({silent or 'there is no report'}). Nothing is proven. Run it again where that service can be reached.",
        )
    return Audit(0, f"{len(asked)} packages asked about: nothing is known against them.")


def main(program: str) -> int:
    """Run pip-audit over the lock and tell what came of it; gives the process's status."""
    command = [
        program,
        "--requirement",
        str(_LOCK),
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
        audit = read_report(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        audit = Audit(NOT_AUDITED, f"NOT AUDITED: {type(error).__name__}: {error}")
    print(audit.text, file=sys.stderr if audit.status else sys.stdout)
    return audit.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
