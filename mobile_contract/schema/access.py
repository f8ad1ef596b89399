"""Signing in, keys and devices: what crosses the wire. Secrets travel here once and are never part of a document."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from mobile_contract.schema.base import Code, Instant, Line
from mobile_contract.schema.people import Role

Slug = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=40,
        pattern="^[a-z0-9](-?[a-z0-9])+$",
        description="The organisation's name in addresses.",
    ),
]
Login = Annotated[
    str, Meta(min_length=1, max_length=120, description="The name a person signs in with; case is ignored.")
]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
NewPassword = Annotated[
    str, Meta(min_length=12, max_length=1024, description="A new password: 12 characters at least.")
]
Secret = Annotated[str, Meta(min_length=1, max_length=300, description="Shown once; keep it.")]
AccessToken = Annotated[
    str, Meta(min_length=1, max_length=4096, description="A signed token that is good for minutes.")
]
Seconds = Annotated[int, Meta(ge=0)]
Zone = Annotated[str, Meta(max_length=64, description="The organisation's IANA time zone, in which times are shown.")]


class Access(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer about access; unknown fields are to be ignored."""


class AccessAsk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request about access; an unknown field is refused."""


class LoginAsk(AccessAsk, frozen=True, kw_only=True):
    """Sign in by password."""

    org: Slug
    login: Login
    password: Password


class RefreshAsk(AccessAsk, frozen=True, kw_only=True):
    """Exchange a refresh token for new tokens; each is good once."""

    refresh_token: Secret


class Tokens(Access, frozen=True, kw_only=True):
    """What a signed-in person holds. With `must_change_password` nothing but changing it is allowed."""

    access_token: AccessToken
    expires_in_s: Seconds
    refresh_token: Secret
    org_id: UUID
    person_id: UUID
    must_change_password: bool = False


class PageTokens(Access, frozen=True, kw_only=True):
    """What the page at `/` gets to hold in memory; its refresh token is in a cookie that scripts cannot read."""

    access_token: AccessToken
    expires_in_s: Seconds
    must_change_password: bool = False


class PasswordAsk(AccessAsk, frozen=True, kw_only=True):
    """Change one's own password; every other sign-in of the person ends."""

    current: Password
    new: NewPassword


class PasswordResetAsk(AccessAsk, frozen=True, kw_only=True):
    """Set a new password with a one-time token from an administrator."""

    reset_token: Secret
    new: NewPassword


class Caller(Access, frozen=True, kw_only=True):
    """Who the caller is to the server."""

    org_id: UUID
    via: Code
    roles: tuple[Role, ...]
    person_id: UUID | None = None
    scopes: tuple[str, ...] | None = None


class CredentialAsk(AccessAsk, frozen=True, kw_only=True):
    """Give a person a login, or change it. Without a password the person signs in by OIDC, or after a reset."""

    login: Login
    password: NewPassword | None = None


class ResetToken(Access, frozen=True, kw_only=True):
    """A one-time token with which a person sets a new password."""

    reset_token: Secret
    expires_at: Instant


class ApiKeyAsk(AccessAsk, frozen=True, kw_only=True):
    """Make a key for another system.

    `scopes` are names of commands; `read` for every list; `positions` for where crews are; `open311` for public intake of every job type,
    `open311:<code>` for one.
    """

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    scopes: Annotated[tuple[Code, ...], Meta(min_length=1, max_length=100)]
    expires_at: Instant | None = None


class ApiKeyLine(Access, frozen=True, kw_only=True):
    """A key as it is listed."""

    key_id: UUID
    name: str
    scopes: tuple[str, ...]
    made_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


class ApiKeyMade(Access, frozen=True, kw_only=True):
    """A new key; `api_key` is shown this once."""

    key_id: UUID
    api_key: Secret


class EnrolmentAsk(AccessAsk, frozen=True, kw_only=True):
    """Ask for a one-time code for a device of a person or of a crew, not both."""

    person_id: UUID | None = None
    crew_id: UUID | None = None
    valid_s: Annotated[int, Meta(ge=60, le=7 * 86400, description="Validity of the code in seconds.")] = 86400


class EnrolmentCode(Access, frozen=True, kw_only=True):
    """A one-time code, as text, as address and as a QR image (SVG) of that address."""

    enrolment_id: UUID
    code: Secret
    uri: str
    qr_svg: str
    expires_at: Instant


class EnrolAsk(Struct, frozen=True, kw_only=True):
    """Become a device. Unknown fields are ignored, so that a newer app can enrol."""

    code: Annotated[str, Meta(min_length=1, max_length=120)]
    device_name: Annotated[str, Meta(min_length=1, max_length=120)]
    app: Annotated[str, Meta(max_length=120, description="Name and version of the app.")] = ""


class SessionGrant(Access, frozen=True, kw_only=True):
    """A session: commands under it are this person's, within its time. Opened on the device by the person's PIN."""

    session_id: UUID
    person_id: UUID
    name: Line
    from_at: Instant
    to_at: Instant


class EnrolAnswer(Access, frozen=True, kw_only=True):
    """A new device: its id, its token (shown this once) and its first sessions."""

    device_id: UUID
    device_token: Secret
    org_id: UUID
    server_time: Instant
    sessions: tuple[SessionGrant, ...]
    person_id: UUID | None = None
    crew_id: UUID | None = None
    zone: Zone = "UTC"


class SessionsAnswer(Access, frozen=True, kw_only=True):
    """The sessions a device may hold now and ahead; ask again well before the last one ends."""

    server_time: Instant
    sessions: tuple[SessionGrant, ...]
    zone: Zone = "UTC"


class DeviceLine(Access, frozen=True, kw_only=True):
    """A device as it is listed."""

    device_id: UUID
    name: str
    enrolled_at: Instant
    person_id: UUID | None = None
    crew_id: UUID | None = None
    revoked_at: Instant | None = None
    seen_at: Instant | None = None
    pulled_at: Instant | None = None
    unsent: int = 0
    app: str = ""


class DeviceNameAsk(AccessAsk, frozen=True, kw_only=True):
    """Rename a device."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
