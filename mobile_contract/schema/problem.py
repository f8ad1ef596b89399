"""What a refusal looks like on the wire (RFC 9457). Owns the shape; `mobile_contract.errors` has the codes and texts."""

from msgspec import Struct


class FieldError(Struct, frozen=True, kw_only=True):
    """One field that is wrong: where (`$.job_id`) and why."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal. `code` is stable and for machines, `title` and `detail` are for people, `instance` names this request in the logs."""

    type: str
    title: str
    status: int
    code: str
    instance: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    about: dict[str, str] = {}
