"""Which roles may call which route that is no command: written down by hand, with a call that would succeed. A new route needs a line here."""

from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from mobile_contract.schema.people import Role
from tests.security.lines import LETTERS

OFFICE: Final = "ADMGCEWBIU"
ANYBODY: Final = OFFICE + "TL"
PLANNERS: Final = "ADMGC"
COSTS: Final = "AMGCEWU"
DEVICE: Final = "device"
PUBLIC: Final = "public"


class RouteLine(Struct, frozen=True):
    """A route: who may (letters of roles, `device` or `public`), whether a key with the scope `read` may, a body and a query.

    `path`: parts of the path that are no id. `stream`: the answer has no end, so that only refusals can be waited for. `unknown` is the code for another organisation's id.
    """

    who: str
    key: bool = False
    body: Any = None
    query: dict[str, str] = {}
    unknown: str = ""
    stream: bool = False
    keyed: bool = False
    path: dict[str, str] = {}

    @property
    def roles(self) -> frozenset[Role]:
        """Name the roles that may call."""
        return frozenset() if self.who in (DEVICE, PUBLIC) else frozenset(LETTERS[letter] for letter in self.who)


def _reads(unknown: str = "") -> RouteLine:
    return RouteLine(OFFICE, key=True, unknown=unknown)


NOBODY: Final = str(UUID(int=1))
TILE: Final = {"z": "6", "x": "52", "y": "24.mvt"}
ROUTES: Final[dict[str, RouteLine]] = {
    "people_list_keys": RouteLine("AU"),
    "people_make_key": RouteLine("A", body={"name": "k", "scopes": ["read"]}),
    "people_revoke_key": RouteLine("A", unknown="unknown_key"),
    "people_set_credential": RouteLine("A", body={"login": "somebody"}, unknown="unknown_person"),
    "people_make_reset": RouteLine("A", unknown="unknown_person"),
    # With `mine` whoever reads: tests/api/test_lists_others.py.
    "approvals_list_all": RouteLine(COSTS),
    "auth_login": RouteLine(PUBLIC, body={"org": "nobody", "login": "x", "password": "x"}),
    "auth_refresh": RouteLine(PUBLIC, body={"refresh_token": "x"}),
    "auth_reset_password": RouteLine(PUBLIC, body={"reset_token": "x", "new": "a long new word 1"}),
    "auth_logout": RouteLine(ANYBODY, body={}),
    "auth_me": RouteLine(ANYBODY, key=True),
    "auth_change_password": RouteLine(ANYBODY, body={"current": "x", "new": "a long new word 1"}),
    "staff_list_crews": _reads(),
    "staff_list_persons": _reads(),
    "devices_list_all": RouteLine("ADMGCU"),
    "devices_make_code": RouteLine("ADM", body={"person_id": NOBODY}),
    "devices_revoke": RouteLine("ADM", unknown="unknown_device"),
    "devices_show": RouteLine("ADMGCU", unknown="unknown_device"),
    "devices_rename": RouteLine("ADM", body={"name": "x"}, unknown="unknown_device"),
    "waking_wake": RouteLine(PLANNERS, unknown="unknown_device"),
    "waking_say_where": RouteLine(DEVICE, body={}),
    "storm_show": _reads(),
    "storm_assign_group": RouteLine(PLANNERS, body={"job_ids": [NOBODY], "crew_id": NOBODY}, keyed=True),
    "dispatch_backlog": RouteLine(PLANNERS, body={"commit": False}),
    "dispatch_suggestions": RouteLine(PLANNERS, unknown="unknown_job"),
    "dispatch_take": RouteLine(PLANNERS, body={"person_id": NOBODY}, unknown="unknown_job", keyed=True),
    "plans_make": RouteLine(PLANNERS, body={"kind": "repair", "limit_s": 0.1}),
    "plans_show": RouteLine(PLANNERS, unknown="unknown_plan"),
    "plans_explain": RouteLine(PLANNERS, unknown="unknown_plan", path={"visit_id": NOBODY}),
    "plans_commit": RouteLine(PLANNERS, body={}, unknown="unknown_plan", keyed=True),
    "districts_list_all": _reads(),
    "districts_on_map": _reads(),
    "features_landing": _reads(),
    "features_conformance": _reads(),
    "features_definition": _reads(),
    "features_collections": _reads(),
    "features_collection": RouteLine(OFFICE, key=True, path={"collection_id": "jobs"}),
    "features_items": RouteLine(OFFICE, key=True, path={"collection_id": "jobs"}),
    "features_item": RouteLine(
        OFFICE, key=True, path={"collection_id": "jobs", "feature_id": NOBODY}, unknown="not_found"
    ),
    "ground_show": _reads(),
    "ground_file": RouteLine(PUBLIC),
    "board_show": _reads(),
    "board_changes": RouteLine(OFFICE, key=True, query={"since": "x"}),
    "board_tell": RouteLine(
        OFFICE, key=True, query={"from_at": "2026-03-02T00:00:00Z", "to_at": "2026-03-02T08:00:00Z"}
    ),
    "conflicts_list_all": _reads(),
    "undo_take_back": RouteLine(PLANNERS, unknown="not_found", keyed=True),
    "jobs_list_all": _reads(),
    "jobs_on_map": _reads(),
    "jobs_show": _reads("unknown_job"),
    "live_live": RouteLine(OFFICE, key=True, stream=True),
    "live_show": _reads(),
    "push_list_inbox": RouteLine("ADMGCU"),
    "push_end_entry": RouteLine("ADM", body={"kind": "discarded"}, unknown="not_found", keyed=True),
    "masters_list_duties": _reads(),
    "masters_list_job_types": _reads(),
    "masters_list_policies": _reads(),
    "masters_list_shifts": _reads(),
    "papers_list_forms": _reads(),
    "papers_show_form": _reads("unknown_form"),
    "papers_show_slip": _reads("unknown_slip"),
    "parts_list_all": _reads(),
    "parts_scan": RouteLine(OFFICE, key=True, query={"code": "4006381333931"}),
    "reports_material": RouteLine(COSTS),
    "reports_material_csv": RouteLine(COSTS),
    "reports_material_xlsx": RouteLine(COSTS),
    "reports_reconciliation": RouteLine(OFFICE, key=True, query={"day": "2026-03-02"}),
    "requests_list_all": _reads(),
    "sites_list_all": _reads(),
    "stock_list_balances": _reads(),
    "stock_list_locations": _reads(),
    "stock_list_moves": _reads(),
    "tiles_jobs": RouteLine(OFFICE, key=True, path=TILE),
    "tiles_sites": RouteLine(OFFICE, key=True, path=TILE),
    "tiles_districts": RouteLine(OFFICE, key=True, path=TILE),
    "tiles_crews": RouteLine(PLANNERS, path=TILE),
    "tiles_tracks": RouteLine(PLANNERS, path={"z": "12", "x": "3370", "y": "1550"}),
    "tiles_crews_live": RouteLine(PLANNERS),
    "trackers_make": RouteLine("ADM", body={"person_id": NOBODY, "name": "x"}),
    "trackers_list_all": RouteLine("ADMGCU"),
    "trackers_end": RouteLine("ADM", unknown="unknown_tracker"),
    "visits_list_all": _reads(),
    "warehouse_count_queues": RouteLine(COSTS),
    "warehouse_exceptions": RouteLine(COSTS),
    "warehouse_to_approve": RouteLine(COSTS),
    "warehouse_to_hand_over": RouteLine(COSTS),
    "warehouse_to_pick": RouteLine(COSTS),
    "warehouse_to_receive_back": RouteLine(COSTS),
    "health_live": RouteLine(PUBLIC),
    "health_ready": RouteLine(PUBLIC),
    "devices_enrol": RouteLine(PUBLIC, body={"code": "x", "device_name": "x"}),
    "pull_live": RouteLine(DEVICE, stream=True),
    "push_report_positions": RouteLine(DEVICE, body={"positions": []}),
    "pull_pull": RouteLine(DEVICE, body={}),
    "push_hand_in": RouteLine(DEVICE, body={"sent": {"wall": "2026-03-02T02:00:00Z"}, "commands": []}),
    "pull_repair": RouteLine(DEVICE, body={"bucket": "ref"}),
    "devices_renew_sessions": RouteLine(DEVICE, body={}),
}

# Routes without a place in the reference: the page, its files and its sign-in, the documents, the metrics, formats of others.
HIDDEN: Final = frozenset(
    {
        "/",
        "/live/{name}",
        # The console's files: tests/browser/console/test_console_files.py.
        "/console",
        "/console/{name}",
        "/console/assets/{name}",
        "/web/session",
        "/web/session/refresh",
        "/openapi.json",
        "/docs",
        "/docs/problems",
        "/docs/style.css",
        "/metrics",
        # Apps of other makers, with a token of their own: tests/interop/test_traccar.py.
        "/traccar",
        # GeoReport, whose reference is the standard's: tests/security/test_open311_doors.py.
        "/open311/v2/services.json",
        "/open311/v2/services.xml",
        "/open311/v2/services/{file}",
        "/open311/v2/requests.json",
        "/open311/v2/requests.xml",
        "/open311/v2/requests/{file}",
    }
)
