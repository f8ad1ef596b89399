"""A phone gives nobody more than they have: who may make a code for whom, and what counts on a phone that passes from hand to hand."""

import asyncpg
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema.people import CrewMember, Person, Role
from sync.devices import recognise
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org, organisation
from tests.sync import looking
from tests.sync.phone import phone_of_crew


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "ada", "max")


@pytest.mark.parametrize(
    ("by", "whom", "status"),
    [("dan", "amy", 201), ("dan", "ada", 403), ("dan", "gus", 403), ("max", "ada", 403), ("ada", "gus", 201)],
)
async def test_a_code_is_made_for_those_who_may_no_more_than_its_maker(
    desk: Office, by: str, whom: str, status: int
) -> None:
    answer = await desk.post("/devices/enrolments", {"person_id": str(desk.org.people[whom])}, by=by)
    assert answer.status_code == status, answer.text


async def test_on_a_crews_phone_nobody_is_more_than_a_member_of_the_crew(org: Org) -> None:
    ada, beta = org.people["ada"], org.crews["beta"]
    await org.ok(d.SaveCrewMember(member=CrewMember(id=org.new_id(), crew_id=beta, person_id=ada, from_at=NOW)))
    phone = await phone_of_crew(org, "beta", "ada")
    known = await recognise(org.pool, phone.enrolled.token.text, phone.session("ada"))
    assert known is not None and known.actor.roles == frozenset()
    crook = Person(id=org.people["bob"], code="bob", name="Bob", roles=(Role.TECHNICIAN, Role.ADMIN))
    awaited = org.new_id()
    phone.do(d.SavePerson(person=crook))
    waiting = phone.do(d.SavePerson(person=crook), after=(awaited,))
    assert [(o.status, o.code) for o in await phone.taken()] == [("rejected", "forbidden"), ("held", "waiting")]
    opened = d.OpenJob(job_id=org.new_id(), job_type="repair", title="leak")
    await org.send(opened, by="dan", ids=(awaited,))
    told = await looking.outcome(org, waiting)
    assert (told["status"], told["code"]) == ("rejected", "forbidden")
    (bob,) = await looking.rows(org, "select roles from person where org_id = $1 and id = $2", org.people["bob"])
    assert bob["roles"] == ["technician"]
