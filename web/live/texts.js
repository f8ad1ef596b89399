// What the page says, in English and Chinese. A code without words of its own is shown as it is, with spaces.

const EN = {
  skip: "Skip to the content", tools: "Tools", language: "Language", console: "Console", reference: "API reference", leave: "Sign out",
  welcome: "Crews, jobs and phones, live.",
  welcome_more: "Sign in to see your organisation as it is this minute: who is due where, which phones have not reported, and what waits for a decision.",
  reference_long: "Read the API reference", sign_in: "Sign in", org: "Organisation", login: "Login", password: "Password",
  new_password_title: "Choose a password of your own", new_password_hint: "The one you have was made for you. Take 12 characters or more.",
  old_password: "Password you have", new_password: "New password", save: "Save",
  states: "Jobs", due: "Arrivals due", late: "Arrived late", devices: "Phones", quarantine: "Quarantine", approvals: "Approvals waiting",
  held: "Decisions held", flagged: "Flagged jobs",
  late_hint: "Since yesterday at this time. Both times stay: when it happened, and when the office learned of it.",
  quarantine_hint: "Reports that could not be applied. They are whole, and wait for a dispatcher.",
  held_hint: "They wait for a report that has not come yet.",
  job: "Job", district: "District", who: "Who", due_at: "Due", arrived_at: "Arrived", recorded_at: "Learned", device: "Phone",
  synced: "Last sync", unsent: "Unsent",
  nobody: "nobody yet", never: "never", nothing_due: "Nobody is due within two hours.", nothing_late: "Everybody was in time.",
  no_devices: "No phone is enrolled.", empty: "Nothing waits.", more: "and {n} more",
  unit_one: "One dot is one job; a ring means late. Closed ones are of today.", unit_many: "One dot is {n} jobs; a ring means late. Closed ones are of today.",
  late_of: "{n} late", overdue: "{n} overdue", today_line: "{reported} reported today · {zone}, {time}",
  device_hint: "{silent} of {all} silent for half an hour · {unsent} unsent reports",
  live: "Live", waiting: "Connecting", away: "No connection; shown as of {time}", now: "now",
  news: "{overdue} overdue, {quarantine} in quarantine, {approvals} approvals waiting",
  no_access: "Your role reads through the field app; this page is for the office.",
  no_server: "The server does not answer. Try again in a moment.", expires: "until {time}", after_hours: "after hours", for_role: "for {who}",
  asked_by: "asked by {who}", from: "from {who}", draft: "Draft", awaiting_triage: "Triage", ready: "Unassigned", scheduled: "Assigned", in_progress: "At work",
  on_hold: "On hold", completed: "Done", cannot_complete: "Not doable", closed: "Closed", cancelled: "Cancelled",
};

const ZH = {
  skip: "跳到正文", tools: "工具", language: "语言", console: "调度台", reference: "接口文档", leave: "退出",
  welcome: "班组、工单、手机，实时一览。",
  welcome_more: "登录后即可看到本单位此刻的情况：谁该到哪里、哪些手机尚未上报、哪些事项等待决定。",
  reference_long: "阅读接口文档", sign_in: "登录", org: "单位", login: "用户名", password: "密码",
  new_password_title: "请设置自己的密码", new_password_hint: "当前密码由他人设置。请使用至少 12 个字符。",
  old_password: "当前密码", new_password: "新密码", save: "保存",
  states: "工单", due: "待到场", late: "迟到到场", devices: "手机", quarantine: "隔离区", approvals: "待审批", held: "暂缓的决定", flagged: "有标记的工单",
  late_hint: "最近一天。两个时间都保留：实际到场时间，以及办公室得知的时间。",
  quarantine_hint: "无法应用的上报。内容完整保存，等待调度员处理。", held_hint: "等待尚未到达的前置上报。",
  job: "工单", district: "区域", who: "人员", due_at: "时限", arrived_at: "到场", recorded_at: "得知", device: "手机", synced: "上次同步", unsent: "未发送",
  nobody: "未派人", never: "从未", nothing_due: "两小时内无人需要到场。", nothing_late: "全部按时到场。", no_devices: "尚无注册的手机。", empty: "没有待处理事项。",
  more: "另有 {n} 项", unit_one: "一点代表一张工单；带环表示超时。", unit_many: "一点代表 {n} 张工单；带环表示超时。", late_of: "{n} 张超时", overdue: "{n} 张已超时",
  today_line: "今日报修 {reported} · {zone}，{time}", device_hint: "{all} 部中 {silent} 部半小时无同步 · 未发送 {unsent} 条",
  live: "实时", waiting: "连接中", away: "连接中断；显示 {time} 的情况", now: "现在", news: "已超时 {overdue}，隔离 {quarantine}，待审批 {approvals}",
  no_access: "您的角色请使用现场应用；本页面供办公室使用。", no_server: "服务器无响应，请稍后重试。", expires: "截至 {time}", after_hours: "非工作时间", for_role: "由{who}审批",
  asked_by: "{who}申请", from: "来自{who}", draft: "草稿", awaiting_triage: "待分诊", ready: "未派工", scheduled: "已派工", in_progress: "作业中", on_hold: "挂起",
  completed: "已完成", cannot_complete: "无法完成", closed: "今日关闭", cancelled: "今日取消",
};

const ZH_CODES = {
  engineer: "工程师", manager: "经理", deputy_gm: "副总经理", duty_chief: "值班长", dispatcher: "调度员", material_request: "领料申请",
  report_job: "现场报单", start_travel: "出发", arrive_on_site: "到场", start_work: "开工", pause_work: "暂停", resume_work: "恢复作业", make_safe: "已排险",
  report_not_ours: "非我方设施", report_no_access: "无法进入", add_note: "备注", add_photo: "照片", answer_checklist: "检查项", complete_visit: "完工", read_meter: "抄表",
  request_parts: "领料", receive_part: "收料", use_part: "用料", return_part: "退料", capture_signature: "签名", claim_job: "认领", accept_visit: "接受派工",
  decline_visit: "拒绝派工", edit_job: "修改工单", hold_job: "挂起工单", release_job: "解除挂起", after_cancel: "取消后上报", not_assigned: "未派给此人", out_of_order: "顺序颠倒",
  clock_suspect: "时钟可疑", incomplete: "未完整", van_below_zero: "车载库存为负", not_ours: "非我方设施", reading_implausible: "读数异常", after_unresolved: "前置未决",
  serial_typed: "手输表号", no_policy: "无审批政策", not_approved: "未经审批", more_than_requested: "超出申领",
};

const LANGUAGES = { en: EN, zh: ZH };
const KEY = "onsite.language";

let language = pick();

export function currentLanguage() {
  return language;
}

/** Say a text, with its places filled. */
export function t(key, values = {}) {
  const text = LANGUAGES[language][key] ?? EN[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Say a code of the contract in words. */
export function words(code) {
  return (language === "zh" && ZH_CODES[code]) || code.replaceAll("_", " ");
}

/** Choose a language and say everything that stands in the page in it. */
export function speak(chosen) {
  language = chosen in LANGUAGES ? chosen : "en";
  localStorage.setItem(KEY, language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === language));
  }
}

function pick() {
  const kept = localStorage.getItem(KEY);
  if (kept in LANGUAGES) return kept;
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}
