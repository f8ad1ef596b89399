"""What a device says of itself with each call, for the list of devices. Lossy, and nothing is decided by it."""

from collections.abc import Mapping
from typing import Final

from api.services import Services
from sync.devices import Device
from sync.reading import Holder
from sync.telemetry import Sighting

UNSENT: Final = "onsite-unsent"
APP: Final = "onsite-app"
_APP_CHARS: Final = 120


def note_call(
    headers: Mapping[str, str],
    services: Services,
    device: Device | Holder,
    *,
    pulled: bool = False,
    unsent: int | None = None,
) -> None:
    """Note that a device called. What it does not say of itself, or says wrongly, stays as it was."""
    app = headers.get(APP, "")
    services.telemetry.note(
        Sighting(
            org_id=device.org_id,
            device_id=device.device_id if isinstance(device, Holder) else device.id,
            at=services.clock(),
            pulled=pulled,
            unsent=_count(headers.get(UNSENT, "")) if unsent is None else min(unsent, 2**31 - 1),
            app=app if 0 < len(app) <= _APP_CHARS and app.isprintable() else None,
        )
    )


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
