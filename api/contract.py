"""Which versions of the contract this server speaks: the header `Onsite-Contract` of every device call. Never changes an answer by it.

A minor version only adds, so any minor of our major is understood.
"""

import re
from typing import Any, Final

from litestar.connection import ASGIConnection

from api.problems import ProblemError
from mobile_contract.schema.base import LocalText
from mobile_contract.version import CONTRACT, MAJOR

HEADER: Final = "onsite-contract"
_FORM: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)


def is_spoken(text: str) -> bool:
    """Tell whether a version, as the header names it, is of our major."""
    match = _FORM.fullmatch(text)
    return match is not None and int(match[1]) == MAJOR


def require_contract(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a device that speaks another major version, or names none.

    Raises ProblemError (upgrade_required) that says what to do.
    """
    if is_spoken(connection.headers.get(HEADER, "")):
        return
    raise ProblemError(
        "upgrade_required",
        LocalText(
            en=f"Send Onsite-Contract: {CONTRACT}; an app of another version has to be updated. Its queue stays on the phone.",
            zh=f"请发送 Onsite-Contract: {CONTRACT}；其他版本的应用需更新。队列会保留在手机上。",
        ),
        about={"contract": CONTRACT},
        headers={"Upgrade": f"onsite-contract/{CONTRACT}"},
    )
