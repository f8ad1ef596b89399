"""The browser for tests that look at pages: found, or installed from Debian's packages. Never downloaded elsewhere.

`python -m tests.chromium` installs what is missing where it may and prints the browser's path, or nothing.
"""

import os
import sys
from pathlib import Path

from api.cluster import packages
from api.operator_error import OperatorError

NAMES = ("chromium", "chromium-browser", "google-chrome")
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


def find() -> str | None:
    """Find the browser: CHROMIUM_PATH, else the first one on the path."""
    return os.environ.get("CHROMIUM_PATH") or packages.first_program(NAMES)


def missing_packages() -> list[str]:
    """Name Debian's packages that pages need and that are not there: the browser, a Chinese font."""
    missing = [] if find() else ["chromium"]
    if not any(True for folder in FONT_FOLDERS for _ in folder.rglob("NotoSansCJK*")):
        missing.append("fonts-noto-cjk")
    return missing


def main() -> None:
    """Install what is missing, where we may, and print the browser's path."""
    missing = missing_packages()
    if missing and packages.can_install():
        print(f"Installing {' and '.join(missing)} for the browser tests", file=sys.stderr)
        try:
            packages.run_apt("update")
            packages.install(*missing)
        except OperatorError as error:
            print(f"{error}\nThe browser tests are skipped.", file=sys.stderr)
    elif "chromium" in missing:
        print("No Chromium: the browser tests are skipped. Debian's package is `chromium`.", file=sys.stderr)
    print(find() or "")


if __name__ == "__main__":
    main()
