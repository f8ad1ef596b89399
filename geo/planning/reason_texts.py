"""What the codes of planning say to a dispatcher, in English and Chinese. Owns words only."""

from typing import Final

from geo.planning.explain import Ground
from geo.planning.measure import MoveKind
from geo.planning.rules import Rule
from mobile_contract.schema.base import LocalText

RULE_TEXTS: Final = {
    Rule.UNKNOWN: LocalText(en="The visit or the crew is unknown.", zh="上门任务或班组不存在。"),
    Rule.PLANNED_TWICE: LocalText(en="The visit is planned twice.", zh="上门任务被重复安排。"),
    Rule.FORGOTTEN: LocalText(en="The visit is missing from the plan.", zh="计划中遗漏了该上门任务。"),
    Rule.NOT_PRESENT: LocalText(en="The crew is not at work today.", zh="班组今天未出勤。"),
    Rule.WAITS_FOR_RELIEF: LocalText(
        en="The crew stays on site until the right crew comes.", zh="班组须在现场等待责任班组到达。"
    ),
    Rule.TRAVEL: LocalText(en="The crew cannot be there so soon.", zh="班组无法及时赶到。"),
    Rule.WORK_TIME: LocalText(en="The work takes longer than planned for.", zh="计划工时不足。"),
    Rule.WINDOW: LocalText(en="Outside the agreed time window.", zh="不在约定的时间段内。"),
    Rule.NOT_RELEASED: LocalText(en="The visit may not begin yet.", zh="任务尚未放行。"),
    Rule.DUE: LocalText(en="Would begin after the due time.", zh="将晚于时限开始。"),
    Rule.SHIFT: LocalText(en="Would end after the shift.", zh="将超出班次时间。"),
    Rule.BREAK: LocalText(en="A break would be lost or moved out of its time.", zh="休息时间将被占用或推迟。"),
    Rule.SKILL_MISSING: LocalText(en="A required skill is missing.", zh="缺少所需技能。"),
    Rule.SKILL_LEVEL_LOW: LocalText(en="The level of a skill is too low.", zh="技能等级不够。"),
    Rule.SKILL_EXPIRED: LocalText(en="A certificate expires before the work is done.", zh="证书将在完工前到期。"),
    Rule.TERRITORY: LocalText(en="Works in another territory.", zh="负责其他片区。"),
    Rule.SAME_TECHNICIAN: LocalText(en="The same technician as before is wanted.", zh="须由原来的技术员前往。"),
    Rule.LOCKED_CREW: LocalText(en="Locked to another crew.", zh="已锁定给其他班组。"),
    Rule.LOCKED_TIME: LocalText(en="Locked to another time.", zh="已锁定在其他时间。"),
    Rule.PARTS: LocalText(en="The van does not hold the parts.", zh="车上没有所需配件。"),
    Rule.STORE: LocalText(en="The store is closed at that time.", zh="仓库届时不开放。"),
    Rule.FROZEN: LocalText(en="What begins soon stays as it is.", zh="即将开始的任务不再变动。"),
    Rule.TOGETHER: LocalText(en="The second crew cannot be there at the same time.", zh="第二班组无法同时到场。"),
}

GROUND_TEXTS: Final = {
    Ground.FROZEN: LocalText(en="Begins soon and stays with its crew.", zh="即将开始，仍由原班组执行。"),
    Ground.LOCKED: LocalText(en="A dispatcher locked it to this crew.", zh="调度员已锁定该班组。"),
    Ground.SAME_TECHNICIAN: LocalText(en="The same technician as before.", zh="仍由原来的技术员前往。"),
    Ground.ONLY_ONE: LocalText(en="Nobody else can do it.", zh="其他班组均无法承担。"),
    Ground.LEAST_EXTRA: LocalText(en="Has the least extra way.", zh="绕行最少。"),
    Ground.FITS_THE_WHOLE: LocalText(
        en="Others would drive less for it, but the day as a whole gets longer.",
        zh="其他班组绕行更少，但全天总行程会更长。",
    ),
    Ground.WOULD_COST_MORE: LocalText(en="Could do it with a longer way.", zh="可以承担，但绕行更多。"),
    Ground.WOULD_COST_LESS: LocalText(
        en="Could do it with a shorter way, at the cost of others.", zh="可以承担且绕行较少，但会影响其他任务。"
    ),
}

MOVE_TEXTS: Final = {
    MoveKind.ASSIGNED: LocalText(en="Newly assigned.", zh="新安排。"),
    MoveKind.REASSIGNED: LocalText(en="Goes to another crew.", zh="改派其他班组。"),
    MoveKind.RETIMED: LocalText(en="Begins at another time.", zh="开始时间变动。"),
    MoveKind.TAKEN_BACK: LocalText(en="Can no longer be done as planned.", zh="无法按原计划执行。"),
    MoveKind.KEPT: LocalText(en="Stays as it is.", zh="保持不变。"),
}
