"""The one way to a handler: what no handler can work with is an answer, never a fault."""

from datetime import UTC, datetime

import pytest

from mobile_contract.schema import decisions as d
from tests.arrange import Org


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
async def test_an_instant_at_the_edge_of_the_calendar_is_refused_or_kept_but_no_fault(org: Org, at: datetime) -> None:
    lon, lat = org.point("east")
    command = d.OpenJob(job_id=org.new_id(), job_type="repair", lon_deg=lon, lat_deg=lat, reported_at=at)
    (answer,) = await org.send(command, by="dan")
    assert answer.took_effect or (answer.status, answer.code) == ("rejected", "invalid")
