"""Candidates laid out as arrays: who may do a need, from where, and what counts against them.

Owns the checks of skill, shift, district and position. Never orders anybody (`geo.ranking`, `geo.backlog`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.candidates import Candidate, DispatchPolicy, Need, Reason
from geo.coordinates import Floats, LonLat
from geo.travel import Points
from mobile_contract.schema.base import Skill

Bools = NDArray[np.bool_]
_Reasons = tuple[Reason, ...]
# Where nobody knows where a candidate is, arithmetic still needs a number; such a candidate is never eligible.
_NOWHERE: Final = LonLat(0.0, 0.0)
# A phone's clock may be a little ahead of the office; that makes no position stale.
_INACCURACY_SPEED_M_S: Final = 8.0


class Fit(Struct, frozen=True, eq=False):
    """How candidates fit a kind of need: who is allowed, a penalty in seconds each, reasons each."""

    allowed: Bools
    penalty_s: Floats
    reasons: tuple[_Reasons, ...]


class Lineup:
    """Candidates in person order at one moment; all times are seconds from that moment."""

    def __init__(self, candidates: Sequence[Candidate], policy: DispatchPolicy, now: datetime) -> None:
        self.candidates = tuple(sorted(candidates, key=lambda c: c.person_id))
        self.policy = policy
        self.now = now
        size = len(self.candidates)
        self.from_s = np.array([_seconds(c.shift_from_at, now, -np.inf) for c in self.candidates], dtype=np.float64)
        self.to_s = np.array([_seconds(c.shift_to_at, now, np.inf) for c in self.candidates], dtype=np.float64)
        self.on_shift = self._shifts()
        self.busy_s = np.array([self._busy_s(c) for c in self.candidates], dtype=np.float64)
        self.free_s = np.maximum(self.busy_s, np.maximum(self.from_s, 0.0))
        self.load_s = np.array([max(0.0, c.open_work_s) for c in self.candidates], dtype=np.float64)
        self.place = self._places()
        places = [self._start(c)[0] or _NOWHERE for c in self.candidates]
        self.lon_deg = np.array([p.lon_deg for p in places], dtype=np.float64)
        self.lat_deg = np.array([p.lat_deg for p in places], dtype=np.float64)
        self._skills: dict[tuple[Skill, ...], Fit] = {}
        self._districts: dict[tuple[UUID | None, tuple[UUID, ...], tuple[UUID, ...]], Fit] = {}
        self._everybody = Fit(np.ones(size, dtype=np.bool_), np.zeros(size), ((),) * size)

    def __len__(self) -> int:
        return len(self.candidates)

    def points(self) -> Points:
        """Give the places the candidates start from now."""
        return Points(self.lon_deg, self.lat_deg)

    def skills(self, need: Need) -> Fit:
        """Check the skills of all candidates; a skill is held at its level and below, until it expires."""
        fit = self._skills.get(need.skills)
        if fit is None:
            reasons = tuple(skill_reasons(c, need, self.now) for c in self.candidates)
            fit = _fit(reasons, [not r for r in reasons], [0.0] * len(reasons))
            self._skills[need.skills] = fit
        return fit

    def districts(self, need: Need) -> Fit:
        """Check the districts of all candidates against the need's own, those above it, and its neighbours."""
        key = (need.district_id, need.neighbour_ids, need.above_ids)
        fit = self._districts.get(key)
        if fit is None:
            found = [self._district(c, need) for c in self.candidates]
            penalty = [self.policy.neighbour_penalty_s if r is Reason.NEIGHBOURING_DISTRICT else 0.0 for r in found]
            fit = _fit(tuple((r,) for r in found), [r is not Reason.OTHER_DISTRICT for r in found], penalty)
            self._districts[key] = fit
        return fit

    def _district(self, candidate: Candidate, need: Need) -> Reason:
        mine = set(candidate.district_ids)
        if need.district_id in mine or mine.intersection(need.above_ids):
            return Reason.OWN_DISTRICT
        if not mine or need.district_id is None:
            return Reason.ANY_DISTRICT
        if mine.intersection(need.neighbour_ids):
            return Reason.NEIGHBOURING_DISTRICT
        return Reason.ANY_DISTRICT if self.policy.any_district else Reason.OTHER_DISTRICT

    def _shifts(self) -> Fit:
        known = np.array([c.shift_from_at is not None and c.shift_to_at is not None for c in self.candidates], np.bool_)
        allowed = known & (self.from_s <= self.policy.shift_lead_s) & (self.to_s > 0)
        later = allowed & (self.from_s > 0)
        reasons: list[_Reasons] = []
        for is_allowed, starts_later in zip(allowed.tolist(), later.tolist(), strict=True):
            reasons.append((Reason.STARTS_LATER,) if starts_later else () if is_allowed else (Reason.OFF_SHIFT,))
        return Fit(allowed, np.zeros(len(allowed)), tuple(reasons))

    def _busy_s(self, candidate: Candidate) -> float:
        """Give the seconds until the job under way is over; an overdue or unknown end counts as a usual rest of work."""
        if not candidate.busy:
            return 0.0
        rest = _seconds(candidate.busy_until_at, self.now, 0.0)
        return rest if rest > 0 else self.policy.busy_rest_s

    def _places(self) -> Fit:
        found = [self._start(c) for c in self.candidates]
        reasons = tuple(codes for _, codes, _ in found)
        return _fit(reasons, [place is not None for place, _, _ in found], [penalty for _, _, penalty in found])

    def _start(self, candidate: Candidate) -> tuple[LonLat | None, _Reasons, float]:
        """Decide where a candidate starts from, why, and what the doubt costs in seconds."""
        policy = self.policy
        reported, base = candidate.position, candidate.base
        if reported is not None:
            age_s = np.inf if candidate.position_at is None else (self.now - candidate.position_at).total_seconds()
            if base is not None and age_s > policy.drop_after_s:
                return base, (Reason.POSITION_STALE, Reason.POSITION_FROM_BASE), policy.base_penalty_s
            reasons: _Reasons = ()
            penalty_s = 0.0
            if age_s > policy.stale_after_s:
                reasons, penalty_s = (Reason.POSITION_STALE,), policy.stale_penalty_s
            accuracy_m = candidate.position_accuracy_m or 0.0
            if accuracy_m >= policy.inaccurate_from_m:
                reasons = (*reasons, Reason.POSITION_INACCURATE)
                penalty_s += min(accuracy_m / _INACCURACY_SPEED_M_S, policy.base_penalty_s)
            return reported, reasons, penalty_s
        if base is not None:
            return base, (Reason.POSITION_FROM_BASE,), policy.base_penalty_s
        return None, (Reason.NO_POSITION,), 0.0


def skill_reasons(candidate: Candidate, need: Need, now: datetime) -> tuple[Reason, ...]:
    """Name what a candidate's skills lack for a need; empty when they suffice. Each reason comes once."""
    lacking: list[Reason] = []
    for wanted in need.skills:
        held = [s for s in candidate.skills if s.code == wanted.code]
        valid = [s for s in held if s.expires_at is None or s.expires_at > now]
        if any(s.level >= wanted.level for s in valid):
            continue
        if any(s.level >= wanted.level for s in held):
            lacking.append(Reason.SKILL_EXPIRED)
        else:
            lacking.append(Reason.SKILL_LEVEL_LOW if held else Reason.SKILL_MISSING)
    return tuple(dict.fromkeys(lacking))


def _fit(reasons: tuple[_Reasons, ...], allowed: list[bool], penalty_s: list[float]) -> Fit:
    return Fit(np.array(allowed, dtype=np.bool_), np.array(penalty_s, dtype=np.float64), reasons)


def _seconds(at: datetime | None, now: datetime, unknown: float) -> float:
    return unknown if at is None else (at - now).total_seconds()
