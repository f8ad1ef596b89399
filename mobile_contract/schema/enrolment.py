"""How a device comes to be known: enrolment, sessions, positions. Owns shapes only; secrets appear here and in no document."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Instant, Line, Position
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.messages import Message
from mobile_contract.schema.people import Role


class EnrolAsk(Message, frozen=True, kw_only=True):
    """Trade a one-time code for an identity: `POST /sync/v1/enrol`, without a token. `name` is how people call the device.

    `org_id` comes with the code (the QR text is `<org uuid>.<code>`); without it the server's only organisation is meant.
    `replaces` names the identity that a forked phone gives up.
    """

    code: Annotated[str, Meta(min_length=1, max_length=200)]
    name: Line
    org_id: UUID | None = None
    replaces: UUID | None = None


class DeviceSession(Message, frozen=True, kw_only=True):
    """The right to act as a person on this device from an instant to an instant, issued by the server and maybe ahead."""

    id: UUID
    person_id: UUID
    person_name: Line = ""
    person_code: Code | None = None
    language: Code = "en"
    roles: tuple[Role, ...] = ()
    from_at: Instant
    to_at: Instant


class EnrolAnswer(Message, frozen=True, kw_only=True):
    """The device's identity. `token` is shown this once: `osd_<org hex>_<device hex>_<secret>`."""

    org_id: UUID
    device_id: UUID
    token: str
    sessions: tuple[DeviceSession, ...] = ()
    server_time: Instant


class SessionsAsk(Message, frozen=True, kw_only=True):
    """Ask for sessions ahead, `POST /sync/v1/sessions`: for the device's person and the rostered members of its crew."""


class SessionsAnswer(Message, frozen=True, kw_only=True):
    """Every session that this device may hold now; those it holds already keep their ids."""

    sessions: tuple[DeviceSession, ...]
    server_time: Instant


class TrackPoint(Message, frozen=True, kw_only=True):
    """Where the person of a session was, and the device's clocks at that instant."""

    session: UUID
    position: Position
    at: ClockSample


class PositionsAsk(Message, frozen=True, kw_only=True):
    """A batch of positions, `POST /sync/v1/positions`: lossy on purpose, newest last; the queue of commands never waits for it."""

    sent: ClockSample
    positions: Annotated[tuple[TrackPoint, ...], Meta(max_length=500)]
