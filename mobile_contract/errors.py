"""The one catalogue of stable codes. Every refusal, flag on an answer and HTTP problem names a code from here, in both languages."""

from enum import StrEnum

from msgspec import Struct


class Language(StrEnum):
    """An interface language."""

    EN = "en"
    ZH = "zh"


class Entry(Struct, frozen=True):
    """One code: the HTTP status it has at the REST edge and its message in both languages."""

    status: int
    en: str
    zh: str

    def text(self, language: Language) -> str:
        """Say the message in a language."""
        return self.zh if language is Language.ZH else self.en


ERRORS: dict[str, Entry] = {
    # the edge
    "not_found": Entry(404, "There is nothing at this address.", "此地址没有内容。"),
    "method_not_allowed": Entry(405, "This address does not accept this method.", "此地址不接受该方法。"),
    "body_too_large": Entry(413, "The request is too large.", "请求过大。"),
    "too_slow": Entry(408, "The request came too slowly; send it again.", "请求传输过慢，请重新发送。"),
    "request_cut": Entry(400, "The request was cut off on its way; send it again.", "请求在途中中断，请重新发送。"),
    "unsupported_media_type": Entry(415, "This media type or encoding is not accepted.", "不接受该媒体类型或编码。"),
    "malformed": Entry(400, "The request could not be read.", "无法读取请求。"),
    "invalid": Entry(422, "The request has a field that is missing or wrong.", "请求中有缺失或错误的字段。"),
    "unknown_command": Entry(422, "No command has this name.", "没有此名称的命令。"),
    "internal": Entry(500, "The server made a mistake; it has been recorded.", "服务器出错，已记录。"),
    "busy": Entry(503, "The server is busy; try again soon.", "服务器繁忙，请稍后重试。"),
    "not_ready": Entry(503, "The server is not ready yet.", "服务器尚未就绪。"),
    "standby": Entry(503, "This server is a standby; ask the primary.", "此服务器为备用，请访问主服务器。"),
    "too_many_requests": Entry(
        429, "Too many requests; wait as long as Retry-After says.", "请求过多，请按 Retry-After 等待。"
    ),
    "range_outside": Entry(416, "This part lies outside the file.", "请求的范围超出文件。"),
    "upgrade_required": Entry(
        426,
        "This app is too old; update it and sync again. Nothing is lost.",
        "应用版本过旧，请更新后再同步。数据不会丢失。",
    ),
    "precondition_failed": Entry(412, "It has changed since you read it; read it again.", "内容已更改，请重新读取。"),
    "idempotency_key_missing": Entry(
        400, "A command needs an Idempotency-Key header with a UUID.", "命令需要 Idempotency-Key 头（UUID）。"
    ),
    # who
    "unauthenticated": Entry(401, "Sign in first.", "请先登录。"),
    "password_must_change": Entry(403, "Choose a new password first.", "请先设置新密码。"),
    "password_weak": Entry(422, "This password is too easy to guess.", "该密码过于简单。"),
    "reset_invalid": Entry(
        401,
        "This reset token is unknown, used or expired; ask for a new one.",
        "重置令牌无效、已用或过期，请重新索取。",
    ),
    "unknown_person": Entry(404, "There is no such person.", "没有此人员。"),
    "unknown_crew": Entry(404, "There is no such crew.", "没有此班组。"),
    "unknown_device": Entry(404, "There is no such device.", "没有此设备。"),
    "unknown_location": Entry(404, "There is no such stock location.", "没有此库位。"),
    "unknown_key": Entry(404, "There is no such key.", "没有此密钥。"),
    "unknown_tracker": Entry(404, "There is no such tracker.", "没有此定位终端。"),
    "login_taken": Entry(409, "Somebody else has this login.", "该登录名已被占用。"),
    "oidc_unavailable": Entry(
        503, "The identity provider does not answer; try again soon.", "身份提供方无响应，请稍后重试。"
    ),
    "login_failed": Entry(401, "Name or password is wrong.", "用户名或密码错误。"),
    "token_expired": Entry(401, "The token has expired; refresh it.", "令牌已过期，请刷新。"),
    "token_reused": Entry(401, "This token was used before; sign in again.", "该令牌已被使用，请重新登录。"),
    "enrolment_invalid": Entry(
        401,
        "This enrolment code is unknown, used or expired; ask for a new one.",
        "注册码无效、已用或过期，请重新索取。",
    ),
    "device_revoked": Entry(
        403,
        "This device was revoked; it may hand in its queue and must wipe itself.",
        "设备已吊销；可上交队列，然后必须清除数据。",
    ),
    "session_unknown": Entry(403, "This session was not issued to this device.", "该会话不属于此设备。"),
    "forbidden": Entry(403, "You may not do this.", "您无权执行此操作。"),
    "person_inactive": Entry(403, "This person is no longer active.", "该人员已停用。"),
    # sync
    "device_forked": Entry(
        409,
        "Two phones use this identity; enrol again and send all pending commands with the same ids.",
        "两部手机使用同一身份；请重新注册并以相同编号重发。",
    ),
    "sequence_hole": Entry(
        409,
        "A command is missing before this one; send from the expected number.",
        "之前缺少命令，请从期望的序号发送。",
    ),
    "batch_unreadable": Entry(
        422, "The batch could not be read; halve it and send again.", "批次无法读取，请减半后重发。"
    ),
    "batch_too_large": Entry(413, "The batch passes the limits; send fewer commands.", "批次超出限制，请减少命令数。"),
    "id_reused": Entry(409, "This id was used for something else.", "该编号已用于其他内容。"),
    "server_fault": Entry(
        500, "The server could not handle this command; it is kept whole.", "服务器无法处理此命令，已完整保留。"
    ),
    "skipped": Entry(
        422, "The device could not send this command in a readable form.", "设备无法以可读形式发送此命令。"
    ),
    "quota_exceeded": Entry(429, "This device has sent too much today.", "设备今日发送过多。"),
    "out_of_scope": Entry(403, "This was never yours to work on.", "这不属于您的工作范围。"),
    "scope_near_limit": Entry(
        200, "This person holds nearly as much as a device can take.", "此人员的数据范围已接近设备上限。"
    ),
    "scope_too_large": Entry(
        200,
        "This person holds more than a device can take; some of it was left out.",
        "此人员的数据范围超出设备上限，部分内容未下发。",
    ),
    "waiting": Entry(202, "Waits for what it follows.", "等待其前置命令。"),
    "dependency_rejected": Entry(409, "What this follows was refused.", "其前置命令被拒绝。"),
    "dependency_expired": Entry(409, "What this follows was not resolved in time.", "其前置命令未能及时解决。"),
    "dependency_invalid": Entry(
        422, "The chain of dependencies is too long or runs in a circle.", "依赖链过长或成环。"
    ),
    "quarantine_resolved": Entry(409, "This entry was already resolved.", "该条目已处理。"),
    "nothing_to_apply": Entry(
        422, "There is nothing readable to apply; correct or discard it.", "没有可应用的内容，请更正或放弃。"
    ),
    # the work
    "ok": Entry(200, "Done.", "完成。"),
    "unchanged": Entry(200, "It was so already.", "已是如此。"),
    "edit_merged": Entry(
        200,
        "Some fields had changed meanwhile; both values are kept and shown.",
        "部分字段已被他人修改，两个值均已保留并显示。",
    ),
    "unknown_job": Entry(404, "There is no such job.", "没有此工单。"),
    "unknown_visit": Entry(404, "There is no such visit of this job.", "该工单没有此次上门。"),
    "unknown_reference": Entry(422, "Something this refers to does not exist.", "引用的对象不存在。"),
    "unknown_job_type": Entry(422, "There is no such job type.", "没有此工单类型。"),
    "point_invalid": Entry(422, "The coordinates are not a place on earth.", "坐标无效。"),
    "nobody_named": Entry(422, "Name a crew or a person, not both.", "请指定一个班组或一个人员。"),
    "nobody_suggested": Entry(
        409, "Nobody can go to this job now; the suggestions say why.", "目前无人可派，原因见派工建议。"
    ),
    "job_exists": Entry(409, "A job with this id exists with other content.", "同编号工单已存在且内容不同。"),
    "job_state": Entry(409, "The job is not in a state that allows this.", "工单当前状态不允许此操作。"),
    "job_already_closed": Entry(409, "The job is closed.", "工单已关闭。"),
    "job_already_claimed": Entry(409, "Somebody else was faster.", "已被他人认领。"),
    "job_not_open": Entry(409, "The job is not open to be claimed.", "工单不可认领。"),
    "visit_state": Entry(409, "The visit is not in a state that allows this.", "此次上门当前状态不允许此操作。"),
    "visit_under_way": Entry(
        409, "The crew is already on its way or at work; what it reported wins.", "班组已出发或在作业，以其报告为准。"
    ),
    "plan_changed": Entry(409, "The plan has changed since; look at the new one.", "计划已更改，请查看新计划。"),
    "undo_not_possible": Entry(409, "This cannot be taken back.", "此操作无法撤销。"),
    "undo_overtaken": Entry(
        409, "Things have gone on since; this can no longer be taken back.", "情况已有进展，无法再撤销。"
    ),
    "conflict_settled": Entry(409, "Somebody has settled this conflict.", "该冲突已由他人处理。"),
    "field_changed": Entry(409, "The field was changed meanwhile; look at it again.", "该字段已被更改，请重新查看。"),
    "visit_locked": Entry(
        409, "A dispatcher locked this visit; unlock it first.", "该上门任务已被调度员锁定，请先解锁。"
    ),
    "lock_invalid": Entry(
        422,
        "The lock needs somebody who goes, a time, or a span that the visit's time lies in.",
        "锁定需有执行人、时间，或包含该任务时间的时间段。",
    ),
    "unknown_plan": Entry(404, "There is no such proposal, or it has expired.", "没有此方案，或方案已过期。"),
    "plan_outdated": Entry(
        409,
        "Somebody changed the plan meanwhile; nothing was done. Make the proposal anew.",
        "期间计划已被他人更改，未做任何变更，请重新生成方案。",
    ),
    "visit_accepted": Entry(409, "The crew has accepted it as it was.", "班组已按原计划接受该任务。"),
    "crew_busy": Entry(409, "The crew has taken on other work meanwhile.", "班组期间已承担其他任务。"),
    "visit_frozen": Entry(409, "It begins too soon to be moved by now.", "该任务即将开始，已不能变动。"),
    "time_passed": Entry(409, "The time it was planned for has passed.", "计划时间已过。"),
    "depends_on_overtaken": Entry(
        409,
        "The crew keeps a visit in whose place this was planned.",
        "该任务原定替换班组的另一任务，而班组仍保留后者。",
    ),
    "plan_committed": Entry(409, "This proposal was committed already.", "该方案已提交。"),
    "too_much_to_plan": Entry(
        422,
        "There is too much for one plan; choose a district, crews or fewer days.",
        "一次规划的内容过多，请选择区域、班组或缩短天数。",
    ),
    "not_assigned": Entry(403, "This visit is not yours.", "此次上门不属于您。"),
    "field_not_editable": Entry(422, "This field cannot be edited.", "该字段不可编辑。"),
    "stock_short": Entry(409, "The store does not have that much free.", "库存可用数量不足。"),
    "location_wrong": Entry(422, "This kind of location cannot be used for that.", "该类库位不能用于此操作。"),
    "location_inactive": Entry(409, "This location is not used any more.", "该库位已停用。"),
    "location_fixed": Entry(409, "A location keeps its kind, and a bin its store.", "库位的类型及所属仓库不可更改。"),
    "as_of_future": Entry(422, "The instant has not come yet.", "时间点尚未到来。"),
    "transfer_told": Entry(
        409, "This side of the transfer was told already, with other words.", "此方已就该调拨作出不同的报告。"
    ),
    "move_not_reversible": Entry(
        409,
        "This move cannot be reversed; count again, book anew, confirm the transfer or take the loan back.",
        "该移动不可冲销，请重新盘点、重新记账、确认调拨或收回借用。",
    ),
    "issue_received": Entry(
        409,
        "The crew has received it; reverse the receipt first, or have it brought back.",
        "班组已签收，请先冲销签收记录，或由班组退回。",
    ),
    "exception_closed": Entry(409, "This exception is not open any more.", "该异常已处理。"),
    "exception_changed": Entry(
        409,
        "Material moved since this was found; reconcile the day again and look at what it finds.",
        "发现该异常后材料又有移动，请重新核对当日账目后再处理。",
    ),
    "action_not_possible": Entry(
        409, "This kind of exception cannot be ended in this way.", "该类异常不能以此方式处理。"
    ),
    "serials_needed": Entry(422, "Say which serials, as many as the quantity.", "请指明序列号，数量须一致。"),
    "report_too_large": Entry(
        422,
        "The report has too many lines; choose a crew, a type of job or a class.",
        "报表行数过多，请按班组、工单类型或类别筛选。",
    ),
    "loan_exceeded": Entry(409, "No more can come back than was lent or paid.", "归还不得超过借出数量或押金。"),
    "approval_decided": Entry(409, "It was already decided.", "已有决定。"),
    "own_request": Entry(403, "Nobody approves their own request.", "不能审批自己的申请。"),
    "not_the_approver": Entry(403, "The ladder names somebody else.", "审批权限属于他人。"),
    "lines_invalid": Entry(
        422,
        "A line is not of this request, or more of it than was asked; or nothing at all is approved.",
        "批准的行不属于该申请、超过申请数量，或未批准任何数量。",
    ),
    "calendar_invalid": Entry(422, "The work calendar has a fault.", "工作日历有误。"),
    "delegation_circle": Entry(409, "The delegations would run in a circle.", "委托成环。"),
    "delegation_too_long": Entry(409, "Delegations may not be passed on so often.", "委托转授次数过多。"),
    "delegation_not_yours": Entry(
        403, "Only whoever delegates may say so, or an administrator.", "只能由委托人本人或管理员设置。"
    ),
    "duty_own": Entry(
        403, "Nobody puts themselves on a duty roster; an administrator may.", "不能把自己列入值班表，请由管理员设置。"
    ),
    "allowance_own": Entry(403, "Nobody grants themselves an allowance.", "不能给自己授予额度。"),
    "allowance_exists": Entry(409, "An allowance never changes; grant another one.", "额度不可更改，请另行授予。"),
    "no_policy": Entry(422, "No approval policy is in force.", "没有生效的审批政策。"),
    "quantity_invalid": Entry(422, "The quantity must be above zero.", "数量必须大于零。"),
    "signature_empty": Entry(
        422, "A signature needs strokes, or a reason and a witness.", "签名需有笔迹，或注明拒签原因和见证人。"
    ),
    "skill_missing": Entry(409, "The required skill is missing or expired.", "缺少所需技能或已过期。"),
    "outline_invalid": Entry(422, "The outline is not a valid polygon.", "边界不是有效的多边形。"),
    "version_exists": Entry(409, "This version exists with other content.", "该版本已存在且内容不同。"),
    "code_taken": Entry(409, "Something else has this code.", "该代码已被占用。"),
    "span_invalid": Entry(422, "The end must be after the start.", "结束时间必须晚于开始时间。"),
    "number_invalid": Entry(
        422, "A number is too large, too fine, negative or not a number.", "数值过大、过细、为负或不是数字。"
    ),
    "policy_invalid": Entry(422, "The approval ladder has a gap or an overlap.", "审批阶梯有空缺或重叠。"),
    "district_circle": Entry(422, "A district cannot be its own ancestor.", "区域不能是自己的上级。"),
    "unknown_slip": Entry(404, "There is no such issue slip.", "没有此领料单。"),
    "unknown_form": Entry(404, "There is no such repair form.", "没有此维修单。"),
    "request_state": Entry(409, "The request is not in a state that allows this.", "申请当前状态不允许此操作。"),
    "line_unknown": Entry(422, "The request has no such line.", "该申请没有此行。"),
    "more_than_approved": Entry(409, "This is more than is approved and still open.", "数量超过已批准的未发数量。"),
    "serials_missing": Entry(
        422, "Name one serial number for each piece, each once.", "请为每件材料填写一个序列号，不得重复。"
    ),
    "lot_required": Entry(422, "Name the lot this comes from.", "请填写批次。"),
    "no_store": Entry(422, "Name a store; the organisation has no default one.", "请指定仓库；本单位没有默认仓库。"),
    "not_a_substitute": Entry(
        409, "The catalogue does not name this part as a substitute.", "目录中未将此材料列为替代品。"
    ),
    "substitute_dearer": Entry(
        409,
        "The substitute costs more than what was approved; ask for it anew.",
        "替代品价格高于已批准金额，请重新申请。",
    ),
    # what became of waking a phone
    "wake_sent": Entry(
        200, "The phone was sent a push; it will look as soon as it can.", "已发送唤醒通知，手机将尽快同步。"
    ),
    "wake_not_reachable": Entry(
        200, "This phone has not said where it can be woken; call its holder.", "该手机未登记唤醒地址，请致电持有人。"
    ),
    "wake_gone": Entry(
        200,
        "The phone is no longer reached where it said; it was taken off the list. Call its holder.",
        "该手机的唤醒地址已失效并已移除，请致电持有人。",
    ),
    "wake_refused": Entry(
        200, "The push service refused to wake the phone; call its holder.", "推送服务拒绝唤醒该手机，请致电持有人。"
    ),
    "wake_failed": Entry(
        200, "The push service could not be reached; try again soon.", "无法连接推送服务，请稍后重试。"
    ),
    "wake_too_soon": Entry(200, "The phone was woken a moment ago.", "刚刚已唤醒过该手机。"),
    "wake_off": Entry(
        200,
        "Waking phones is not set up on this server; see docs/how-to/wake-phones.md.",
        "本服务器未启用手机唤醒功能。",
    ),
    "push_address_invalid": Entry(422, "Phones are not woken by way of this address.", "不允许通过此地址唤醒手机。"),
    "storm_over": Entry(409, "This storm has ended; declare a new one.", "该应急响应已结束，请重新启动。"),
    "not_returned": Entry(409, "The crew has not returned as much.", "班组没有退回这么多。"),
    "gtin_invalid": Entry(422, "The check digit of this barcode number is wrong.", "条码校验位不正确。"),
    "rules_invalid": Entry(422, "A rule of these is not complete.", "规则内容不完整。"),
    # decisions told to who asked
    "request_approved": Entry(200, "Your request for parts was approved.", "您的领料申请已获批准。"),
    "request_rejected": Entry(200, "Your request for parts was rejected.", "您的领料申请已被驳回。"),
    "approval_approved": Entry(200, "What you asked for was approved.", "您的申请已获批准。"),
    "approval_rejected": Entry(200, "What you asked for was rejected.", "您的申请已被驳回。"),
    # flags: it took effect, and the dispatcher should look at it
    "after_cancel": Entry(
        200, "It was reported on a job or visit that had been cancelled.", "该报告针对已取消的工单或上门。"
    ),
    "out_of_order": Entry(
        200, "The reports of this visit do not fit each other in time.", "此次上门的报告时间顺序不符。"
    ),
    "clock_suspect": Entry(200, "The device's clock cannot be right.", "设备时钟不可信。"),
    "incomplete": Entry(200, "Something that is required is missing.", "缺少必需的内容。"),
    "van_below_zero": Entry(200, "More left the van than is known to have come in.", "车辆库存低于零。"),
    "not_ours": Entry(200, "The crew found that the trouble belongs to somebody else.", "经现场确认，故障不属于我方。"),
    "reading_implausible": Entry(200, "The reading can hardly be true.", "抄表读数可疑。"),
    "after_unresolved": Entry(200, "What this follows is not resolved.", "其前置命令尚未解决。"),
    "serial_typed": Entry(200, "The meter's serial was typed, not scanned.", "表号为手工输入，未经扫描。"),
    "not_approved": Entry(200, "The part was taken without an approval.", "材料未经批准即被领取。"),
    "allowance_unknown": Entry(
        200, "Parts were taken under an allowance that this person does not hold.", "领料所依据的额度不属于此人。"
    ),
    "allowance_expired": Entry(
        200, "Parts were taken before the allowance began or after it ended.", "领料时额度尚未生效或已失效。"
    ),
    "allowance_exceeded": Entry(200, "More was taken than the allowance covers.", "领料超出额度。"),
    "more_than_requested": Entry(200, "More was received than was requested.", "领取数量超过申请数量。"),
    "price_not_accepted": Entry(
        200, "Work began before the customer had signed the price.", "客户签字确认价格之前已开始作业。"
    ),
    "serial_missing": Entry(
        200, "A piece with a serial number was reported without it.", "有序列号的材料未登记序列号。"
    ),
    "lot_missing": Entry(200, "A part that is tracked by lot was reported without it.", "按批次管理的材料未登记批次。"),
    # before a visit counts as completed
    "task_unanswered": Entry(409, "A mandatory line of the checklist has no answer.", "必填检查项未填写。"),
    "photo_missing": Entry(409, "A required photo is missing.", "缺少必需的照片。"),
    "reading_missing": Entry(409, "A required meter reading is missing.", "缺少必需的抄表读数。"),
    "parts_undeclared": Entry(
        409, "Say which parts were used, or that none were.", "请登记所用材料，或声明未使用材料。"
    ),
    "signature_missing": Entry(
        409, "The customer's signature or the reason for its refusal is missing.", "缺少客户签名或拒签原因。"
    ),
    # on the phone
    "pin_wrong": Entry(403, "The PIN is wrong.", "PIN 码错误。"),
    "device_wiped": Entry(
        403, "This device was wiped on the server's order; enrol it again.", "设备已按服务器指令清除，请重新注册。"
    ),
    "command_too_large": Entry(413, "A command is at most 32 KiB.", "单条命令不得超过 32 KiB。"),
}
