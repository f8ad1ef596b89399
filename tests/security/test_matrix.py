"""Role × command × whose it is, through both doors: every command of the registry against the line that `lines.py` has for it."""

from collections.abc import Iterable

import asyncpg
import pytest
from msgspec import Struct

from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS, Nature
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.people import Role
from tests.api.serving import Site
from tests.security.lines import COLUMNS, LINES
from tests.security.scenes import SCENES, Ground
from tests.security.world import World, arrange, changed, joining, make_world, member_of, stored
from tests.sync.phone import Phone


class Cell(Struct, frozen=True):
    """One try: who, where, and the command that would succeed for whoever may."""

    role: Role
    column: str
    command: Command


def test_every_command_has_a_line_and_a_scene_and_no_line_is_left_over() -> None:
    assert set(LINES) == set(COMMANDS)
    assert set(SCENES) == set(COMMANDS)


def test_the_lines_name_every_role_of_the_registry() -> None:
    differing = [
        name
        for name, line in LINES.items()
        if COMMANDS[name].nature is Nature.DECISION
        and not line.console_only
        and (line.office, line.field) != (COMMANDS[name].office, COMMANDS[name].field)
    ]
    assert differing == []


async def tried(world: World, name: str, roles: Iterable[Role], columns: Iterable[str] = ()) -> list[Cell]:
    """Prepare a ground for each role and column (all of them where the command is about a job)."""
    about_a_job = "job_id" in COMMANDS[name].type.__struct_fields__
    columns = columns or (COLUMNS if about_a_job else ("own", "foreign"))
    cells, steps = [], {world.ours.id: list[Command](), world.theirs.id: list[Command]()}
    for column in columns:
        holder = world.theirs if column == "foreign" else world.ours
        for role in roles:
            # In the other organisation the namesake is the owner: the caller is nobody there.
            person = holder.people[role.value]
            ground = Ground(home=world.ours, holder=holder, column=column, role=role, person=person)
            cells.append(Cell(role, column, SCENES[name](ground)))
            steps[holder.id] += ground.steps
    await arrange(world.ours, steps[world.ours.id])
    await arrange(world.theirs, steps[world.theirs.id])
    return cells


def expectations(name: str, cells: list[Cell], *, on_phone: bool) -> dict[tuple[Role, str], str]:
    """Look up the code of every cell."""
    return {(c.role, c.column): LINES[name].code(c.role, c.column, on_phone=on_phone) for c in cells}


async def over_rest(world: World, cell: Cell) -> str:
    """Send a cell's command signed in; gives its code, `ok` when it took effect."""
    answer = await world.send(cell.command, world.members[cell.role].headers)
    code: str = answer.json()["code"]
    assert answer.status_code == ERRORS[code].status, answer.text
    assert (answer.status_code == 200) == (code == "ok"), answer.text
    return code


async def by_push(world: World, cells: list[Cell], name: str) -> dict[tuple[Role, str], str]:
    """Hand all cells in, each from its role's phone; gives the codes. Refused reports are put aside, never lost."""
    refused = "quarantined" if COMMANDS[name].nature is Nature.FACT else "rejected"
    codes = {}
    for role in {cell.role for cell in cells}:
        own = [cell for cell in cells if cell.role is role]
        for cell, outcome in zip(
            own, await world.push(world.members[role].phone, [c.command for c in own]), strict=True
        ):
            codes[cell.role, cell.column] = outcome.get("code", "ok")
            assert outcome["status"] == ("applied" if codes[cell.role, cell.column] == "ok" else refused), outcome
    return codes


@pytest.mark.parametrize("name", COMMANDS)
async def test_signed_in_each_role_may_exactly_what_its_line_says(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    cells = await tried(world, name, Role)
    expected = expectations(name, cells, on_phone=False)
    before = await stored(owner, world)
    refused = [cell for cell in cells if expected[cell.role, cell.column] != "ok"]
    codes = {(c.role, c.column): await over_rest(world, c) for c in refused}
    assert codes == {key: code for key, code in expected.items() if code != "ok"}
    assert changed(before, await stored(owner, world)) == []
    allowed = [cell for cell in cells if expected[cell.role, cell.column] == "ok"]
    codes = {(c.role, c.column): await over_rest(world, c) for c in allowed}
    assert codes == {(c.role, c.column): "ok" for c in allowed}
    assert changed(before, await stored(owner, world), of="theirs") == []


@pytest.mark.parametrize("name", COMMANDS)
async def test_on_a_phone_each_role_may_exactly_what_its_line_says(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    cells = await tried(world, name, Role)
    expected = expectations(name, cells, on_phone=True)
    before = await stored(owner, world)
    refused = [cell for cell in cells if expected[cell.role, cell.column] != "ok"]
    assert await by_push(world, refused, name) == {key: code for key, code in expected.items() if code != "ok"}
    assert changed(before, await stored(owner, world)) == []
    allowed = [cell for cell in cells if expected[cell.role, cell.column] == "ok"]
    assert await by_push(world, allowed, name) == {(c.role, c.column): "ok" for c in allowed}
    assert changed(before, await stored(owner, world), of="theirs") == []


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_key_may_what_an_integration_may_and_its_scope_names(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    cells = await tried(world, name, [Role.INTEGRATION], ("crew", "foreign"))
    line, scoped = LINES[name], await world.key(name, "read")
    unscoped = await world.key("read", *(other for other in COMMANDS if other != name))
    before = await stored(owner, world)
    for cell in cells:
        answer = await world.send(cell.command, unscoped)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        answer = await world.send(cell.command, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    # A key is nobody's: what crews report is closed to it whatever the scope of a person would be.
    may = Role.INTEGRATION in line.office
    expected = [line.code(Role.INTEGRATION, c.column, on_phone=False) if may else "forbidden" for c in cells]
    answers = [await world.send(cell.command, scoped) for cell in cells]
    assert [answer.json()["code"] for answer in answers] == expected
    assert changed(before, await stored(owner, world), of="theirs" if "ok" in expected else "") == []


@pytest.fixture(scope="module")
async def outside(still: Site, pool: asyncpg.Pool) -> World:
    """Give organisations of which some people have left."""
    return await make_world(still, pool, 7)


@pytest.fixture(scope="module")
async def outsiders(outside: World) -> tuple[Phone, Phone, dict[str, str]]:
    """Give somebody of every role: on a phone that was revoked, and one who left with phone and sign-in."""
    org = outside.ours
    await org.ok(*joining(org, "robbed", *Role), *joining(org, "gone", *Role))
    robbed, gone = await member_of(outside.site, org, "robbed"), await member_of(outside.site, org, "gone")
    admin = outside.members[Role.ADMIN]
    revoked = await outside.site.client.delete(f"/api/v1/devices/{robbed.phone.id}", headers=admin.headers)
    assert revoked.status_code == 204
    # By the queue of a phone, so that device and sign-in are still there.
    await outside.push(admin.phone, [d.OffboardPerson(person_id=gone.id)])
    return robbed.phone, gone.phone, gone.headers


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_revoked_phone_and_who_has_left_decide_nothing_more(
    outside: World, owner: asyncpg.Connection, outsiders: tuple[Phone, Phone, dict[str, str]], name: str
) -> None:
    robbed, gone, headers = outsiders
    (cell,) = await tried(outside, name, [Role.ENGINEER], ("crew",))
    before = await stored(owner, outside)
    fact = COMMANDS[name].nature is Nature.FACT
    (outcome,) = await outside.push(robbed, [cell.command])
    assert (outcome["status"], outcome["code"]) == ("quarantined" if fact else "rejected", "device_revoked")
    answer = await outside.send(cell.command, headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_inactive")
    if not fact:
        (outcome,) = await outside.push(gone, [cell.command])
        assert (outcome["status"], outcome["code"]) == ("rejected", "person_inactive")
    assert changed(before, await stored(owner, outside)) == []
