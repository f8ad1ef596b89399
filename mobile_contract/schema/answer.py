"""What the REST edge says about a command. Owns shapes only; the same outcome reaches a device by pull."""

from uuid import UUID

from mobile_contract.schema.access import Access, ApiKeyLine, DeviceLine
from mobile_contract.schema.base import Code
from mobile_contract.schema.outcome import OutcomeStatus


class CommandAnswer(Access, frozen=True, kw_only=True):
    """What became of a command. `title` says the code in the caller's language; `repeated`: it was answered before."""

    command_id: UUID
    status: OutcomeStatus
    code: Code
    title: str = ""
    flags: tuple[str, ...] = ()
    detail: dict[str, str] = {}
    repeated: bool = False


class DevicePage(Access, frozen=True, kw_only=True):
    """A page of devices; `next` is the key after which the next page begins."""

    items: tuple[DeviceLine, ...]
    next: UUID | None = None


class ApiKeyPage(Access, frozen=True, kw_only=True):
    """A page of API keys; `next` is the key after which the next page begins."""

    items: tuple[ApiKeyLine, ...]
    next: UUID | None = None


class Health(Access, frozen=True, kw_only=True):
    """How the server is."""

    status: Code
    revision: str = ""
    contract: str = ""
