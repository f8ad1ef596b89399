"""Reports of material: what was used in a week, on screen and as files, and how a day was reconciled. Reads only."""

import asyncio
from typing import Final

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.problems import language_of
from api.reading import AnyRequest, require_cost_reader, require_reader
from api.services import Services
from api.sheets import CSV, XLSX, Cell, Table, as_csv, as_xlsx
from api.store.material_report import material_report, reconciliation_of
from jobs.context import Actor
from mobile_contract.errors import Language
from mobile_contract.schema.report import (
    MaterialReport,
    MaterialReportFilter,
    MaterialSum,
    ReconciliationFilter,
    ReconciliationShown,
)
from sync.transaction import org_transaction

_PROBLEMS: Final = ("forbidden", "report_too_large")
_FILE: Final = {"Content-Disposition": "A name for the file, with the week in it."}
_HEADS: Final = {
    Language.EN: ("Part", "Name", "Class", "Unit", "Crew", "Job type", "Uses", "Quantity", "Cost", "Currency"),
    Language.ZH: ("物料编码", "名称", "类别", "单位", "班组", "工单类型", "次数", "数量", "成本", "币种"),
}
_SUMS: Final = {
    Language.EN: (("By part", "Part"), ("By class", "Class"), ("By crew", "Crew"), ("By job type", "Job type")),
    Language.ZH: (("按物料", "物料编码"), ("按类别", "类别"), ("按班组", "班组"), ("按工单类型", "工单类型")),
}
_LINES: Final = {Language.EN: "Material used", Language.ZH: "用料明细"}


@get(
    "/reports/material",
    opt=describe("Material used in a week", query=MaterialReportFilter, answer=MaterialReport, problems=_PROBLEMS),
)
async def material(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> MaterialReport:
    """Report what was used in a week by part, class, crew and type of job, with its cost."""
    return await _report(request, services, actor)


@get(
    "/reports/material.csv",
    opt=describe(
        "Material used in a week, as CSV",
        query=MaterialReportFilter,
        answer_media_type=CSV,
        headers=_FILE,
        problems=_PROBLEMS,
    ),
)
async def material_csv(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the lines of the report as CSV, heads in the caller's language."""
    report = await _report(request, services, actor)
    body = await asyncio.to_thread(as_csv, _lines(report, _language(request)))
    return _file(body, f"material-{report.week}.csv", CSV)


@get(
    "/reports/material.xlsx",
    opt=describe(
        "Material used in a week, as a workbook",
        query=MaterialReportFilter,
        answer_media_type=XLSX,
        headers=_FILE,
        problems=_PROBLEMS,
    ),
)
async def material_xlsx(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the report as a workbook: its lines, and a sheet for the sums by part, class, crew and type of job."""
    report = await _report(request, services, actor)
    body = await asyncio.to_thread(as_xlsx, _tables(report, _language(request)))
    return _file(body, f"material-{report.week}.xlsx", XLSX)


@get(
    "/reports/reconciliation",
    opt=describe(
        "How a day was reconciled",
        query=ReconciliationFilter,
        answer=ReconciliationShown,
        problems=("forbidden",),
    ),
)
async def reconciliation(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ReconciliationShown:
    """Show when a day was reconciled last, what was compared and found, and what of it is still open."""
    require_reader(actor)
    asked = read_query(request, ReconciliationFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await reconciliation_of(conn, actor.org_id, asked.day)


async def _report(request: AnyRequest, services: Services, actor: Actor) -> MaterialReport:
    require_cost_reader(actor)
    asked = read_query(request, MaterialReportFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await material_report(conn, actor.org_id, asked, now=services.clock())


def _language(request: AnyRequest) -> Language:
    return language_of(request.headers.get("accept-language"))


def _file(body: bytes, name: str, media_type: str) -> Response[bytes]:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Vary": "Accept-Language",
        "Cache-Control": "private, no-cache",
    }
    return Response(body, headers=headers, media_type=media_type)


def _lines(report: MaterialReport, language: Language) -> Table:
    rows = [
        (
            line.part_code,
            (line.part_name.zh if language is Language.ZH else "") or line.part_name.en,
            line.part_class,
            line.unit,
            line.crew,
            line.job_type,
            line.uses,
            line.quantity,
            line.cost,
            report.currency,
        )
        for line in report.lines
    ]
    return Table(name=_LINES[language], heads=_HEADS[language], rows=rows)


def _tables(report: MaterialReport, language: Language) -> list[Table]:
    *_, quantity, cost, currency = _HEADS[language]
    sums = (report.by_part, report.by_class, report.by_crew, report.by_job_type)
    return [
        _lines(report, language),
        *(
            Table(
                name=name, heads=(head, quantity, cost, currency), rows=[_sum(each, report.currency) for each in found]
            )
            for (name, head), found in zip(_SUMS[language], sums, strict=True)
        ),
    ]


def _sum(each: MaterialSum, currency: str) -> tuple[Cell, ...]:
    return each.key, each.quantity, each.cost, currency


router = Router("/api/v1", route_handlers=[material, material_csv, material_xlsx, reconciliation], tags=["reports"])
