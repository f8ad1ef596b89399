"""The model's access: codes, devices and sessions. Who is asking, and whose deeds a device may report."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from tests.simulation.backend import Answer
from tests.simulation.model import office, projection
from tests.simulation.model.execute import Run
from tests.simulation.model.pulling import View
from tests.simulation.model.pushing import problem
from tests.simulation.model.rows import Device, Session, Spell

if TYPE_CHECKING:
    from tests.simulation.model.server import Server

AHEAD: Final = timedelta(days=14)
_EARLY: Final = timedelta(hours=2)


def device_of(view: View, headers: Mapping[str, str]) -> UUID | None:
    """Recognise the device by its token; None for a stranger."""
    token = headers.get("authorization", "").removeprefix("Bearer ")
    device_id, _, secret = token.partition(".")
    device: Device | None = view.read("device", UUID(device_id)) if secret else None
    return UUID(device_id) if device is not None and device.secret == secret else None


def session_of(view: View, headers: Mapping[str, str], device_id: UUID) -> Session | bool | None:
    """Read the session that a request names; None when it names none, False when it is not one of the device."""
    named = headers.get("onsite-session")
    if named is None:
        return None
    session: Session | None = view.read("session", UUID(named))
    return session if session is not None and session.device_id == device_id else False


def enrol(server: "Server", ask: Any) -> Run:
    """Trade a code for a device."""
    txn = server.db.begin()
    holder = txn.read("code", ask["code"])
    if holder is None:
        return problem(401, "enrolment_invalid")
    device_id = uuid5(server.setting.org_id, f"device {next(server.serial)}")
    device = Device(holder, f"secret-{next(server.serial)}", ask["device_name"])
    txn.write("device", device_id, device)
    txn.write("code", ask["code"], None)
    txn.commit()
    yield from office.refresh(server, lambda view: projection.of_device(view, device_id))
    yield
    answer = {
        "device_id": str(device_id),
        "device_token": f"{device_id}.{device.secret}",
        "org_id": str(server.setting.org_id),
        "server_time": server.now.isoformat(),
        "sessions": _issue(server, device_id, device),
        "person_id": str(holder) if holder not in server.setting.crews else None,
    }
    return Answer(200, json.dumps(answer).encode())


def sessions(server: "Server", device_id: UUID) -> Answer:
    """Give the sessions that a device may hold."""
    device: Device = server.db.begin().read("device", device_id)
    return Answer(
        200, json.dumps({"server_time": server.now.isoformat(), "sessions": _issue(server, device_id, device)}).encode()
    )


def _issue(server: "Server", device_id: UUID, device: Device) -> list[dict[str, str]]:
    """Issue sessions for those who may use the device, and name those that are good."""
    txn = server.db.begin()
    for person in server.setting.persons:
        spells: tuple[Spell, ...] = txn.read("spells", person.id)
        theirs = device.holder == person.id or any(s.crew_id == device.holder and s.to_at is None for s in spells)
        mine = [s for _, s in txn.scan("session") if (s.device_id, s.person_id) == (device_id, person.id)]
        if theirs and not device.revoked and not any(s.to_at > server.now + AHEAD / 2 for s in mine):
            session_id = uuid5(device_id, f"session {next(server.serial)}")
            txn.write("session", session_id, Session(device_id, person.id, server.now - _EARLY, server.now + AHEAD))
    txn.commit()
    names = {person.id: person.name for person in server.setting.persons}
    return [
        {
            "session_id": str(id),
            "person_id": str(s.person_id),
            "name": names[s.person_id],
            "from_at": s.from_at.isoformat(),
            "to_at": s.to_at.isoformat(),
        }
        for id, s in server.db.begin().scan("session")
        if s.device_id == device_id and s.to_at > server.now
    ]
