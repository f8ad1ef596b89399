"""A clerk's way in at the command line: signed in over REST, kept in a file of one's own, asking and sending what any console does.

Never talks to the database, and may no more than the person who signed in.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from api.operator_error import OperatorError
from mobile_contract.errors import Language
from mobile_contract.schema.access import LoginAsk, RefreshAsk, Tokens
from mobile_contract.schema.answer import CommandAnswer
from mobile_contract.schema.base import Command
from mobile_contract.schema.listing import JobLine, JobPage
from mobile_contract.schema.listing_masters import PartLine, PartPage, ScanFound
from mobile_contract.schema.listing_stock import LocationPage
from mobile_contract.schema.live import LiveSummary
from mobile_contract.schema.problem import Problem
from mobile_contract.schema.stock import StockLocation

FILE: Final = "stock-desk.json"
_TRIES: Final = 3
_TIMEOUT_S: Final = 30.0
_PAGE: Final = 200
T = TypeVar("T")


class SignedIn(Struct, frozen=True, kw_only=True):
    """What is kept between two commands: where the server is, who signed in, and in which zone and language things are shown."""

    url: str
    org: str
    login: str
    zone: str
    language: Language
    access_token: str
    refresh_token: str


class Desk:
    """A signed-in clerk's desk. Answers are read by their Struct; a refusal is an OperatorError in the clerk's language."""

    def __init__(self, folder: Path, known: SignedIn) -> None:
        self._path, self.known = folder / FILE, known
        self._http = httpx.Client(base_url=known.url, timeout=_TIMEOUT_S)

    @property
    def language(self) -> Language:
        """Give the language in which things are shown."""
        return self.known.language

    def get(self, path: str, shape: type[T], /, **params: Any) -> T:
        """Read something of `/api/v1`; parameters that are None are left out."""
        answer = self._ask("GET", path, params={k: v for k, v in params.items() if v is not None})
        return msgspec.json.decode(answer.content, type=shape)

    def fetch(self, path: str, **params: Any) -> bytes:
        """Fetch a file of `/api/v1`."""
        return self._ask("GET", path, params={k: v for k, v in params.items() if v is not None}).content

    def items(self, path: str, shape: type[Any], /, *, most: int, **params: Any) -> Iterator[Any]:
        """Yield the items of a list, at most `most`, page by page."""
        cursor: str | None = None
        while most > 0:
            page = self.get(path, shape, limit=min(most, _PAGE), cursor=cursor, **params)
            yield from page.items
            most, cursor = most - len(page.items), page.next
            if cursor is None:
                return

    def send(self, command: Command) -> CommandAnswer:
        """Send a command. Under one id, so that an answer that got lost is asked for again and nothing happens twice."""
        fields = msgspec.to_builtins(command, str_keys=True)
        name = fields.pop("name")
        headers = {"Idempotency-Key": str(uuid7()), "Content-Type": "application/json"}
        answer = self._ask("POST", f"/commands/{name}", content=msgspec.json.encode(fields), headers=headers)
        return msgspec.json.decode(answer.content, type=CommandAnswer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def place(self, code: str) -> StockLocation:
        """Find a place by its code. Raises OperatorError."""
        found = [p for p in self.items("/stock/locations", LocationPage, most=_PAGE, text=code) if p.code == code]
        if not found:
            raise OperatorError(f"There is no place {code!r}. `onsite stock places` lists them.")
        place: StockLocation = found[0]
        return place

    def part(self, text: str) -> PartLine:
        """Find one part by its code, or by scanning its barcode. Raises OperatorError for none and for more than one."""
        found = self.get("/parts/scan", ScanFound, code=text).parts
        if len(found) != 1:
            raise OperatorError(
                f"{text!r} is {'no part' if not found else 'more than one part'}; search: onsite stock part TEXT"
            )
        return found[0]

    def parts(self, text: str, *, most: int) -> list[PartLine]:
        """Find parts by a barcode or a code, else by words of their names."""
        scanned = self.get("/parts/scan", ScanFound, code=text).parts
        return list(scanned) or list(self.items("/parts", PartPage, most=most, text=text))

    def job(self, number: str) -> JobLine:
        """Find a job by its number. Raises OperatorError."""
        found = [job for job in self.items("/jobs", JobPage, most=10, text=number) if job.number == number]
        if not found:
            raise OperatorError(f"There is no job {number!r}.")
        job: JobLine = found[0]
        return job

    def day(self, text: str) -> date:
        """Read a local day: YYYY-MM-DD, `today` or `yesterday`. Raises OperatorError."""
        today = datetime.now(ZoneInfo(self.known.zone)).date()
        near = {"today": today, "yesterday": today - timedelta(days=1)}
        try:
            return near.get(text) or date.fromisoformat(text)
        except ValueError:
            raise OperatorError(f"{text!r} is no day; write 2026-03-01, today or yesterday.") from None

    def instant(self, text: str) -> datetime:
        """Read an instant: a local day (its end), or a local day and time. Raises OperatorError."""
        zone = ZoneInfo(self.known.zone)
        try:
            if len(text) > len("2026-03-01"):
                local = datetime.fromisoformat(text)
                return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
        except ValueError:
            raise OperatorError(f"{text!r} is no time; write 2026-03-01 or 2026-03-01T17:30.") from None
        return datetime.combine(self.day(text) + timedelta(days=1), time(), zone).astimezone(UTC) - timedelta(
            microseconds=1
        )

    def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **said: Any) -> httpx.Response:
        answer = self._once(method, path, headers or {}, said)
        if answer.status_code == 401:
            self._refresh()
            answer = self._once(method, path, headers or {}, said)
        if answer.is_success:
            return answer
        raise OperatorError(_why(answer))

    def _once(self, method: str, path: str, headers: dict[str, str], said: dict[str, Any]) -> httpx.Response:
        sent = {
            **headers,
            "Authorization": f"Bearer {self.known.access_token}",
            "Accept-Language": self.known.language.value,
        }
        for left in reversed(range(_TRIES)):
            try:
                return self._http.request(method, f"/api/v1{path}", headers=sent, **said)
            except httpx.HTTPError as error:
                if not left:
                    raise OperatorError(f"{self.known.url} does not answer ({error}). Is it running?") from error
        raise AssertionError("the last try returns or raises")

    def _refresh(self) -> None:
        ask = RefreshAsk(refresh_token=self.known.refresh_token)
        answer = self._http.post(
            "/api/v1/auth/refresh",
            content=msgspec.json.encode(ask),
            headers={"Content-Type": "application/json"},
        )
        if not answer.is_success:
            raise OperatorError("Sign in again: onsite stock sign-in LOGIN --org ORG")
        tokens = msgspec.json.decode(answer.content, type=Tokens)
        self.known = replace(self.known, access_token=tokens.access_token, refresh_token=tokens.refresh_token)
        keep(self._path.parent, self.known)


class Opening(Struct, frozen=True, kw_only=True):
    """Who signs in where, and how things are to be shown."""

    url: str
    org: str
    login: str
    password: str
    language: Language


def sign_in(folder: Path, opening: Opening) -> SignedIn:
    """Sign in and keep what the server gives in the folder. Raises OperatorError."""
    ask = LoginAsk(org=opening.org, login=opening.login, password=opening.password)
    with httpx.Client(base_url=opening.url, timeout=_TIMEOUT_S) as http:
        try:
            answer = http.post(
                "/api/v1/auth/login",
                content=msgspec.json.encode(ask),
                headers={"Content-Type": "application/json", "Accept-Language": opening.language.value},
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OperatorError(f"{opening.url} does not answer ({error}). Is it running?") from error
    if not answer.is_success:
        raise OperatorError(_why(answer))
    tokens = msgspec.json.decode(answer.content, type=Tokens)
    known = SignedIn(
        url=opening.url,
        org=opening.org,
        login=opening.login,
        zone="UTC",
        language=opening.language,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
    )
    desk = Desk(folder, known)
    try:
        known = replace(known, zone=desk.get("/live/summary", LiveSummary).zone)
    finally:
        desk.close()
    keep(folder, known)
    return known


def open_desk(folder: Path) -> Desk:
    """Open the desk of whoever signed in last. Raises OperatorError when nobody has."""
    try:
        known = msgspec.json.decode((folder / FILE).read_bytes(), type=SignedIn)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise OperatorError("Nobody is signed in. Sign in: onsite stock sign-in LOGIN --org ORG") from None
    return Desk(folder, known)


def keep(folder: Path, known: SignedIn) -> None:
    """Write what is kept, for its owner's eyes only; replaced as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(known))
    draft.replace(folder / FILE)


def forget(folder: Path) -> None:
    """Forget who signed in."""
    (folder / FILE).unlink(missing_ok=True)


def ids_of(names: dict[str, str]) -> dict[UUID, str]:
    """Give a page's names by id."""
    return {UUID(id): name for id, name in names.items()}


def _why(answer: httpx.Response) -> str:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        return f"HTTP {answer.status_code}; is this the address of an Onsite server?"
    about = ", ".join(f"{name}: {value}" for name, value in sorted(problem.about.items()))
    wrong = "; ".join(f"{each.field} {each.message}" for each in problem.errors)
    return " ".join(part for part in (problem.title, problem.detail, about, wrong, f"({problem.code})") if part)
