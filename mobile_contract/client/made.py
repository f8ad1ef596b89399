"""A command of this device that the documents do not show yet. Owns the shape alone."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from mobile_contract.schema.base import Command

NOWHERE = UUID(int=0)


class Made(Struct, frozen=True, kw_only=True):
    """What was done, by whom and when; `org_id` and `zone` (IANA) are the organisation's."""

    command: Command
    person_id: UUID | None
    at: datetime
    org_id: UUID = NOWHERE
    zone: str = "UTC"
