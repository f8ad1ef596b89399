"""Routes of what is printed and handed on: issue slips and repair forms as PDF, the forms whose copies are still out. Reads only."""

import asyncio
import re
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from threading import Lock
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.body import read_query
from api.describe import describe
from api.problems import ProblemError
from api.reading import AnyRequest, conditional, require_reader
from api.services import Services
from api.slips import Around, form_pdf, slip_pdf
from api.store import papers
from jobs.context import Actor
from mobile_contract.schema.listing_papers import FormFilter, FormPage
from mobile_contract.schema.material import IssueSlip, MaterialRequest, RepairForm
from sync.transaction import org_transaction

PDF: Final = "application/pdf"
_FILE: Final = {"Content-Disposition": "A name for the file, with the number of the paper in it."}
# Papers that were drawn last, some 40 KB each: one is often looked at and then printed.
_KEPT: Final = 64
_DRAWING: Final = Lock()
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,60}")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """All that stands on a paper: a slip, or a form with the requests of its job."""

    around: Around
    slip: IssueSlip | None = None
    form: RepairForm | None = None
    requests: tuple[MaterialRequest, ...] = ()


@get(
    "/issue-slips/{slip_id:uuid}/pdf",
    opt=describe(
        "An issue slip on paper", answer_media_type=PDF, headers=_FILE, problems=("forbidden", "unknown_slip")
    ),
)
async def show_slip(
    request: AnyRequest,
    slip_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """Give an issue slip as PDF, with its QR code and its number as Code 128; 304 when nothing changed. It shows no cost."""
    require_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await papers.read_slip(conn, actor.org_id, slip_id)
    if found is None:
        raise ProblemError("unknown_slip")
    slip, around = found
    return await _file(request, f"slip-{_plain(slip.number, slip.id)}.pdf", Said(slip=slip, around=around))


@get(
    "/repair-forms/{form_id:uuid}/pdf",
    opt=describe(
        "A repair form on paper", answer_media_type=PDF, headers=_FILE, problems=("forbidden", "unknown_form")
    ),
)
async def show_form(
    request: AnyRequest,
    form_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """Give a repair form as PDF: three copies, each with the code that is scanned where it is handed in; 304 when nothing changed."""
    require_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await papers.read_form(conn, actor.org_id, form_id)
    if found is None:
        raise ProblemError("unknown_form")
    form, requests, around = found
    return await _file(
        request, f"form-{_plain(form.number, form.id)}.pdf", Said(form=form, requests=tuple(requests), around=around)
    )


@get(
    "/repair-forms",
    opt=describe("Forms still out", query=FormFilter, answer=FormPage, problems=("forbidden",)),
)
async def list_forms(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> FormPage:
    """List repair forms with a copy that is still to be handed in, the one that is due first before all others."""
    require_reader(actor)
    asked = read_query(request, FormFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await papers.list_forms(conn, actor.org_id, asked, now=services.clock())


async def _file(request: AnyRequest, name: str, said: Said) -> Response[bytes]:
    """Draw a paper beside the event loop, unless the caller has it: taking the glyphs out of a font of 65,000 is work of a second or two."""
    encoded = msgspec.json.encode(said)
    etag = f'"{sha256(encoded).hexdigest()[:16]}"'
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    known = conditional(request, b"", etag, media_type=PDF, headers=headers)
    if known.status_code == HTTPStatus.NOT_MODIFIED:
        return known
    body = await asyncio.to_thread(_drawn, encoded)
    return conditional(request, body, etag, media_type=PDF, headers=headers)


def _plain(number: str, id: UUID) -> str:
    """Give what may stand in a file's name: the number, or the id where printed paper has another kind of number."""
    return number if _PLAIN.fullmatch(number) else str(id)


@lru_cache(_KEPT)
def _drawn(encoded: bytes) -> bytes:
    # One at a time: what is drawn by many at once is drawn by none any faster.
    with _DRAWING:
        said = msgspec.json.decode(encoded, type=Said)
        if said.slip is not None:
            return slip_pdf(said.slip, said.around)
        assert said.form is not None  # one of the two is said
        return form_pdf(said.form, said.requests, said.around)


router = Router("/api/v1", route_handlers=[show_slip, show_form, list_forms], tags=["papers"])
