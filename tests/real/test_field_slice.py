"""Twelve crews work the first real repairs of 2013 with bad networks; a slice of `benchmarks.field_year`, proved in the same way."""

from pathlib import Path

import pytest

from api.operator_error import OperatorError
from api.settings import Settings
from benchmarks import field_year, repair_crews
from benchmarks.field_year import DATA, Year

REPAIRS = 40

_missing = pytest.mark.skipif(
    not (DATA / repair_crews.REPAIRS_FILE).exists(),
    reason=f"NOT TESTED ON REAL DATA: {DATA / repair_crews.REPAIRS_FILE} is missing; put the repairs and the districts there",
)


@pytest.mark.slow
@_missing
def test_crews_work_real_repairs_and_nothing_is_lost(settings: Settings) -> None:
    figures = field_year.play_year(settings, Year(slice_=REPAIRS, seed=7))
    proof, traffic = figures.proof, figures.traffic
    assert proof.holds, proof.faults
    assert (figures.jobs, figures.closed) == (REPAIRS, REPAIRS)
    assert (figures.imported.districts, figures.imported.waiting) == (15, 0)
    assert len(proof.devices) == 12
    assert all(job.district_id is not None for job in proof.jobs)
    assert {line.reach for line in proof.sent} <= {"own", "neighbouring"}
    assert figures.visits >= REPAIRS
    assert set(proof.outcomes) <= {"applied", "rejected", "merged"}
    # Without these it would prove nothing.
    assert traffic.lost_answers > 0
    assert proof.sent_again > 0
    assert figures.deaths > 0


def test_without_the_data_the_year_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"water_main_leaks_2010_2013\.csv"):
        repair_crews.data_folder(tmp_path)
    assert field_year.main(["--data", str(tmp_path)]) == 2
