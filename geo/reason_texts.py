"""What the reason codes of ranking say to a dispatcher, in English and Chinese. Owns words only."""

from typing import Final

from geo.candidates import Reason
from mobile_contract.schema.base import LocalText

REASON_TEXTS: Final = {
    Reason.SKILL_MISSING: LocalText(en="A required skill is missing.", zh="缺少所需技能。"),
    Reason.SKILL_LEVEL_LOW: LocalText(en="The level of a skill is too low.", zh="技能等级不够。"),
    Reason.SKILL_EXPIRED: LocalText(en="A required skill has expired.", zh="所需技能已过期。"),
    Reason.OFF_SHIFT: LocalText(en="Not on shift.", zh="不在班。"),
    Reason.SHIFT_TOO_SHORT: LocalText(en="The shift ends before the job would be done.", zh="下班前无法完成。"),
    Reason.OTHER_DISTRICT: LocalText(en="Works in another district.", zh="负责其他区域。"),
    Reason.NO_POSITION: LocalText(en="Neither a position nor a base is known.", zh="位置和驻地均未知。"),
    Reason.JOB_NOT_LOCATED: LocalText(en="The job has no place on the map yet.", zh="工单尚未定位。"),
    Reason.OWN_DISTRICT: LocalText(en="The job is in the own district.", zh="工单在本区域内。"),
    Reason.NEIGHBOURING_DISTRICT: LocalText(en="The job is in a neighbouring district.", zh="工单在相邻区域。"),
    Reason.ANY_DISTRICT: LocalText(en="Districts do not matter here.", zh="不受区域限制。"),
    Reason.POSITION_STALE: LocalText(en="The last position is old.", zh="最后位置已过时。"),
    Reason.POSITION_INACCURATE: LocalText(en="The last position is inaccurate.", zh="最后位置精度低。"),
    Reason.POSITION_FROM_BASE: LocalText(en="Reckoned from the base.", zh="按驻地计算。"),
    Reason.BUSY: LocalText(en="Still at another job.", zh="正在处理其他工单。"),
    Reason.STARTS_LATER: LocalText(en="The shift starts later.", zh="稍后上班。"),
    Reason.AFTER_DUE: LocalText(en="Would arrive after the due time.", zh="将晚于时限到达。"),
}
