// Generated from the contract by `onsite contract emit`: change the Structs, not this file.

export const CONTRACT = "1.0";

/** Accept the visit as planned in `plan_version`. */
export interface AcceptVisit {
  name?: "accept_visit";
  job_id: string;
  visit_id: string;
  plan_version: number;
}

/** A remark. */
export interface AddNote {
  name?: "add_note";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  note_id: string;
  text: string;
}

/** A photo's metadata; the bytes come later. */
export interface AddPhoto {
  name?: "add_photo";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  photo_id: string;
  purpose?: string;
  sha256: string;
  size_bytes: number;
  media_type: string;
}

/**
 * Urgent parts up to a ceiling may be taken before they are approved, by a person or a crew, within `[from_at, to_at)`.
 *
 * Signed by the organisation (Ed25519, hex), so that any phone can tell it from a forgery; `drawn` is what the server has counted so far.
 */
export interface Allowance {
  id: string;
  person_id?: string | null;
  crew_id?: string | null;
  ceiling: string;
  currency: string;
  from_at: string;
  to_at: string;
  granted_by?: string | null;
  granted_at: string;
  key_id: string;
  signature: string;
  drawn: string;
  withdrawn_at?: string | null;
}

/** The answer to a line of the checklist; the latest deed wins. */
export interface AnswerChecklist {
  name?: "answer_checklist";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  task_id: string;
  answer: string;
}

/** What a checklist line asks for. */
export type AnswerKind = "choice" | "number" | "text" | "yes_no";

/**
 * Make a key for another system.
 *
 * `scopes` are names of commands; `read` for every list; `positions` for where crews are; `open311` for public intake of every job type,
 * `open311:<code>` for one.
 */
export interface ApiKeyAsk {
  name: string;
  scopes: string[];
  expires_at?: string | null;
}

/** A key as it is listed. */
export interface ApiKeyLine {
  key_id: string;
  name: string;
  scopes: string[];
  made_at: string;
  expires_at?: string | null;
  revoked_at?: string | null;
}

/** A new key; `api_key` is shown this once. */
export interface ApiKeyMade {
  key_id: string;
  api_key: string;
}

/** A page of API keys; `next` is the key after which the next page begins. */
export interface ApiKeyPage {
  items: ApiKeyLine[];
  next?: string | null;
}

/**
 * Who has to decide and what was decided, with the policy's version and the amount it saw.
 *
 * `amount` is the day's total, `own_amount` what this one adds to it. `role` or `person_id` names the first approver of the step that is
 * under way; `steps` has all of them. `inboxes`: where it waits, in the words of buckets. `decided_by` acted, for `acting_for_id` where
 * that one is another. `after_the_fact`: the parts were taken before, under the allowance named.
 */
export interface Approval {
  id: string;
  job_id: string;
  subject: string;
  subject_id: string;
  state: ApprovalState;
  role?: Role | null;
  person_id?: string | null;
  after_hours?: boolean;
  amount: string;
  currency: string;
  policy_code: string;
  policy_version: number;
  asked_by?: string | null;
  asked_at: string;
  decided_by?: string | null;
  decided_at?: string | null;
  reason?: string;
  own_amount?: string | null;
  steps?: ApprovalStep[];
  step?: number;
  acting_for_id?: string | null;
  lines?: ApprovedLine[];
  after_the_fact?: boolean;
  allowance_id?: string | null;
  escalate_at?: string | null;
  escalated_at?: string | null;
  inboxes?: string[];
}

/** An approval that waits for a role or a person. */
export interface ApprovalLine {
  approval_id: string;
  job_number: string;
  subject: string;
  amount: string;
  currency: string;
  role?: Role | null;
  person?: string;
  asked_by?: string;
  asked_at: string;
  after_hours?: boolean;
}

/** A page of approvals, by id. */
export interface ApprovalPage {
  items: Approval[];
  next?: string | null;
}

/** The first decision wins. */
export type ApprovalState = "approved" | "rejected" | "waiting";

/** A step as it was asked: who has to decide, who did, and who may decide since it took too long. */
export interface ApprovalStep {
  approvers: ApproverRef[];
  rule?: StepRule;
  decisions?: StepDecision[];
  escalated_to?: ApproverRef | null;
}

/** Approve what was asked; the first decision wins, a second is answered with it. `lines`: less than was asked of these lines. */
export interface Approve {
  name?: "approve";
  job_id: string;
  approval_id: string;
  reason?: string;
  lines?: ApprovedLine[];
}

/** Requests for material that wait for a decision, those that were asked first at the top. */
export interface ApproveQueue {
  items: Approval[];
  names?: Record<string, string>;
  next?: string | null;
}

/** How much of a line (numbered from 1) is approved; nothing: the line is turned down. */
export interface ApprovedLine {
  line_no: number;
  quantity: string;
}

/**
 * Who decides: a person, else everybody with the role.
 *
 * In a policy exactly one is given; a `duty` (whoever is on that roster) may name beside it the role that decides when nobody is on it. In an
 * approval `duty` says why it is that person or role.
 */
export interface ApproverRef {
  role?: Role | null;
  person_id?: string | null;
  duty?: string | null;
}

/** Elapsed minutes from report to arrival, for a class of district and a priority ("": any). */
export interface ArrivalLimit {
  arrival_class?: string;
  priority?: string;
  minutes: number;
}

/** An arrival that is due, or came late: when it was due, when it happened, and when the office learned of it. */
export interface ArrivalLine {
  job_id: string;
  number: string;
  title?: string;
  state: JobState;
  priority: Priority;
  district?: string;
  assignee?: string;
  due_at: string;
  arrived_at?: string | null;
  recorded_at?: string | null;
}

/** The crew arrived; work has not begun yet. */
export interface ArriveOnSite {
  name?: "arrive_on_site";
  job_id: string;
  visit_id: string;
  position?: Position | null;
}

/** Ask for an approval that is about no parts (budget, relief, class change, agreement, water-on): the policy in force says who decides. */
export interface AskApproval {
  name?: "ask_approval";
  job_id: string;
  subject: string;
  subject_id: string;
  amount: string;
  reason?: string;
}

/** Every job is answered, in the order asked; `assigned` counts those that took effect, now or when it was first asked. */
export interface AssignGroupAnswer {
  assigned: number;
  items: GroupLine[];
}

/**
 * Send a crew (or a person) to many jobs at once, in the order given; each is answered by itself.
 *
 * With `begin_at` the visits are planned one after the other from then on, by travel time and the usual duration of each job.
 */
export interface AssignGroupAsk {
  job_ids: string[];
  crew_id?: string | null;
  person_id?: string | null;
  begin_at?: string | null;
}

/**
 * Send a crew or a person to a job: the visit is made when there is none of that id.
 *
 * `only_if_open`: refused when somebody has the job by another visit, so that a proposal never doubles what was taken meanwhile.
 */
export interface AssignVisit {
  name?: "assign_visit";
  job_id: string;
  visit_id: string;
  crew_id?: string | null;
  person_id?: string | null;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
  only_if_open?: boolean;
}

/** A job and who goes. Committed: with the visit and what became of its command (a job taken meanwhile is refused). */
export interface AssignmentLine {
  job_id: string;
  number?: string;
  crew_id?: string | null;
  person_id?: string | null;
  assignee?: string;
  leave_at?: string | null;
  arrive_at?: string | null;
  finish_at?: string | null;
  travel_s?: number | null;
  distance_m?: number | null;
  source?: string | null;
  reasons?: ReasonLine[];
  next_best_id?: string | null;
  margin_s?: number | null;
  visit_id?: string | null;
  status?: OutcomeStatus | null;
  code?: string | null;
}

/** The plan for the backlog, most urgent first. `committed`: it took effect; `repeated`: it did so when it was first asked. */
export interface BacklogAnswer {
  committed?: boolean;
  repeated?: boolean;
  assignments?: AssignmentLine[];
  unassigned?: UnassignedLine[];
}

/**
 * Dispatch what is ready and nobody's. Without `commit` it is a proposal that changes nothing.
 *
 * `district_id`: only there and below. `limit`: assignments at most; with `commit` they take effect together.
 */
export interface BacklogAsk {
  district_id?: string | null;
  commit?: boolean;
  limit?: number;
}

/** How much of a part is at a place. `value`, at the catalogue's cost of today, is left out for whoever may not see costs. */
export interface BalanceLine {
  part_id: string;
  part_code: string;
  part_name: LocalText;
  unit: string;
  location_id: string;
  location_code: string;
  location_kind: LocationKind;
  quantity: string;
  reserved?: string | null;
  reorder_point?: string | null;
  reorder_quantity?: string | null;
  counted_at?: string | null;
  value?: string | null;
}

/** A page of balances, by the codes of part and place. What is nought and not watched is left out. */
export interface BalancePage {
  items: BalanceLine[];
  next?: string | null;
}

/** Amounts in `(above, up_to]` (no upper end: none) go through the steps; `role` alone is one step of that role. */
export interface Band {
  above: string;
  up_to?: string | null;
  role?: Role | null;
  steps?: Step[];
}

/**
 * The head of a page.
 *
 * `buckets` are those held after this page in the order that `b` counts (left out when unchanged); `add` and
 * `reset` begin to be filled, `keep` are adopted as they are, `drop` go with all their memberships. `compare`
 * asks the device to pull again with `digests`, since its cursor cannot be followed.
 */
export interface Begin {
  frame: "begin";
  life: string;
  server_time: string;
  anchor: string;
  buckets?: string[];
  add?: string[];
  keep?: string[];
  reset?: string[];
  drop?: string[];
  compare?: boolean;
}

/**
 * The organisation as of `now`: jobs that are open, or ended or had a visit end from `from_at` to `to_at`; all visits of these jobs.
 *
 * `truncated`: there are more jobs than a board holds (20,000). Then it has those that are worked at, the most urgent and the newest.
 */
export interface Board {
  version: string;
  now: string;
  from_at: string;
  to_at: string;
  organisation: string;
  zone: string;
  jobs: BoardJob[];
  visits: BoardVisit[];
  crews: BoardCrew[];
  districts: BoardDistrict[];
  job_types: BoardJobType[];
  truncated?: boolean;
}

/**
 * What changed since a version: jobs, visits and crews as they are now, each replacing what the caller holds under its id.
 *
 * The visits of a job in `jobs` are all it has. What is in `gone_…` is no longer on the board. `reload`: nothing else counts, fetch the
 * board anew (the version is of another life of the database or cannot be read, it is of today and today is over, too much changed, or
 * districts, job types or the list of crews did).
 */
export interface BoardChanges {
  version: string;
  now: string;
  jobs?: BoardJob[];
  visits?: BoardVisit[];
  crews?: BoardCrew[];
  gone_jobs?: string[];
  gone_visits?: string[];
  reload?: boolean;
}

/**
 * Who can be sent: a crew, or (`alone`) one person of the field without a crew; then `id` is the person's, and visits name `person_id`.
 *
 * The lead comes first. `place` only for who may see positions.
 */
export interface BoardCrew {
  id: string;
  code: string;
  name: string;
  alone?: boolean;
  people?: BoardPerson[];
  shifts?: BoardShift[];
  district_ids?: string[];
  lon_deg?: number | null;
  lat_deg?: number | null;
  place?: BoardPlace | null;
  phones?: BoardPhone[];
}

/** A district; its outline is in the tiles. */
export interface BoardDistrict {
  id: string;
  code: string;
  name: LocalText;
  parent_id?: string | null;
}

/**
 * A job on the board. `due_at` is when somebody must have arrived, `recorded_at` when the office learned of `arrived_at`.
 *
 * `share` of the arrival clock, stopped by the arrival: (now − reported_at) ÷ (due_at − reported_at). It and `breached` are as of the
 * `now` with which the job was sent: time going on is no news, who shows them reckons on. `conflicts`: how many edits wait to be settled.
 */
export interface BoardJob {
  id: string;
  number: string;
  type: string;
  state: JobState;
  title?: string;
  address?: string;
  priority?: Priority;
  district_id?: string | null;
  lon_deg?: number | null;
  lat_deg?: number | null;
  reported_at: string;
  due_at?: string | null;
  arrived_at?: string | null;
  recorded_at?: string | null;
  breached?: boolean;
  share?: number | null;
  held_for?: HoldReason | null;
  held_until?: string | null;
  required_skills?: Skill[];
  flags?: Flag[];
  conflicts?: number;
}

/** A job type, newest version; `duration_min` is how long such a visit usually takes. */
export interface BoardJobType {
  code: string;
  name: LocalText;
  duration_min?: number;
}

/** Somebody of a crew. */
export interface BoardPerson {
  person_id: string;
  name: string;
  skills?: Skill[];
}

/** A phone of the crew: when it was heard of, when it last fetched everything, how many commands it had not sent then, whether a push reaches it. */
export interface BoardPhone {
  device_id: string;
  name: string;
  holder?: string;
  seen_at?: string | null;
  pulled_at?: string | null;
  unsent?: number;
  can_wake?: boolean;
}

/** Where the crew was last: of its people the one heard of last. Accuracy as a radius in metres. */
export interface BoardPlace {
  person_id: string;
  lon_deg: number;
  lat_deg: number;
  at: string;
  accuracy_m?: number | null;
  mock?: boolean;
}

/** Working time of somebody of the crew within the board's days. */
export interface BoardShift {
  person_id: string;
  from_at: string;
  to_at: string;
}

/** A visit of a job on the board; commands about it name its `plan_version`. `recorded_at`: when the office learned of the arrival. */
export interface BoardVisit {
  id: string;
  job_id: string;
  state: VisitState;
  crew_id?: string | null;
  person_id?: string | null;
  plan_version?: number;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
  dispatched_at?: string | null;
  travel_started_at?: string | null;
  arrived_at?: string | null;
  recorded_at?: string | null;
  work_started_at?: string | null;
  ended_at?: string | null;
  lock?: VisitLock | null;
  reason?: string;
  flags?: Flag[];
}

/** A break that everybody on shift takes, begun within a span of the day. */
export interface BreakRule {
  from_min: number;
  to_min: number;
  duration_min: number;
}

/** A rule that the checker found broken: its code, the words, whose day, which visit. */
export interface BrokenLine {
  code: string;
  text: string;
  crew_id?: string | null;
  visit_id?: string | null;
}

/** `[count, xor]` over the documents of a bucket. */
export type BucketDigest = [number, string];

/** A day unlike its weekday: nobody works, or (a make-up working day) the hours of `as_weekday` hold. `estimated`: not published yet. */
export interface CalendarDay {
  day: string;
  as_weekday?: number | null;
  name?: LocalText | null;
  estimated?: boolean;
}

/** Who the caller is to the server. */
export interface Caller {
  org_id: string;
  via: string;
  roles: Role[];
  person_id?: string | null;
  scopes?: string[] | null;
}

/** Cancel a job and its open visits. */
export interface CancelJob {
  name?: "cancel_job";
  job_id: string;
  reason: string;
}

/** The customer signed what `shown_sha256` names, or refused: then `refused_reason` says why. */
export interface CaptureSignature {
  name?: "capture_signature";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  signature_id: string;
  purpose?: string;
  signer?: string;
  relation?: string;
  shown_sha256?: string | null;
  strokes?: StrokePoint[][];
  refused_reason?: string;
  witness?: string;
}

/**
 * The anchor a sample stands on: `begin.anchor` as received, and what the device saw when it came.
 *
 * `mono_ms` and `boot` are of the receipt; `round_trip_ms` runs from the request's first byte to that receipt.
 */
export interface CitedAnchor {
  token: string;
  mono_ms: number;
  boot: string;
  round_trip_ms?: number | null;
}

/** Take an open job; the first commit wins and the loser is told who was faster. */
export interface ClaimJob {
  name?: "claim_job";
  job_id: string;
  visit_id: string;
}

/** How much of what was issued of a class of parts may be missing or over, in percent; 0 means exactly. */
export interface ClassTolerance {
  part_class: string;
  percent: string;
}

/**
 * A device's clocks at one instant.
 *
 * `wall` is the clock the user sees; `mono_ms` a clock that counts sleep and is never set; `boot` names the
 * stretch over which `mono_ms` runs on (a boot of the phone, a load of the page). Without a usable
 * monotonic clock both are left out.
 */
export interface ClockSample {
  wall: string;
  mono_ms?: number | null;
  boot?: string | null;
  gnss?: GnssFix | null;
  anchor?: CitedAnchor | null;
}

/** Close a completed (or not completable) job. */
export interface CloseJob {
  name?: "close_job";
  job_id: string;
  reason?: string;
}

/** End a request: nothing more is issued on it, what was set aside is free again. What is still reported of its parts counts all the same. */
export interface CloseRequest {
  name?: "close_request";
  job_id: string;
  request_id: string;
  reason?: string;
}

/** What became of a command. `title` says the code in the caller's language; `repeated`: it was answered before. */
export interface CommandAnswer {
  command_id: string;
  status: OutcomeStatus;
  code: string;
  title?: string;
  flags?: string[];
  detail?: Record<string, string>;
  repeated?: boolean;
}

/**
 * The inside of `cmd`.
 *
 * `base` is the `ver` of the document the command was made from; `after` names commands it follows (chains of at
 * most 50); `at` are the device's clocks at capture.
 */
export interface CommandEnvelope {
  id: string;
  name: string;
  args: unknown;
  base?: number | null;
  after?: string[];
  at: ClockSample;
}

/** What became of a change: its command and the command's outcome. */
export interface CommittedStep {
  visit_id: string;
  job_id: string;
  command_id: string;
  status: OutcomeStatus;
  code: string;
}

/** The visit is over. What the job type still misses is flagged, never refused. */
export interface CompleteVisit {
  name?: "complete_visit";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  result?: string;
  follow_up?: boolean;
  no_parts_used?: boolean;
  note?: string;
}

/** Say what of a transfer came to a store; what is missing stays on its way until somebody looks. */
export interface ConfirmTransfer {
  name?: "confirm_transfer";
  transfer_id: string;
  location_id: string;
  lines: StockLine[];
}

/** A conflict: what the job had when the edit came and who had set that when, what was offered by whom when, what the job has now. */
export interface ConflictLine {
  job_id: string;
  number: string;
  title?: string;
  state: JobState;
  field: string;
  edit_id: string;
  now?: string;
  kept?: string;
  kept_by?: string | null;
  kept_by_name?: string;
  kept_at?: string | null;
  offered?: string;
  offered_by?: string | null;
  offered_by_name?: string;
  offered_at: string;
}

/** A page of conflicts by job, those of a job in the order in which they came. */
export interface ConflictPage {
  items: ConflictLine[];
  next?: string | null;
}

/** A customer's contact; sent only to those who hold a visit there. */
export interface Contact {
  id: string;
  name: string;
  phone?: string;
  language?: string;
  site_id?: string | null;
}

/** A contact given with a report; becomes a contact of its own. */
export interface ContactDetails {
  contact_id: string;
  name: string;
  phone?: string;
  language?: string;
}

/** Who keeps a copy of a repair form. */
export type CopyHolder = "crew" | "duty_room" | "service_desk" | "store";

/** What was there of a part; nothing is an answer too. */
export interface CountLine {
  part_id: string;
  quantity: string;
}

/** A blind count is made without seeing what should be there. */
export type CountMode = "blind" | "open";

/** Say what a location held as of an instant (left out: now); differences become moves, a count without any is kept too. */
export interface CountStock {
  name?: "count_stock";
  count_id: string;
  location_id: string;
  mode?: CountMode;
  as_of?: string | null;
  lines: CountLine[];
  note?: string;
}

/** What the crew's van held at the instant of the report. */
export interface CountVan {
  name?: "count_van";
  count_id: string;
  mode?: CountMode;
  lines: CountLine[];
  note?: string;
}

/** What was there of a part, and what the ledger expected when the count was booked. */
export interface CountedLine {
  part_id: string;
  quantity: string;
  expected: string;
}

/** Give a person a login, or change it. Without a password the person signs in by OIDC, or after a reset. */
export interface CredentialAsk {
  login: string;
  password?: string | null;
}

/** A team that takes visits together. `member_ids` are today's members; the dated membership stays on the server. */
export interface Crew {
  id: string;
  code: string;
  name: string;
  lead_id?: string | null;
  member_ids?: string[];
  district_ids?: string[];
  van_id?: string | null;
  active?: boolean;
  lon_deg?: number | null;
  lat_deg?: number | null;
}

/** Crews on a map; `truncated`: there are more than a collection holds. */
export interface CrewCollection {
  features: CrewFeature[];
  datum?: Datum;
  truncated?: boolean;
  type?: "FeatureCollection";
}

/** Somebody of a crew on a map. */
export interface CrewFeature {
  id: string;
  geometry: Point;
  properties: CrewPlace;
  type?: "Feature";
}

/** A person's membership of a crew from an instant to an instant (open end: none). */
export interface CrewMember {
  id: string;
  crew_id: string;
  person_id: string;
  from_at: string;
  to_at?: string | null;
}

/** A page of crews, by code. */
export interface CrewPage {
  items: Crew[];
  next?: string | null;
}

/** Where somebody of a crew was last: as of `at`, accuracy as a radius in metres. */
export interface CrewPlace {
  person_id: string;
  crew_id?: string | null;
  crew?: string | null;
  at: string;
  received_at: string;
  accuracy_m?: number | null;
  mock?: boolean;
}

/** The coordinate system a point was given in. */
export type Datum = "bd09" | "gcj02" | "wgs84";

export type Decision = RegisterRequest | LinkRequest | OpenJob | TriageJob | EditJob | SettleConflict | MarkDuplicate | PlanVisit | AssignVisit | ReassignVisit | LockVisit | WithdrawVisit | SwapVisits | SavePlanningRules | ClaimJob | AcceptVisit | DeclineVisit | HoldJob | ReleaseJob | CancelJob | CloseJob | ReopenJob | Approve | Reject | SaveSite | SaveContact | SaveUsagePoint | SaveMeter | SavePerson | OffboardPerson | SaveCrew | SaveCrewMember | SaveShift | SaveDuty | SavePart | SavePolicy | AskApproval | EscalateApproval | SaveCalendar | SaveDelegation | FollowDelegation | GrantAllowance | WithdrawAllowance | SaveStockLocation | ReceiveStock | OpenStock | MoveStock | ShipTransfer | ConfirmTransfer | ScrapStock | SendToRepair | TakeFromRepair | LendStock | TakeBackLoan | ReverseMove | CountStock | SetReorderPoint | ReserveParts | PickParts | IssueParts | SubstitutePart | CloseRequest | TakeBackParts | OpenForm | HandInCopy | SaveMaterialRules | ReconcileDay | ResolveException | DeclareStorm | EndStorm | LoadJobType | SaveDistrict;

/** Declare a storm, or change the level, the districts or the note of one in force under the same id. */
export interface DeclareStorm {
  name?: "declare_storm";
  storm_id: string;
  level: number;
  district_ids?: string[];
  note?: string;
}

/** Decline the visit as planned in `plan_version`. */
export interface DeclineVisit {
  name?: "decline_visit";
  job_id: string;
  visit_id: string;
  plan_version: number;
  reason: string;
}

/** Memberships that ended; the document goes with its last one. */
export interface Del {
  frame: "del";
  b: number[];
  kind: string;
  id: string;
}

/**
 * A person decides in the place of another for a time: on these subjects (none named: all), up to the ceiling.
 *
 * `roles` are those of `from_id` that it lends, `in_force` says whether what waits is seen by `to_id`; both are the server's.
 */
export interface Delegation {
  id: string;
  from_id: string;
  to_id: string;
  from_at: string;
  to_at: string;
  subjects?: string[];
  ceiling?: string | null;
  reason?: string;
  roles?: Role[];
  in_force?: boolean;
}

/** A device: when it last fetched everything, and how many commands it said it had not sent when it was last heard. */
export interface DeviceLag {
  device_id: string;
  name: string;
  holder?: string;
  enrolled_at: string;
  seen_at?: string | null;
  pulled_at?: string | null;
  unsent?: number;
}

/** A device as it is listed. */
export interface DeviceLine {
  device_id: string;
  name: string;
  enrolled_at: string;
  person_id?: string | null;
  crew_id?: string | null;
  revoked_at?: string | null;
  seen_at?: string | null;
  pulled_at?: string | null;
  unsent?: number;
  app?: string;
}

/** Rename a device. */
export interface DeviceNameAsk {
  name: string;
}

/** A page of devices; `next` is the key after which the next page begins. */
export interface DevicePage {
  items: DeviceLine[];
  next?: string | null;
}

/** What the server thinks of a device: its name, and whether it must wipe itself. */
export interface DeviceState {
  id: string;
  name: string;
  revoked?: boolean;
  wipe?: boolean;
}

/** A polygon of responsibility in a tree; its outline stays on the server. */
export interface District {
  id: string;
  code: string;
  name: LocalText;
  parent_id?: string | null;
  neighbour_ids?: string[];
  arrival_class?: string;
}

/** Districts on a map. */
export interface DistrictCollection {
  features: DistrictFeature[];
  datum?: Datum;
  type?: "FeatureCollection";
}

/** A district on a map. */
export interface DistrictFeature {
  id: string;
  geometry: MultiPolygon;
  properties: DistrictProperties;
  type?: "Feature";
}

/** A page of districts without their outlines, by code. */
export interface DistrictPage {
  items: District[];
  next?: string | null;
}

/** What a map says about a district. */
export interface DistrictProperties {
  code: string;
  name: LocalText;
  arrival_class: string;
  parent_id?: string | null;
  area_m2: number;
}

/**
 * A line of a duty roster: who is duty chief (or whatever the roster is for) when.
 *
 * `saved_by` is set by the server: who put them there, and so is not decided for by them. Left out for an administrator's line, and for
 * one that is older than this field.
 */
export interface Duty {
  id: string;
  person_id: string;
  from_at: string;
  to_at: string;
  roster?: string;
  saved_by?: string | null;
}

/** A page of the duty roster, by its beginning. */
export interface DutyPage {
  items: Duty[];
  next?: string | null;
}

/** Two people changed one field: the server's value stays, both are kept and shown. */
export interface EditConflict {
  field: string;
  kept: string;
  offered: string;
  by?: string | null;
  at: string;
  command_id: string;
}

/** Change descriptive fields (title, description, address, priority); merged field by field. */
export interface EditJob {
  name?: "edit_job";
  job_id: string;
  changes: Record<string, FieldEdit>;
}

/**
 * The foot of a page: only now is it applied, in one local transaction.
 *
 * `acked_n` is the highest n with a stored outcome; `more` says that another page waits; `digests` are the
 * server's after this page, for some buckets; `warnings` are codes, such as a scope near its limit.
 */
export interface End {
  frame: "end";
  cursor: string | null;
  acked_n: number;
  more: boolean;
  digests?: Record<string, BucketDigest>;
  warnings?: string[];
}

/** End a storm; what waited because of it is sent out again. */
export interface EndStorm {
  name?: "end_storm";
  storm_id: string;
}

/** A new device: its id, its token (shown this once) and its first sessions. */
export interface EnrolAnswer {
  device_id: string;
  device_token: string;
  org_id: string;
  server_time: string;
  sessions: SessionGrant[];
  person_id?: string | null;
  crew_id?: string | null;
  zone?: string;
}

/** Become a device. Unknown fields are ignored, so that a newer app can enrol. */
export interface EnrolAsk {
  code: string;
  device_name: string;
  app?: string;
}

/** Ask for a one-time code for a device of a person or of a crew, not both. */
export interface EnrolmentAsk {
  person_id?: string | null;
  crew_id?: string | null;
  valid_s?: number;
}

/** A one-time code, as text, as address and as a QR image (SVG) of that address. */
export interface EnrolmentCode {
  enrolment_id: string;
  code: string;
  uri: string;
  qr_svg: string;
  expires_at: string;
}

/** A command that was put aside: who sent it, when it happened, why it waits, and its arguments as far as they can be read. */
export interface Entry {
  entry_id: string;
  name: string;
  reason: string;
  received_at: string;
  command_id?: string | null;
  person_id?: string | null;
  device_id?: string | null;
  n?: number | null;
  job_id?: string | null;
  occurred_at?: string | null;
  detail?: Record<string, string>;
  args?: unknown;
  resolution?: ResolutionKind | null;
  resolved_by?: string | null;
  resolved_at?: string | null;
}

/** A page of the inbox, oldest first; `next` is the key after which the next page begins. */
export interface EntryPage {
  items: Entry[];
  next?: string | null;
}

/** Let the policy's stand-in decide a step that has waited too long. Sent by the timer. */
export interface EscalateApproval {
  name?: "escalate_approval";
  job_id: string;
  approval_id: string;
  step: number;
}

/** A step that waited so long may be decided by somebody else too. */
export interface Escalation {
  after_min: number;
  to: ApproverRef;
}

/** An event of a job: when it happened (within its bounds), when the server learned of it, and its place in the chain of evidence. */
export interface EventLine {
  id: string;
  seq: number;
  name: string;
  visit_id?: string | null;
  occurred_at: string;
  not_before?: string | null;
  not_after?: string | null;
  raw_at?: string | null;
  clock?: string;
  received_at: string;
  command_id: string;
  actor_id?: string | null;
  device_id?: string | null;
  lon_deg?: number | null;
  lat_deg?: number | null;
  accuracy_m?: number | null;
  detail?: Record<string, unknown>;
  previous_hash?: string;
  hash?: string;
}

/** What does not agree. For a part on a job: slips ↔ copy 3 of the form ↔ used and returned; or for its papers, or a van. */
export type ExceptionKind = "copy_missing" | "form_differs" | "missing_signature" | "over" | "serial_mismatch" | "short" | "taken_not_issued" | "transfer_differs" | "transfer_unconfirmed" | "unknown_job" | "van_below_zero";

/** What a reconciliation found, the first found at the top. */
export interface ExceptionPage {
  items: StockException[];
  names?: Record<string, string>;
  next?: string | null;
}

/** Who dealt with an exception (or `quantity` of it), how and why, and the moves that this booked. */
export interface ExceptionResolution {
  action: ResolveAction;
  reason: string;
  quantity?: string | null;
  by?: string | null;
  at: string;
  move_ids?: string[];
}

/** Open; resolved by a person with a reason; or settled: a later reconciliation found that it holds no longer. */
export type ExceptionState = "open" | "resolved" | "settled";

export type Fact = ReportJob | StartTravel | ArriveOnSite | StartWork | PauseWork | ResumeWork | MakeSafe | ReportNotOurs | ReportNoAccess | AddNote | AddPhoto | AnswerChecklist | CompleteVisit | ReadMeter | RequestParts | ReceivePart | UsePart | ReturnPart | TakeParts | CaptureSignature | HandOverParts | TakeOverParts | CountVan;

/** An edit of one field: `was` is what the editor saw. */
export interface FieldEdit {
  was: string;
  set: string;
}

/** One field that is wrong: where (`$.job_id`) and why. */
export interface FieldError {
  field: string;
  message: string;
}

/** What the dispatcher should look at; a flag never undoes what it marks. */
export type Flag = "after_cancel" | "after_unresolved" | "allowance_exceeded" | "allowance_expired" | "allowance_unknown" | "clock_suspect" | "incomplete" | "lot_missing" | "more_than_requested" | "no_policy" | "not_approved" | "not_assigned" | "not_ours" | "out_of_order" | "price_not_accepted" | "reading_implausible" | "serial_missing" | "serial_typed" | "van_below_zero";

/** A job that the dispatcher should look at. */
export interface FlaggedLine {
  job_id: string;
  number: string;
  title?: string;
  state: JobState;
  flags: Flag[];
}

/** Show what waits to those who may decide it now that a delegation has begun, changed or ended. Sent by the timer. */
export interface FollowDelegation {
  name?: "follow_delegation";
  delegation_id: string;
}

/** One copy of a form: who has it, where it goes, until when (none: it need not go there), and who handed it in when. */
export interface FormCopy {
  copy_no: number;
  goes_to: CopyHolder;
  holder?: CopyHolder;
  due_at?: string | null;
  handed_at?: string | null;
  handed_by?: string | null;
  taken_by?: string | null;
}

/** Forms opened in the local span `[from_min, to_min)`, which may pass midnight, are a shift's: due at the next local `due_min`. */
export interface FormDue {
  shift: string;
  from_min: number;
  to_min: number;
  due_min: number;
}

/** A page of forms, the one that is due first before all others; `names` are the numbers of their jobs. */
export interface FormPage {
  items: RepairForm[];
  names?: Record<string, string>;
  next?: string | null;
}

export type Frame = Begin | Put | Del | Mend | End;

/** Satellite time at the instant of the sample, true within `accuracy_ms` either way. */
export interface GnssFix {
  time: string;
  accuracy_ms: number;
}

/** Let a person or a crew take urgent parts before they are approved, up to a ceiling in the organisation's currency. */
export interface GrantAllowance {
  name?: "grant_allowance";
  allowance_id: string;
  person_id?: string | null;
  crew_id?: string | null;
  ceiling: string;
  from_at: string;
  to_at: string;
}

/** What lies under the jobs: a PMTiles file, raster tiles or a style, in its own datum. */
export interface Ground {
  kind: "pmtiles" | "raster" | "style";
  url: string;
  datum?: Datum;
  attribution?: string;
}

/** A job of a group, the most urgent first. */
export interface GroupJob {
  id: string;
  number: string;
  type: string;
  priority: Priority;
  title?: string;
  address?: string;
  lon_deg: number;
  lat_deg: number;
  reported_at: string;
  due_at?: string | null;
  waits?: boolean;
}

/** What became of a job: its visit where it was assigned, else the reason in words. `command_id` is what undo takes. */
export interface GroupLine {
  job_id: string;
  command_id: string;
  status: OutcomeStatus;
  code: string;
  text?: string;
  visit_id?: string | null;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
  repeated?: boolean;
}

/** What must be there before a visit counts as completed; the same rule runs on the phone and the server. */
export interface Guards {
  photos?: string[];
  readings?: number;
  parts_declared?: boolean;
  signature?: boolean;
}

/** Record that a copy of a form has come to whoever keeps it; `handed_by` brought it. */
export interface HandInCopy {
  name?: "hand_in_copy";
  job_id: string;
  form_id: string;
  copy_no: number;
  handed_by?: string | null;
}

/** Parts left the crew's van for another van or for a store; they are on their way until the other side says so. */
export interface HandOverParts {
  name?: "hand_over_parts";
  transfer_id: string;
  to_location_id: string;
  lines: StockLine[];
  position?: Position | null;
}

/** Issue slips whose parts no crew has received in full, those issued first at the top. */
export interface HandOverQueue {
  items: IssueSlip[];
  names?: Record<string, string>;
  next?: string | null;
}

/** How the server is. */
export interface Health {
  status: string;
  revision?: string;
  contract?: string;
}

/** A decision that waits for what it follows. */
export interface HeldLine {
  command_id: string;
  name: string;
  person?: string;
  held_at: string;
  expires_at: string;
}

/** How many candidates a reason left out. */
export interface Hindrance {
  code: string;
  text: string;
  candidates?: number;
}

/** Put a job on hold. */
export interface HoldJob {
  name?: "hold_job";
  job_id: string;
  reason: HoldReason;
  until?: string | null;
  note?: string;
}

/** Why a job waits. */
export type HoldReason = "access" | "approval" | "customer" | "other_party" | "parts" | "weather";

/** What leaves the store for a line of a request; a part with serials names one per piece. `bin_id`: from that bin of the store. */
export interface IssueLine {
  line_no: number;
  quantity: string;
  lot?: string;
  serials?: string[];
  bin_id?: string | null;
}

/**
 * Hand parts of an approved request out of a store, with a slip of its own; without lines whatever is still to be issued.
 *
 * `crew_id` or `person_id`: who takes it along. `form_id` with `copy_kept`: copy 3 of that form stayed with the store.
 */
export interface IssueParts {
  name?: "issue_parts";
  job_id: string;
  request_id: string;
  slip_id: string;
  store_id?: string | null;
  crew_id?: string | null;
  person_id?: string | null;
  lines?: IssueLine[];
  form_id?: string | null;
  copy_kept?: boolean;
}

/** The paper that goes with parts from a store to a crew. Its code is scanned at receipt; `received_at` is when the last of it had come. */
export interface IssueSlip {
  id: string;
  number: string;
  job_id: string;
  request_id: string;
  store_id: string;
  crew_id?: string | null;
  person_id?: string | null;
  form_id?: string | null;
  lines: SlipLine[];
  issued_at: string;
  issued_by?: string | null;
  received_at?: string | null;
}

/** What is to be done and why. Arrival: `arrived_at` is when it happened, `arrival_recorded_at` when the office learned of it. */
export interface Job {
  id: string;
  number: string;
  type: string;
  type_version: number;
  state: JobState;
  title?: string;
  description?: string;
  priority?: Priority;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  district_id?: string | null;
  site_id?: string | null;
  contact_id?: string | null;
  required_skills?: Skill[];
  reported_at: string;
  opened_at: string;
  opened_by?: string | null;
  triaged_at?: string | null;
  arrival_due_at?: string | null;
  arrived_at?: string | null;
  arrival_recorded_at?: string | null;
  arrival_breached?: boolean;
  made_safe_at?: string | null;
  held_for?: HoldReason | null;
  held_until?: string | null;
  cancelled_at?: string | null;
  closed_at?: string | null;
  reopened_at?: string | null;
  reason?: string;
  duplicate_of?: string | null;
  external_ref?: string;
  found_on_site?: boolean;
  flags?: Flag[];
  conflicts?: EditConflict[];
}

/** Jobs on a map; `truncated`: there are more than the limit let through. */
export interface JobCollection {
  features: JobFeature[];
  datum?: Datum;
  truncated?: boolean;
  type?: "FeatureCollection";
}

/** A job with everything that belongs to it. `ver` is the version of the job itself, for If-Match; `names` says who is behind the ids. */
export interface JobDetail {
  job: Job;
  ver: number;
  site?: Site | null;
  contact?: Contact | null;
  district?: District | null;
  visits?: Visit[];
  tasks?: Task[];
  notes?: Note[];
  photos?: Photo[];
  readings?: Reading[];
  material_requests?: MaterialRequest[];
  approvals?: Approval[];
  signatures?: Signature[];
  stock_moves?: StockMove[];
  issue_slips?: IssueSlip[];
  repair_forms?: RepairForm[];
  requests?: Request[];
  events?: EventLine[];
  names?: Record<string, string>;
}

/** A job on a map. */
export interface JobFeature {
  id: string;
  geometry: Point;
  properties: JobProperties;
  type?: "Feature";
}

/** A job at a glance, with the latest visit that is not called off. */
export interface JobLine {
  id: string;
  number: string;
  type: string;
  state: JobState;
  priority: Priority;
  title?: string;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  district_id?: string | null;
  reported_at: string;
  arrival_due_at?: string | null;
  arrived_at?: string | null;
  arrival_recorded_at?: string | null;
  breached?: boolean;
  held_for?: HoldReason | null;
  flags?: Flag[];
  visit_id?: string | null;
  visit_state?: VisitState | null;
  crew_id?: string | null;
  person_id?: string | null;
  assignee?: string;
  planned_start_at?: string | null;
}

/** A page of jobs. */
export interface JobPage {
  items: JobLine[];
  next?: string | null;
}

/** What a map says about a job. */
export interface JobProperties {
  number: string;
  job_type: string;
  state: JobState;
  priority: Priority;
  title?: string;
  district_id?: string | null;
  arrival_due_at?: string | null;
  breached?: boolean;
  flagged?: boolean;
}

/** The orders of a job list; equals are ordered by id. */
export type JobSort = "due" | "newest" | "number" | "oldest";

/** Computed from the visits, but for cancel, hold and close. */
export type JobState = "awaiting_triage" | "cancelled" | "cannot_complete" | "closed" | "completed" | "draft" | "in_progress" | "on_hold" | "ready" | "scheduled";

/**
 * The template of a job; versioned, and a job keeps the version it was opened with.
 *
 * `setup_min` is spent once for jobs of one place in a row. With `crews` 2 a second crew begins at the same time; `second_skills` are what
 * it must have (a joint visit of two departments), none: the same skills.
 */
export interface JobType {
  id: string;
  code: string;
  version: number;
  name: LocalText;
  process?: string;
  duration_min?: number;
  priority?: Priority;
  required_skills?: Skill[];
  tasks?: TaskTemplate[];
  guards?: Guards;
  arrival_limits?: ArrivalLimit[];
  setup_min?: number;
  crews?: number;
  second_skills?: Skill[];
}

/** A page of job types, by code and version. */
export interface JobTypePage {
  items: JobType[];
  next?: string | null;
}

/** Which of the two values stands. */
export type Keep = "kept" | "offered";

/** How many exceptions of a kind. */
export interface KindCount {
  kind: ExceptionKind;
  count: number;
}

/** Lend a tool or a sample against a deposit; `overnight_charge` is for each piece and night, in the organisation's currency. */
export interface LendStock {
  name?: "lend_stock";
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  loan_id: string;
  location_id: string;
  borrower: string;
  person_id?: string | null;
  deposit?: string;
  overnight_charge?: string;
  due_at?: string | null;
}

/** How much of a line of a request. */
export interface LineQuantity {
  line_no: number;
  quantity: string;
}

/** Link a second report of the same trouble to an existing job. */
export interface LinkRequest {
  name?: "link_request";
  request_id: string;
  job_id: string;
}

/**
 * The organisation now. Lists are cut to the few that come first; the counts are of all.
 *
 * States: all that are not closed; closed and cancelled since the day began in the organisation's zone. `due`: nobody has arrived and
 * somebody should within two hours, or already; `late`: arrived too late, within a day. `silent`: devices that fetched nothing for half an hour.
 */
export interface LiveSummary {
  organisation: string;
  zone: string;
  reported_today: number;
  states: StateCount[];
  due_count: number;
  overdue_count: number;
  due: ArrivalLine[];
  late_count: number;
  late: ArrivalLine[];
  device_count: number;
  silent_count: number;
  unsent_count: number;
  devices: DeviceLag[];
  quarantine_count: number;
  quarantine: QuarantineLine[];
  held_count: number;
  held: HeldLine[];
  approval_count: number;
  approvals: ApprovalLine[];
  flagged_count: number;
  flagged: FlaggedLine[];
}

/** Load a version of a job type; the highest version is in force for new jobs. */
export interface LoadJobType {
  name?: "load_job_type";
  job_type: JobType;
}

/** The same line in the two interface languages. */
export interface LocalText {
  en: string;
  zh?: string;
}

/** What a location is. Stores, bins and repair shops never hold less than nothing; a van may. */
export type LocationKind = "bin" | "count_difference" | "customer" | "job" | "loan" | "repair_shop" | "returned" | "scrap" | "store" | "supplier" | "transit" | "van";

/** A page of locations, by code. */
export interface LocationPage {
  items: StockLocation[];
  next?: string | null;
}

/** What a dispatcher has fixed: a span of time, who goes, the exact time, or who goes at the exact time. */
export type LockKind = "both" | "resource" | "time" | "time_range";

/** Fix who goes, when, or both; no lock takes the one there is away. The plan itself stays, so that an acceptance stays good. */
export interface LockVisit {
  name?: "lock_visit";
  job_id: string;
  visit_id: string;
  plan_version: number;
  lock?: VisitLock | null;
}

/** Sign in by password. */
export interface LoginAsk {
  org: string;
  login: string;
  password: string;
}

/** The danger is over (water stopped, gas shut); the work may not be. */
export interface MakeSafe {
  name?: "make_safe";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  note?: string;
}

/** What a map is made of for this caller; `ground` is null where there is none. */
export interface MapSetup {
  ground: Ground | null;
  layers: TileLayer[];
}

/** Say that a job is the same trouble as another; it is cancelled and its requests move over. */
export interface MarkDuplicate {
  name?: "mark_duplicate";
  job_id: string;
  of_job_id: string;
}

/** What a crew used of a part on jobs of a type. `cost`: each use at the unit cost it was booked with. */
export interface MaterialLine {
  part_id: string;
  part_code: string;
  part_name: LocalText;
  part_class: string;
  unit: string;
  crew_id?: string | null;
  crew?: string;
  job_type: string;
  uses: number;
  quantity: string;
  cost: string;
}

/** The material used in a week, by the time of the use and not of its report; what was reversed does not count. */
export interface MaterialReport {
  week: string;
  from_day: string;
  to_day: string;
  currency: string;
  lines: MaterialLine[];
  by_part: MaterialSum[];
  by_class: MaterialSum[];
  by_crew: MaterialSum[];
  by_job_type: MaterialSum[];
  cost: string;
}

/**
 * Parts asked for on a job; `day_total` is what the policy judged: this request and the job's others of that day.
 *
 * `taken_at`: the parts were taken under an allowance and approved afterwards. `price_accepted_at`: when the customer signed the price;
 * `first_used_at`: when a part that the customer pays for was first used.
 */
export interface MaterialRequest {
  id: string;
  job_id: string;
  visit_id?: string | null;
  state: RequestState;
  lines: PricedLine[];
  amount: string;
  day_total: string;
  currency: string;
  requested_by?: string | null;
  requested_at: string;
  urgent?: boolean;
  approval_id?: string | null;
  allowance_id?: string | null;
  taken_at?: string | null;
  store_id?: string | null;
  price_accepted_at?: string | null;
  first_used_at?: string | null;
  closed_at?: string | null;
  closed_by?: string | null;
  reason?: string;
  flags?: Flag[];
}

/** How an organisation handles material; there is one. `price_before_work`: what customers pay for is signed before work begins. */
export interface MaterialRules {
  id: string;
  price_before_work?: boolean;
  default_store_id?: string | null;
  tolerances?: ClassTolerance[];
  form_dues?: FormDue[];
}

/** What belongs together: a part, a class, a crew or a type of job. Only a part has a quantity, since others mix units. */
export interface MaterialSum {
  key: string;
  quantity?: string | null;
  cost: string;
}

/** Ranges of bucket `b` that follow whole: a membership in them that no later `put` of the page names is gone. */
export interface Mend {
  frame: "mend";
  b: number;
  ranges: number[];
}

/**
 * A meter: the last reading belongs to it, for checks on the phone.
 *
 * `dn_mm` is the nominal diameter, `usual_per_day` what is usually used, in units of the register.
 */
export interface Meter {
  id: string;
  site_id: string;
  serial: string;
  medium?: string;
  unit?: string;
  dial_count?: number;
  multiplier?: string | null;
  dn_mm?: number | null;
  last_value?: string | null;
  last_read_at?: string | null;
  usual_per_day?: string | null;
}

/** What happened to a part. */
export type MoveKind = "arrived" | "back_from_repair" | "counted" | "handed_over" | "issued" | "lent" | "loan_back" | "opening" | "purchased" | "put_away" | "received" | "returned" | "reversed" | "scrapped" | "sent_to_repair" | "shipped" | "taken" | "taken_back" | "taken_over" | "used";

/**
 * A movement. `change` is what it did to the location asked for; `balance`, with a part asked for too, what was there right after it.
 *
 * `unit_cost` is left out for whoever may not see costs.
 */
export interface MoveLine {
  id: string;
  part_id: string;
  quantity: string;
  kind: MoveKind;
  from_location_id: string;
  to_location_id: string;
  change?: string | null;
  balance?: string | null;
  job_id?: string | null;
  request_id?: string | null;
  slip_id?: string | null;
  serial?: string;
  lot?: string;
  unit_cost?: string | null;
  occurred_at: string;
  recorded_at: string;
  actor_id?: string | null;
  reverses_id?: string | null;
  transfer_id?: string | null;
  count_id?: string | null;
  loan_id?: string | null;
  reason?: string;
}

/** A page of movements, the latest deeds first. */
export interface MovePage {
  items: MoveLine[];
  names?: Record<string, string>;
  next?: string | null;
}

/** Put a part elsewhere within one store: between the store and its bins. */
export interface MoveStock {
  name?: "move_stock";
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  move_id: string;
  from_location_id: string;
  to_location_id: string;
}

/** Polygons; of each the outer ring first, then its holes. */
export interface MultiPolygon {
  coordinates: [number, number][][][];
  type?: "MultiPolygon";
}

/** A remark on a job; never changed once written. */
export interface Note {
  id: string;
  job_id: string;
  visit_id?: string | null;
  text: string;
  written_at: string;
  written_by?: string | null;
}

/** Something a person should know: why a command was refused or put aside, who was faster, what was decided. */
export interface Notice {
  id: string;
  person_id: string;
  code: string;
  text: LocalText;
  at: string;
  job_id?: string | null;
  command_id?: string | null;
  about?: string;
}

/** Make a person inactive: scope ends at once, undone visits go back to be assigned. */
export interface OffboardPerson {
  name?: "offboard_person";
  person_id: string;
  reason?: string;
}

/** A collection of features. */
export interface OgcCollection {
  id: string;
  title: string;
  description: string;
  links: OgcLink[];
  extent: OgcExtent;
  itemType?: "feature";
  crs?: string[];
}

/** The collections that the caller may read. */
export interface OgcCollections {
  links: OgcLink[];
  collections: OgcCollection[];
}

/** Which parts of the standard are kept. */
export interface OgcConformance {
  conformsTo: string[];
}

/** The OpenAPI 3.0 document of the service. */
export interface OgcDefinition {
  openapi: string;
  info: unknown;
  paths: unknown;
}

/** Where and when the features of a collection may be. */
export interface OgcExtent {
  spatial: OgcSpatial;
  temporal?: OgcTemporal;
}

/** A feature as GeoJSON. */
export interface OgcFeature {
  id: string;
  geometry: unknown;
  properties: unknown;
  type?: "Feature";
}

/** A page of features as GeoJSON; the link `next` leads to the following page, where there is one. */
export interface OgcItems {
  links: OgcLink[];
  numberReturned: number;
  features: unknown[];
  type?: "FeatureCollection";
}

/** Where a client begins. */
export interface OgcLanding {
  title: string;
  description: string;
  links: OgcLink[];
}

/** A link of one document to another. */
export interface OgcLink {
  href: string;
  rel: string;
  type: string;
  title?: string;
}

/** Where the features of a collection may be. */
export interface OgcSpatial {
  bbox: [number, number, number, number][];
  crs?: string;
}

/** When the features of a collection may be: without end on both sides. */
export interface OgcTemporal {
  interval?: ([string | null, string | null])[];
  trs?: string;
}

/** Begin a repair form in three copies for a job. `shift` left out: that of the local time; `number` left out: the server gives it. */
export interface OpenForm {
  name?: "open_form";
  job_id: string;
  form_id: string;
  visit_id?: string | null;
  shift?: string | null;
  number?: string | null;
}

/** A span of the day in which stores hand out parts. */
export interface OpenHours {
  from_min: number;
  to_min: number;
}

/** Open a job. Without a point, or with one outside every district, it awaits triage; `number` is given by the server when left out. */
export interface OpenJob {
  name?: "open_job";
  job_id: string;
  job_type: string;
  title?: string;
  description?: string;
  priority?: Priority | null;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  site_id?: string | null;
  contact?: ContactDetails | null;
  request_id?: string | null;
  reported_at?: string | null;
  external_ref?: string;
  number?: string | null;
}

/** The reduced view of a job that anyone in its district may claim: no contact, no customer's words. */
export interface OpenJobDocument {
  id: string;
  number: string;
  type: string;
  title?: string;
  priority?: Priority;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  district_id?: string | null;
  required_skills?: Skill[];
  reported_at: string;
  arrival_due_at?: string | null;
}

/** Say what a location held when the ledger began, at the instant `as_of` (left out: now). */
export interface OpenStock {
  name?: "open_stock";
  opening_id: string;
  location_id: string;
  lines: PricedStockLine[];
  as_of?: string | null;
  reference?: string;
}

/** Why a crew does not have a visit: what its best place would break, or what more it would drive. */
export interface OtherCrewLine {
  crew_id?: string | null;
  person_id?: string | null;
  crew?: string;
  day?: number;
  reasons?: ReasonLine[];
  extra_travel_s?: number | null;
}

/** The durable answer to a command (`id` is the command's); details go to the author's notice. */
export interface Outcome {
  id: string;
  status: OutcomeStatus;
  code?: string;
  n?: number | null;
  flags?: string[];
  resolution?: Resolution | null;
}

/** What became of one command; its details come by pull. */
export interface OutcomeBrief {
  n: number;
  id: string;
  status: OutcomeStatus;
  code?: string;
}

/** Final, but for `held`. */
export type OutcomeStatus = "applied" | "held" | "merged" | "quarantined" | "rejected";

/** A change that no longer holds, since what it starts from is no longer so: why, and how it is now. */
export interface OvertakenStep {
  visit_id: string;
  job_id: string;
  number?: string;
  code: string;
  text: string;
  now?: PlanSpot | null;
}

/**
 * A material of the catalogue. `unit_cost` is what it costs us, `price` what a customer pays (none: it has no price of its own).
 *
 * Both are in the organisation's currency. `part_class` picks the tolerance when a day is reconciled; `substitutes` may stand in for it.
 */
export interface Part {
  id: string;
  code: string;
  name: LocalText;
  unit?: string;
  unit_cost: string;
  serialised?: boolean;
  active?: boolean;
  gtins?: string[];
  part_class?: string;
  price?: string | null;
  lot_tracked?: boolean;
  substitutes?: string[];
}

/** A part as the store and the desk see it. `price` is what a customer pays; `unit_cost` is left out for whoever may not see costs. */
export interface PartLine {
  id: string;
  code: string;
  name: LocalText;
  unit: string;
  part_class: string;
  serialised?: boolean;
  lot_tracked?: boolean;
  active?: boolean;
  gtins?: string[];
  price?: string | null;
  unit_cost?: string | null;
  substitutes?: string[];
}

/** A page of parts, by code. */
export interface PartPage {
  items: PartLine[];
  next?: string | null;
}

/** Change one's own password; every other sign-in of the person ends. */
export interface PasswordAsk {
  current: string;
  new: string;
}

/** Set a new password with a one-time token from an administrator. */
export interface PasswordResetAsk {
  reset_token: string;
  new: string;
}

/** Work was interrupted. */
export interface PauseWork {
  name?: "pause_work";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  reason?: string;
}

/** A member of the organisation; `lon_deg`, `lat_deg` are the place the person starts the day from. */
export interface Person {
  id: string;
  code: string;
  name: string;
  language?: string;
  roles?: Role[];
  skills?: Skill[];
  active?: boolean;
  lon_deg?: number | null;
  lat_deg?: number | null;
}

/** A page of persons, by code. */
export interface PersonPage {
  items: Person[];
  next?: string | null;
}

/** A photo's metadata; the bytes travel apart and may come later. */
export interface Photo {
  id: string;
  job_id: string;
  visit_id?: string | null;
  purpose?: string;
  sha256: string;
  size_bytes: number;
  media_type: string;
  taken_at: string;
  taken_by?: string | null;
}

/** Say what was fetched from the shelves for a request: exactly `quantity` of each line named; without lines all that is to be issued. */
export interface PickParts {
  name?: "pick_parts";
  job_id: string;
  request_id: string;
  lines?: LineQuantity[];
}

/** Approved requests of which something is still to be issued, oldest first; `stock` says where in stores and bins their parts lie. */
export interface PickQueue {
  items: MaterialRequest[];
  stock?: BalanceLine[];
  names?: Record<string, string>;
  next?: string | null;
}

/**
 * Ask for a proposal; nothing changes by it.
 *
 * `district_id`: only jobs there and below. `job_ids`: of the jobs that nobody has only these (for `urgent` one). `crew_ids`: only the days
 * of these crews (a person who has no crew counts as one). `absent_ids`: crews or persons who cannot go on. `limit_s`: seconds for the
 * solver; without it 5 for a day, 2 for a repair or a storm, none for an urgent job, which is inserted.
 */
export interface PlanAsk {
  kind?: PlanKind;
  district_id?: string | null;
  job_ids?: string[];
  crew_ids?: string[];
  absent_ids?: string[];
  horizon_days?: number;
  limit_s?: number | null;
}

/** Make a proposal so: all of it, or the changes of these visits. */
export interface PlanCommitAsk {
  visit_ids?: string[] | null;
}

/**
 * What became of a commit. `overtaken` was left out: what crews reported or accepted meanwhile wins.
 *
 * With `committed` false nothing has changed (`code` is `plan_outdated`): somebody else changed the plan of these crews meanwhile.
 * `repeated`: it was done when it was first asked.
 */
export interface PlanCommitted {
  plan_id: string;
  committed: boolean;
  code: string;
  repeated?: boolean;
  steps?: CommittedStep[];
  overtaken?: OvertakenStep[];
}

/** What a plan costs: seconds of driving, waiting and being overdue, and counts. */
export interface PlanCostShown {
  travel_s?: number;
  waiting_s?: number;
  overdue_s?: number;
  late?: number;
  unassigned?: number;
  crews_used?: number;
}

/** Why a visit is where a plan has it, and why nobody else has it: those first who could. Nobody: what stood in the way of how many. */
export interface PlanExplanation {
  visit_id: string;
  job_id: string;
  crew_id?: string | null;
  person_id?: string | null;
  crew?: string;
  travel_s?: number | null;
  reasons?: ReasonLine[];
  others?: OtherCrewLine[];
  hindrances?: Hindrance[];
}

/**
 * What a plan is made for.
 *
 * `day`: what is ready gets a place; a day without standing visits is planned as a whole, a running one is repaired. `urgent`: one job
 * into the running day; what runs late anyway is no part of it. `repair`: what fell out (a crew that cannot go on, a visit that runs long) and the jobs
 * named get a place, the rest stays where it can. `storm`: all that is ready into the running day, the most urgent first.
 */
export type PlanKind = "day" | "repair" | "storm" | "urgent";

/**
 * A plan beside the one that stands; nothing changes until it is committed.
 *
 * `version` names the state that it was made from. `planner` names who worked on it, `sources` where travel times come from, `notes` say
 * what was left out. `disruption` of the `standing` visits get another crew, another time or none. `steps` come with the changes
 * first, each group by crew and time. `broken` is the word of an independent checker, empty for a good plan.
 */
export interface PlanProposal {
  id: string;
  version: string;
  kind: PlanKind;
  made_at: string;
  expires_at: string;
  planner?: string;
  sources?: string[];
  notes?: string[];
  cost?: PlanCostShown;
  cost_now?: PlanCostShown | null;
  disruption?: number;
  standing?: number;
  disruption_share?: number;
  steps?: PlanStep[];
  stops?: PlanStop[];
  unassigned?: UnassignedLine[];
  broken?: BrokenLine[];
  committed_at?: string | null;
}

/** A visit's place in somebody's day. In a plan the begin is a range (`earliest_at` to `latest_at`), and the way there has a source. */
export interface PlanSpot {
  crew_id?: string | null;
  person_id?: string | null;
  crew?: string;
  begin_at?: string | null;
  end_at?: string | null;
  earliest_at?: string | null;
  latest_at?: string | null;
  travel_s?: number | null;
  source?: string | null;
}

/** A visit before and after. `frozen` begins too soon to be moved, `late` begins after it is due. */
export interface PlanStep {
  visit_id: string;
  job_id: string;
  number?: string;
  kind: PlanStepKind;
  before?: PlanSpot | null;
  after?: PlanSpot | null;
  frozen?: boolean;
  locked?: boolean;
  late?: boolean;
  reasons?: ReasonLine[];
}

/** What a plan does to a visit. `added` is a visit that is not there yet; `kept` is shown for the crews whose day changes. */
export type PlanStepKind = "added" | "kept" | "moved" | "reassigned" | "removed";

/** A break or a stop at a store in a plan; no command makes it, it is there to be seen. */
export interface PlanStop {
  kind: StopKind;
  crew_id?: string | null;
  person_id?: string | null;
  begin_at: string;
  end_at: string;
  store_id?: string | null;
}

/** Plan a visit's time, with or without who goes. */
export interface PlanVisit {
  name?: "plan_visit";
  job_id: string;
  visit_id: string;
  planned_start_at: string;
  planned_end_at: string;
  crew_id?: string | null;
  person_id?: string | null;
}

/**
 * How an organisation plans; there is one set of them.
 *
 * What begins within `freeze_min` stays. A visit that moves by more than `told_shift_min` counts as changed. A repair changes
 * `most_changed_percent` of the standing visits at most, where it has a choice. Without `store_hours` stores are always open.
 */
export interface PlanningRules {
  id: string;
  freeze_min?: number;
  told_shift_min?: number;
  most_changed_percent?: number;
  break_grace_min?: number;
  store_handling_min?: number;
  breaks?: BreakRule[];
  store_hours?: OpenHours[];
}

/** A point: longitude, latitude. */
export interface Point {
  coordinates: [number, number];
  type?: "Point";
}

/**
 * An approval ladder as data, in force where its scope fits; of a code only the highest version counts.
 *
 * Outside the working time of the site's calendar, else of the one named by `calendar`, else of `working_hours` in `zone`, whoever is on
 * the roster `after_hours_duty` replaces the band. A version that is not `active` withdraws its code.
 */
export interface Policy {
  id: string;
  code: string;
  version: number;
  subject?: string;
  currency: string;
  bands: Band[];
  working_hours?: WorkingHours[];
  duty_chief_after_hours?: boolean;
  scope?: Scope | null;
  calendar?: string | null;
  zone?: string | null;
  after_hours_duty?: string;
  escalation?: Escalation | null;
  active?: boolean;
}

/** A page of policies, by code and version. */
export interface PolicyPage {
  items: Policy[];
  next?: string | null;
}

/** Where a device was: WGS 84 unless `datum` says otherwise, accuracy as a radius in metres. */
export interface Position {
  lon_deg: number;
  lat_deg: number;
  accuracy_m?: number | null;
  at?: string | null;
  datum?: Datum;
  mock?: boolean;
}

/** How many positions were taken; those of nobody's session, or too old, were not. */
export interface PositionsAnswer {
  taken: number;
}

/** Where the device's current person was, in any order. Lossy: never queued for long, never sent twice on purpose. */
export interface PositionsAsk {
  positions: Position[];
}

/**
 * A requested line with the unit cost the policy saw and what became of it.
 *
 * `approved`: how much was granted (none: nothing was decided about this line by itself). `substitute_for`: the line whose part this one
 * stands in for. Issued, received, used and returned are folds of the moves; reserved and picked are what the store has set aside.
 */
export interface PricedLine {
  part_id: string;
  quantity: string;
  unit_cost: string;
  received: string;
  line_no?: number;
  approved?: string | null;
  reserved?: string;
  picked?: string;
  issued?: string;
  used?: string;
  returned?: string;
  substitute_for?: number;
  chargeable?: boolean;
  price?: string | null;
}

/** A line with what a unit cost; left out: the catalogue's price. */
export interface PricedStockLine {
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  unit_cost?: string | null;
}

/** How soon; the order of declaration is the order of urgency. */
export type Priority = "emergency" | "low" | "normal" | "urgent";

/** A refusal. `code` is stable and for machines, `title` and `detail` are for people, `instance` names this request in the logs. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  instance: string;
  detail?: string;
  errors?: FieldError[];
  about?: Record<string, string>;
}

/**
 * What a device asks of a pull.
 *
 * `digests` are its own per bucket, sent when the last answer said `compare`; `check` asks for the server's in
 * `end`; `seen_n` is the highest n whose outcome the device has shown; `unsent` counts its commands without an answer;
 * `wait_s` > 0 is a long poll (at most 55 s count).
 */
export interface PullAsk {
  cursor?: string | null;
  digests?: Record<string, BucketDigest> | null;
  check?: boolean;
  seen_n?: number;
  unsent?: number;
  wait_s?: number;
}

/**
 * The answer to a push, after its last commit; it may cover a prefix of what was asked.
 *
 * `last_n` is the highest n with a stored outcome, `durable_n` the highest that outlives the loss of the primary
 * (null: not known; the device keeps acknowledged commands for 14 days).
 */
export interface PushAnswer {
  last_n: number;
  outcomes: OutcomeBrief[];
  server_time: string;
  durable_n?: number | null;
}

/** What a device hands in: at most 200 commands, 256 KiB. Commands and skips together are consecutive by n. */
export interface PushAsk {
  sent: ClockSample;
  commands?: PushCommand[];
  skips?: Skip[];
}

/** One queued command. The bytes of `cmd` are kept and re-sent as they are: its digest is taken over them. At most 32 KiB. */
export interface PushCommand {
  n: number;
  session: string;
  cmd: unknown;
}

/** A document and the buckets (by index) that hold it. `h` is taken over the bytes of `body` as they stand. */
export interface Put {
  frame: "put";
  b: number[];
  kind: string;
  id: string;
  ver: number;
  h: string;
  body: unknown;
}

/** A report that was put aside whole and waits for somebody to decide; `text` says the reason's code. */
export interface QuarantineLine {
  entry_id: string;
  name: string;
  reason: string;
  text?: LocalText | null;
  received_at: string;
  person?: string;
  device?: string;
  job_number?: string;
}

/** How much waits in each queue of the warehouse. */
export interface QueueCounts {
  to_approve: number;
  to_pick: number;
  to_hand_over: number;
  to_receive_back: number;
  exceptions: number;
}

/** `[range, count, xor]` over the documents of a bucket whose ids end in that byte. Empty ranges are left out. */
export type RangeSum = [number, number, string];

/** A meter's register as read. */
export interface ReadMeter {
  name?: "read_meter";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  reading_id: string;
  meter_id: string;
  value: string;
  purpose?: string;
  typed_serial?: string;
  photo_sha256?: string | null;
}

/** A meter reading; `value` is the register as seen. */
export interface Reading {
  id: string;
  job_id: string;
  visit_id?: string | null;
  meter_id: string;
  purpose?: string;
  value: string;
  typed_serial?: string;
  photo_sha256?: string | null;
  read_at: string;
  read_by?: string | null;
  flags?: Flag[];
}

/** A reason: its stable code and the words for it in the caller's language. */
export interface ReasonLine {
  code: string;
  text: string;
}

/**
 * Give a visit to another crew or person, at the planned times or at others. Made from `plan_version`; facts reported since win.
 *
 * Of the times both are given or neither. With the same crew or person it is a move in time.
 */
export interface ReassignVisit {
  name?: "reassign_visit";
  job_id: string;
  visit_id: string;
  plan_version: number;
  crew_id?: string | null;
  person_id?: string | null;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
}

/** A part came into the van. By a scan of an issue slip it names the slip and its line. */
export interface ReceivePart {
  name?: "receive_part";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  move_id: string;
  request_id?: string | null;
  part_id: string;
  quantity: string;
  serial?: string;
  slip_id?: string | null;
  line_no?: number;
  lot?: string;
  serials?: string[];
  scanned?: boolean;
}

/** Take a supplier's delivery into a store or bin; `reference` is the delivery note's number. */
export interface ReceiveStock {
  name?: "receive_stock";
  receipt_id: string;
  location_id: string;
  lines: PricedStockLine[];
  reference?: string;
}

/** Compare what was given out with what was used and given back for every job that a day touched. Again: the same exceptions, brought up to date. */
export interface ReconcileDay {
  name?: "reconcile_day";
  day: string;
}

/**
 * The last reconciliation of a day: when, by whom, how much was compared, what agreed, and what it found.
 *
 * `under_way`: parts of jobs that go on, which may still be used or given back.
 */
export interface Reconciliation {
  id: string;
  day: string;
  reconciled_at: string;
  reconciled_by?: string | null;
  moves: number;
  jobs: number;
  matched: number;
  under_way: number;
  found?: KindCount[];
}

/** How a day stands: its last reconciliation (none: there was none yet), and what it found that is still open. */
export interface ReconciliationShown {
  day: string;
  reconciliation?: Reconciliation | null;
  still_open?: KindCount[];
}

/** Exchange a refresh token for new tokens; each is good once. */
export interface RefreshAsk {
  refresh_token: string;
}

/** Record what a customer reported. With `job_id` the request is linked to that job; a job of that id is opened when `job_type` is given. */
export interface RegisterRequest {
  name?: "register_request";
  request_id: string;
  source?: string;
  description?: string;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  contact?: ContactDetails | null;
  external_ref?: string;
  reported_at?: string | null;
  job_id?: string | null;
  job_type?: string | null;
}

/** Reject what was asked. */
export interface Reject {
  name?: "reject";
  job_id: string;
  approval_id: string;
  reason: string;
}

/** End a hold. */
export interface ReleaseJob {
  name?: "release_job";
  job_id: string;
}

/** Reopen a completed, closed or cancelled job for another visit. */
export interface ReopenJob {
  name?: "reopen_job";
  job_id: string;
  reason: string;
}

/** Range sums of one bucket as the device holds it at `cursor`. A bucket that is not held is answered with a plain page. */
export interface RepairAsk {
  cursor?: string | null;
  bucket: string;
  sums?: RangeSum[];
}

/**
 * A repair form in three copies: 1 to the service desk, 2 to the engineering duty room, 3 to the store when material was drawn.
 *
 * `next_due_at` is the earliest instant at which a copy that is still out is due; none when nothing is due any more.
 */
export interface RepairForm {
  id: string;
  number: string;
  job_id: string;
  visit_id?: string | null;
  shift: string;
  opened_at: string;
  opened_by?: string | null;
  material_drawn?: boolean;
  copies: FormCopy[];
  next_due_at?: string | null;
}

/**
 * A span told: steps by `at`, so that a page replays it without asking again. `tracks` only for who may see positions.
 *
 * `truncated`: there was more than a replay holds (20,000 jobs, 200,000 points).
 */
export interface Replay {
  from_at: string;
  to_at: string;
  zone: string;
  jobs: ReplayJob[];
  visits: ReplayVisit[];
  steps: ReplayStep[];
  tracks?: ReplayTrack[];
  truncated?: boolean;
}

/** A job of the span as it is described now, with its state when the span began; without `state` it was not there yet. */
export interface ReplayJob {
  id: string;
  number: string;
  type: string;
  state?: JobState | null;
  title?: string;
  address?: string;
  priority?: Priority;
  district_id?: string | null;
  lon_deg?: number | null;
  lat_deg?: number | null;
  reported_at: string;
  due_at?: string | null;
  arrived_at?: string | null;
}

/**
 * Something that happened: from `at` on the job is in `job_state`, and the visit, where it is about one, as the other fields say.
 *
 * `recorded_at` is when the office learned of it. A visit that no earlier step or list named begins with the step.
 */
export interface ReplayStep {
  at: string;
  recorded_at: string;
  name: string;
  job_id: string;
  job_state: JobState;
  actor_id?: string | null;
  visit_id?: string | null;
  visit_state?: VisitState | null;
  crew_id?: string | null;
  person_id?: string | null;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
}

/** Where somebody drove without a gap of ten minutes: points of (seconds since `from_at` of the replay, longitude, latitude). */
export interface ReplayTrack {
  person_id: string;
  crew_id?: string | null;
  points: [number, number, number][];
}

/** A visit as it stood when the span began. */
export interface ReplayVisit {
  id: string;
  job_id: string;
  state: VisitState;
  crew_id?: string | null;
  person_id?: string | null;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
}

/** A job found on site by a technician; it awaits triage. */
export interface ReportJob {
  name?: "report_job";
  job_id: string;
  job_type: string;
  title?: string;
  description?: string;
  priority?: Priority | null;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  position?: Position | null;
}

/** Nobody let the crew in; the visit ends. */
export interface ReportNoAccess {
  name?: "report_no_access";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  reason: string;
}

/** The trouble belongs to somebody else; the crew stays until the right crew comes. */
export interface ReportNotOurs {
  name?: "report_not_ours";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  owner?: string;
  note?: string;
}

/** What a customer or a system reported; several may be linked to one job. */
export interface Request {
  id: string;
  source: string;
  description?: string;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  external_ref?: string;
  contact_id?: string | null;
  job_id?: string | null;
  reported_at: string;
}

/** One part and how much of it. `chargeable`: the customer pays for it, at `price` a unit as it was shown (none: the catalogue's). */
export interface RequestLine {
  part_id: string;
  quantity: string;
  chargeable?: boolean;
  price?: string | null;
}

/** A page of requests, newest reports first. */
export interface RequestPage {
  items: RequestShown[];
  next?: string | null;
}

/** Parts asked for; the policy in force says who decides. */
export interface RequestParts {
  name?: "request_parts";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  request_id: string;
  lines: RequestLine[];
  urgent?: boolean;
}

/** A request with whoever reported it. */
export interface RequestShown {
  request: Request;
  contact?: Contact | null;
}

/** The life of a material request: the fold of what was decided about it and how its parts moved. */
export type RequestState = "approved" | "closed" | "issued" | "partly_issued" | "partly_received" | "picking" | "received" | "rejected" | "requested" | "reserved" | "returned" | "used" | "waiting_approval";

/**
 * Set parts of an approved request aside at a store: exactly `quantity` of each line named; without lines whatever is still to be issued.
 *
 * `store_id` left out: the organisation's default store. A quantity of 0 lets a line go.
 */
export interface ReserveParts {
  name?: "reserve_parts";
  job_id: string;
  request_id: string;
  store_id?: string | null;
  lines?: LineQuantity[];
}

/** A one-time token with which a person sets a new password. */
export interface ResetToken {
  reset_token: string;
  expires_at: string;
}

/** Who ended a quarantine, how and when. */
export interface Resolution {
  kind: ResolutionKind;
  by?: string | null;
  at: string;
}

/** What became of a quarantined command. */
export type ResolutionKind = "applied" | "corrected" | "discarded";

/**
 * How an exception ends. Each books moves that complete what was not booked or reverse what was wrong; about a paper there is nothing to book.
 *
 * `book_use`: it was built in. `book_return`: it was given back. `book_receipt`: the van has it. `book_issue`: the store gave it out.
 * `write_off`: it is lost or broken. `reverse`: a move never happened. `rebook`: a move belongs to another job, or has another serial.
 * `accept`: the difference stands, and the ledger is brought to it.
 */
export type ResolveAction = "accept" | "book_issue" | "book_receipt" | "book_return" | "book_use" | "rebook" | "reverse" | "write_off";

/** The entry as it is now, and what became of the command in its place (nothing: discarded). */
export interface ResolveAnswer {
  entry: Entry;
  status?: OutcomeStatus | null;
  code?: string;
  flags?: string[];
}

/** End an entry: apply it as it is, correct it (then `args`, and `name` for another command), or discard it. */
export interface ResolveAsk {
  kind: ResolutionKind;
  name?: string;
  args?: unknown;
}

/**
 * End an exception, or `quantity` of it, by moves that complete or reverse what was booked.
 *
 * `reverse` and `rebook` name the move (`move_id`); `rebook` says which job (`to_job_id`) or serial (`serial`) it has instead. `book_issue`
 * names the store (`location_id`); other bookings may name the van where it is not the exception's. `serials`: which ones, of a part with serials.
 */
export interface ResolveException {
  name?: "resolve_exception";
  exception_id: string;
  action: ResolveAction;
  reason: string;
  quantity?: string | null;
  serials?: string[];
  location_id?: string | null;
  move_id?: string | null;
  to_job_id?: string | null;
  serial?: string | null;
}

/** Work went on. */
export interface ResumeWork {
  name?: "resume_work";
  job_id: string;
  visit_id: string;
  position?: Position | null;
}

/** What was given back of a part, lot or serial and not taken in yet. */
export interface ReturnLine {
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  since: string;
}

/** A part left the van to be taken back by the store. */
export interface ReturnPart {
  name?: "return_part";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  move_id: string;
  part_id: string;
  quantity: string;
  serial?: string;
  request_id?: string | null;
  line_no?: number;
  lot?: string;
  serials?: string[];
  scanned?: boolean;
}

/** What crews gave back and no store has taken in, by job, the longest waiting at the top. */
export interface ReturnQueue {
  items: ReturnedJob[];
  names?: Record<string, string>;
  next?: string | null;
}

/** A job of which something given back waits since an instant; `job_id` is missing where it belongs to none. */
export interface ReturnedJob {
  job_id?: string | null;
  since: string;
  lines: ReturnLine[];
}

/** Undo a mistaken move by its opposite, at the instant of the mistake; the move itself stays. */
export interface ReverseMove {
  name?: "reverse_move";
  move_id: string;
  reason: string;
}

/** What a person or an integration may be; `may` maps roles to commands. */
export type Role = "admin" | "auditor" | "callback" | "crew_lead" | "deputy_gm" | "dispatcher" | "duty_chief" | "engineer" | "integration" | "manager" | "technician" | "warehouse";

/** Create or replace a work calendar. */
export interface SaveCalendar {
  name?: "save_calendar";
  calendar: WorkCalendar;
}

/** Create or replace a contact. */
export interface SaveContact {
  name?: "save_contact";
  contact: Contact;
}

/** Create or replace a crew; members come by `save_crew_member`. */
export interface SaveCrew {
  name?: "save_crew";
  crew: Crew;
}

/** Create or replace a dated membership; scope follows it. */
export interface SaveCrewMember {
  name?: "save_crew_member";
  member: CrewMember;
}

/** Let another person decide in one's place for a time, or change when that ends. Chains are bounded, circles refused. */
export interface SaveDelegation {
  name?: "save_delegation";
  delegation: Delegation;
}

/** Create or replace a district with its outline (GeoJSON Polygon or MultiPolygon, WGS 84, as text). */
export interface SaveDistrict {
  name?: "save_district";
  district_id: string;
  code: string;
  name_en: string;
  name_zh?: string;
  parent_id?: string | null;
  arrival_class?: string;
  outline_geojson: string;
}

/** Create or replace a line of the duty roster. */
export interface SaveDuty {
  name?: "save_duty";
  duty: Duty;
}

/** Replace the rules by which an organisation handles material. There is one set of them, whatever id the command names. */
export interface SaveMaterialRules {
  name?: "save_material_rules";
  rules: MaterialRules;
}

/** Create or replace a meter. */
export interface SaveMeter {
  name?: "save_meter";
  meter: Meter;
}

/** Create or replace a part of the catalogue. */
export interface SavePart {
  name?: "save_part";
  part: Part;
}

/** Create or replace a person (not the credentials). */
export interface SavePerson {
  name?: "save_person";
  person: Person;
}

/** Replace the rules by which an organisation plans. There is one set of them, whatever id the command names. */
export interface SavePlanningRules {
  name?: "save_planning_rules";
  rules: PlanningRules;
}

/** Load a version of an approval policy; the highest version is in force. */
export interface SavePolicy {
  name?: "save_policy";
  policy: Policy;
}

/** Create or replace a shift. */
export interface SaveShift {
  name?: "save_shift";
  shift: Shift;
}

/** Create or replace a site; its district follows from its point. */
export interface SaveSite {
  name?: "save_site";
  site: Site;
}

/** Create or replace a stock location. */
export interface SaveStockLocation {
  name?: "save_stock_location";
  location: StockLocation;
}

/** Create or replace a usage point. */
export interface SaveUsagePoint {
  name?: "save_usage_point";
  usage_point: UsagePoint;
}

/** What a barcode says, and the active parts it may mean: those with its GTIN, else the one with this code. Mostly one, sometimes none. */
export interface ScanFound {
  text: string;
  gtin?: string;
  serial?: string;
  lot?: string;
  quantity?: string | null;
  expires_on?: string | null;
  parts?: PartLine[];
}

/** Where a policy holds: each list that is given must name the job's site, its type, its district or one above that. */
export interface Scope {
  site_ids?: string[];
  job_types?: string[];
  district_ids?: string[];
}

/** A part of a score, in seconds. */
export interface ScorePart {
  name: string;
  seconds: number;
}

/** Write off what cannot be used any more. */
export interface ScrapStock {
  name?: "scrap_stock";
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  move_id: string;
  location_id: string;
  reason: string;
}

/** Send a part to a repair shop; without one named, to the organisation's own. */
export interface SendToRepair {
  name?: "send_to_repair";
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  move_id: string;
  location_id: string;
  repair_shop_id?: string | null;
  reason?: string;
}

/** A session: commands under it are this person's, within its time. Opened on the device by the person's PIN. */
export interface SessionGrant {
  session_id: string;
  person_id: string;
  name: string;
  from_at: string;
  to_at: string;
}

/** The sessions a device may hold now and ahead; ask again well before the last one ends. */
export interface SessionsAnswer {
  server_time: string;
  sessions: SessionGrant[];
  zone?: string;
}

/** Say at which level a part is to be ordered anew and how much of it; without a point it is not. */
export interface SetReorderPoint {
  name?: "set_reorder_point";
  location_id: string;
  part_id: string;
  reorder_point?: string | null;
  reorder_quantity?: string | null;
}

/**
 * Say which value of a field stands: the one the job has (`kept`), or the one that was offered by the edit `edit_id`.
 *
 * Without `edit_id` it is the edit of that field that came last. `was` is the value that the job was seen with (left out: the one that was kept); where it has another by now the offered one is refused.
 */
export interface SettleConflict {
  name?: "settle_conflict";
  job_id: string;
  field: string;
  keep: Keep;
  edit_id?: string | null;
  was?: string | null;
}

/** Working time of a person. */
export interface Shift {
  id: string;
  person_id: string;
  from_at: string;
  to_at: string;
}

/** A page of shifts, by their beginning. */
export interface ShiftPage {
  items: Shift[];
  next?: string | null;
}

/** Send material from a store to another store or to a van; it is on its way until the other side confirms. */
export interface ShipTransfer {
  name?: "ship_transfer";
  transfer_id: string;
  from_location_id: string;
  to_location_id: string;
  lines: StockLine[];
  reason?: string;
}

/** A customer's signature over exactly what was shown, or the refusal with its reason. Strokes stay in the evidence. */
export interface Signature {
  id: string;
  job_id: string;
  visit_id?: string | null;
  purpose?: string;
  signer?: string;
  relation?: string;
  shown_sha256?: string | null;
  refused_reason?: string;
  witness?: string;
  strokes_sha256?: string | null;
  signed_at: string;
  captured_by?: string | null;
  flags?: Flag[];
}

/** A public key of the organisation (Ed25519, hex), with which phones verify allowances. */
export interface SigningKey {
  id: string;
  public_key: string;
  made_at: string;
}

/** A premise where work happens. Without a point it belongs to no district. */
export interface Site {
  id: string;
  code: string;
  name?: string;
  address?: string;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  district_id?: string | null;
}

/** A page of sites, by code. */
export interface SitePage {
  items: Site[];
  next?: string | null;
}

/** A skill held or asked for; a level includes all lower ones. */
export interface Skill {
  code: string;
  level?: number;
  expires_at?: string | null;
}

/** Stands in for a command that the server could not read: its number, its id and the SHA-256 of its `cmd`. */
export interface Skip {
  n: number;
  id: string;
  sha256: string;
}

/** A line of an issue slip: what left which place, and how much of it the crew has received. */
export interface SlipLine {
  line_no: number;
  part_id: string;
  quantity: string;
  unit_cost: string;
  from_location_id: string;
  lot?: string;
  serials?: string[];
  received?: string;
}

/** The crew set out. */
export interface StartTravel {
  name?: "start_travel";
  job_id: string;
  visit_id: string;
  position?: Position | null;
}

/** Work began. */
export interface StartWork {
  name?: "start_work";
  job_id: string;
  visit_id: string;
  position?: Position | null;
}

/** How many jobs are in a state, and how many of them are or were late to arrive at. */
export interface StateCount {
  state: JobState;
  jobs: number;
  late: number;
}

/** One step of a band; the next begins when it is complete. */
export interface Step {
  approvers: ApproverRef[];
  rule?: StepRule;
}

/** An approval of one approver of a step: `person_id` decided, in the place of `for_id` where that person had delegated it. */
export interface StepDecision {
  approver: ApproverRef;
  person_id?: string | null;
  for_id?: string | null;
  at: string;
}

/** How many of a step's approvers have to approve. */
export type StepRule = "all_of" | "any_of";

/** What a location held at the instant `as_of`; kept when nothing differed too. Moves of that very instant are in it. */
export interface StockCount {
  id: string;
  location_id: string;
  mode: CountMode;
  as_of: string;
  lines: CountedLine[];
  counted_by?: string | null;
  recorded_at: string;
  note?: string;
}

/**
 * Something that does not agree, with the figures it was judged by. `difference` is what is missing or too much, never negative.
 *
 * The id follows from what it is about, so that finding the same thing again is the same exception. `subject_id` names the form, the slip
 * or the transfer where there is one; `location_id` the van it is about. `day` is the day whose reconciliation found it first.
 */
export interface StockException {
  id: string;
  kind: ExceptionKind;
  state: ExceptionState;
  day: string;
  job_id?: string | null;
  part_id?: string | null;
  location_id?: string | null;
  subject_id?: string | null;
  issued?: string | null;
  on_form?: string | null;
  used?: string | null;
  returned?: string | null;
  written_off?: string | null;
  difference?: string | null;
  in_transit?: string | null;
  serials_missing?: string[];
  serials_extra?: string[];
  copies?: number[];
  found_at: string;
  changed_at?: string | null;
  settled_at?: string | null;
  resolutions?: ExceptionResolution[];
}

/**
 * How much of a part a location holds: the fold of its moves, kept. Its id follows from both (`rules.stock.level_id`).
 *
 * `reserved` is promised to requests; `counted_at` is the instant of the latest count.
 */
export interface StockLevel {
  id: string;
  location_id: string;
  part_id: string;
  quantity?: string;
  reserved?: string;
  reorder_point?: string | null;
  reorder_quantity?: string | null;
  counted_at?: string | null;
}

/** A part and how much of it; a serial names one piece. */
export interface StockLine {
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
}

/** A tool or sample lent against a deposit. `charge` is what the nights have cost so far; `deposit_returned` what was paid back. */
export interface StockLoan {
  id: string;
  location_id: string;
  part_id: string;
  quantity: string;
  returned?: string;
  serial?: string;
  lot?: string;
  borrower: string;
  person_id?: string | null;
  deposit?: string;
  overnight_charge?: string;
  charge?: string;
  deposit_returned?: string;
  currency: string;
  lent_at: string;
  due_at?: string | null;
  returned_at?: string | null;
}

/** Where material can be: a store, a bin of a store (`parent_id`), a van, in transit, installed at customers. */
export interface StockLocation {
  id: string;
  code: string;
  kind: LocationKind;
  name?: string;
  parent_id?: string | null;
  site_id?: string | null;
  active?: boolean;
}

/** A signed movement between two locations; never changed, a mistake is a reversing move. */
export interface StockMove {
  id: string;
  part_id: string;
  quantity: string;
  kind: MoveKind;
  from_location_id: string;
  to_location_id: string;
  job_id?: string | null;
  visit_id?: string | null;
  request_id?: string | null;
  serial?: string;
  unit_cost: string;
  occurred_at: string;
  recorded_at: string;
  actor_id?: string | null;
  lot?: string;
  unit?: string | null;
  currency?: string | null;
  slip_id?: string | null;
  line_no?: number | null;
  transfer_id?: string | null;
  count_id?: string | null;
  loan_id?: string | null;
  reverses_id?: string | null;
  reason?: string;
  command_id?: string | null;
}

/** Material on its way from a store or van to another; `arrived_location_id` is where it came to, whatever was meant. */
export interface StockTransfer {
  id: string;
  state: TransferState;
  from_location_id?: string | null;
  to_location_id?: string | null;
  arrived_location_id?: string | null;
  lines?: TransferLine[];
  shipped_at?: string | null;
  shipped_by?: string | null;
  confirmed_at?: string | null;
  confirmed_by?: string | null;
  reason?: string;
}

/** What a crew stops for beside visits. */
export type StopKind = "break" | "store";

/**
 * An emergency in which many jobs come at once. Without districts it is everywhere; a district stands for all below it.
 *
 * Where several are in force the highest level counts.
 */
export interface Storm {
  id: string;
  level: number;
  district_ids?: string[];
  note?: string;
  declared_at: string;
  declared_by?: string | null;
  changed_at?: string | null;
  ended_at?: string | null;
  ended_by?: string | null;
}

/** The jobs of the storm's districts. `unplaced`: they await triage and have no point, so that no group holds them. */
export interface StormCounts {
  unassigned?: number;
  assigned?: number;
  working?: number;
  awaiting_triage?: number;
  unplaced?: number;
  breached?: number;
  reported_last_hour?: number;
}

/**
 * What a level changes: which priorities are sent out, for which sleeping phones are woken, and how jobs are grouped.
 *
 * Jobs of another priority wait in the storm's districts; nobody is kept from sending a crew to one by hand.
 */
export interface StormEffects {
  level: number;
  name: LocalText;
  sends: Priority[];
  wakes: Priority[];
  group_radius_m: number;
  group_jobs_max: number;
}

/**
 * Jobs near each other that nobody has. The centre is in the middle of them, the radius reaches the farthest.
 *
 * `key` names the group as long as its oldest job is in it; `label` its district and the address in its middle; `worst_*` its most urgent job;
 * `waits` those whose priority the level does not send out.
 */
export interface StormGroup {
  key: string;
  label: string;
  district_id?: string | null;
  lon_deg: number;
  lat_deg: number;
  radius_m: number;
  count: number;
  breached?: number;
  waits?: number;
  worst_priority: Priority;
  worst_due_at?: string | null;
  job_ids?: string[];
  jobs?: GroupJob[];
}

/**
 * The gravest storm in force (none: absent), all of them, what its level changes, and the jobs that nobody has, by area: the most urgent first.
 *
 * `effects` are those by which the groups were made, `levels` what can be declared. `truncated`: there are more jobs than are grouped at once.
 */
export interface StormView {
  now: string;
  storm?: Storm | null;
  storms?: Storm[];
  effects: StormEffects;
  levels: StormEffects[];
  counts: StormCounts;
  groups?: StormGroup[];
  truncated?: boolean;
}

/** A point of a stroke: pad units, milliseconds since the first point, pressure 0…1. */
export type StrokePoint = [number, number, number, number];

/** Give another part, one of the catalogue's substitutes, for what is still to be issued of a line; it may not cost more. */
export interface SubstitutePart {
  name?: "substitute_part";
  job_id: string;
  request_id: string;
  line_no: number;
  part_id: string;
  quantity: string;
}

/** Who might go, best first. Who is not eligible comes last, with the reasons against. The arrival is a range. */
export interface SuggestionLine {
  person_id: string;
  person_name?: string;
  crew_id?: string | null;
  crew_name?: string;
  eligible?: boolean;
  reasons?: ReasonLine[];
  travel_s?: number | null;
  distance_m?: number | null;
  source?: string | null;
  earliest_at?: string | null;
  expected_at?: string | null;
  latest_at?: string | null;
  score_s?: number | null;
  score?: ScorePart[];
}

/** Suggestions for a job. */
export interface Suggestions {
  job_id: string;
  items: SuggestionLine[];
}

/** Let two visits change who goes and when; each keeps how long it takes. Both change or neither. */
export interface SwapVisits {
  name?: "swap_visits";
  job_id: string;
  visit_id: string;
  plan_version: number;
  other_job_id: string;
  other_visit_id: string;
  other_plan_version: number;
}

/** What a store takes back of what crews returned on a job. */
export interface TakeBackLine {
  move_id: string;
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
}

/** Take back what was lent, all or a part of it, with what was paid back of the deposit. */
export interface TakeBackLoan {
  name?: "take_back_loan";
  loan_id: string;
  move_id: string;
  quantity: string;
  deposit_returned?: string;
  reason?: string;
}

/** Take what a crew returned from a job into a store. */
export interface TakeBackParts {
  name?: "take_back_parts";
  job_id: string;
  store_id?: string | null;
  lines: TakeBackLine[];
}

/** Take a part back from a repair shop. */
export interface TakeFromRepair {
  name?: "take_from_repair";
  part_id: string;
  quantity: string;
  lot?: string;
  serial?: string;
  move_id: string;
  location_id: string;
  repair_shop_id?: string | null;
  reason?: string;
}

/** Parts of a transfer came into the crew's van; it may arrive before its sender's report. */
export interface TakeOverParts {
  name?: "take_over_parts";
  transfer_id: string;
  from_location_id?: string | null;
  lines: StockLine[];
  position?: Position | null;
}

/** Urgent parts taken into the van before anybody approved them, under a signed allowance; they are approved afterwards and marked so. */
export interface TakeParts {
  name?: "take_parts";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  request_id: string;
  allowance_id?: string | null;
  lines: TakenLine[];
}

/** Take a suggestion: a crew's, a person's, or with neither named the best one of this moment. */
export interface TakeSuggestionAsk {
  crew_id?: string | null;
  person_id?: string | null;
}

/** A part taken at once, and how much of it. */
export interface TakenLine {
  part_id: string;
  quantity: string;
  chargeable?: boolean;
  price?: string | null;
  lot?: string;
  serials?: string[];
}

/** A line of the job's checklist with its answer. */
export interface Task {
  id: string;
  job_id: string;
  code: string;
  label: LocalText;
  answer_kind?: AnswerKind;
  choices?: string[];
  mandatory?: boolean;
  sort?: number;
  answer?: string | null;
  answered_at?: string | null;
  answered_by?: string | null;
}

/** A checklist line that each job of the type begins with. */
export interface TaskTemplate {
  code: string;
  label: LocalText;
  answer_kind?: AnswerKind;
  choices?: string[];
  mandatory?: boolean;
}

/** A layer of vector tiles: the template of its addresses. Below `single_from` features are counted in a grid. */
export interface TileLayer {
  name: string;
  url: string;
  min_zoom: number;
  max_zoom: number;
  single_from: number;
}

/** What a signed-in person holds. With `must_change_password` nothing but changing it is allowed. */
export interface Tokens {
  access_token: string;
  expires_in_s: number;
  refresh_token: string;
  org_id: string;
  person_id: string;
  must_change_password?: boolean;
}

/** Make a tracker: an app of another maker that reports where a person is. */
export interface TrackerAsk {
  person_id: string;
  name: string;
}

/** A tracker as it is listed. */
export interface TrackerLine {
  tracker_id: string;
  person_id: string;
  name: string;
  made_at: string;
  seen_at?: string | null;
  revoked_at?: string | null;
}

/** A new tracker. `identifier` is its secret and is shown this once: what the app calls the device identifier; `url` is its server. */
export interface TrackerMade {
  tracker_id: string;
  identifier: string;
  url: string;
}

/** A page of trackers, oldest first. */
export interface TrackerPage {
  items: TrackerLine[];
  next?: string | null;
}

/** What left and what came of a part, lot and serial. */
export interface TransferLine {
  part_id: string;
  lot?: string;
  serial?: string;
  sent?: string;
  received?: string;
}

/** Both sides confirm: what left and what came. `taken` came before its sender reported. */
export type TransferState = "confirmed" | "differs" | "shipped" | "taken";

/** Make an awaiting job ready: place it, set its type and priority, or give it a district by hand. */
export interface TriageJob {
  name?: "triage_job";
  job_id: string;
  job_type?: string | null;
  priority?: Priority | null;
  lon_deg?: number | null;
  lat_deg?: number | null;
  datum?: Datum;
  district_id?: string | null;
}

/** A job nobody could be given, with what stood in the way, the most frequent first. */
export interface UnassignedLine {
  job_id: string;
  number?: string;
  why?: Hindrance[];
}

/**
 * What became of taking back the command, or the committed plan, `undone_id`. All steps took effect; what is `left` did not change at all.
 *
 * `repeated`: it did so when it was first asked.
 */
export interface UndoAnswer {
  command_id: string;
  undone_id: string;
  status: OutcomeStatus;
  code: string;
  title: string;
  steps: UndoStep[];
  left?: UndoLeft[];
  repeated?: boolean;
}

/** A part of a committed plan that stays as it is, and why. */
export interface UndoLeft {
  command_id: string;
  job_id: string;
  number?: string;
  code: string;
  text: string;
}

/** A command that took something back. A visit that had been called off comes back under a new `visit_id`. */
export interface UndoStep {
  command_id: string;
  name: string;
  status: OutcomeStatus;
  code?: string;
  job_id?: string | null;
  visit_id?: string | null;
}

/** The point of a site at which supply is metered. */
export interface UsagePoint {
  id: string;
  site_id: string;
  code: string;
  medium?: string;
  meter_id?: string | null;
}

/** A part from the van was built in. Metres of a cable are a quantity like any other; serials are one per piece. */
export interface UsePart {
  name?: "use_part";
  job_id: string;
  visit_id: string;
  position?: Position | null;
  move_id: string;
  part_id: string;
  quantity: string;
  serial?: string;
  request_id?: string | null;
  line_no?: number;
  lot?: string;
  serials?: string[];
  scanned?: boolean;
}

/** Who goes when; one trip. `plan_version` grows with every change of plan: an acceptance names the one it saw. */
export interface Visit {
  id: string;
  job_id: string;
  state: VisitState;
  person_id?: string | null;
  crew_id?: string | null;
  plan_version?: number;
  planned_start_at?: string | null;
  planned_end_at?: string | null;
  dispatched_at?: string | null;
  travel_started_at?: string | null;
  arrived_at?: string | null;
  arrival_recorded_at?: string | null;
  work_started_at?: string | null;
  made_safe_at?: string | null;
  ended_at?: string | null;
  reason?: string;
  flags?: Flag[];
  lock?: VisitLock | null;
}

/**
 * A dispatcher's lock on a visit: neither a planner nor another command moves what it fixes.
 *
 * Who goes is whoever has the visit. `time_range`: it begins from `from_at` to `to_at`; `time` and `both`: at `from_at`, which the
 * server fills with the planned start where it is left out.
 */
export interface VisitLock {
  kind: LockKind;
  from_at?: string | null;
  to_at?: string | null;
}

/** A page of visits, by id. */
export interface VisitPage {
  items: Visit[];
  next?: string | null;
}

/** The fold of the visit's events. */
export type VisitState = "accepted" | "cancelled" | "completed" | "declined" | "dispatched" | "en_route" | "follow_up_needed" | "no_access" | "on_site" | "paused" | "scheduled" | "tentative" | "working";

/** What became of waking a phone, in words too; `last_at`: when it was last sent a push. */
export interface WakeAnswer {
  device_id: string;
  result: WakeResult;
  code: string;
  text: string;
  last_at: string | null;
}

/** A way to reach a sleeping phone. */
export type WakeProvider = "web_push";

/** What became of waking a phone. `sent`: its push service took it, which does not say that the phone has looked. */
export type WakeResult = "failed" | "gone" | "not_reachable" | "off" | "refused" | "sent" | "too_soon";

/** Say where this device is reached. Null: nowhere any more; left out: only ask how things stand. */
export interface WakingAsk {
  address?: WebPushAddress | null;
}

/**
 * How a device may have itself woken (none: the operator has not set it up), and since when it is reached (null: it is not).
 *
 * A subscription is made for a key: where `key` is another one by now, the device subscribes anew.
 */
export interface WakingSetup {
  ways: WakingWay[];
  since: string | null;
  provider: WakeProvider | null;
}

/** A way that this server can use; `key` is what a browser takes as `applicationServerKey` (base64url, P-256 uncompressed). */
export interface WakingWay {
  provider: WakeProvider;
  key: string;
}

/** Where a browser is reached: of its PushSubscription the `endpoint`, both `keys`, and `expirationTime` as an instant. */
export interface WebPushAddress {
  endpoint: string;
  p256dh: string;
  auth: string;
  expires_at?: string | null;
}

/** End an allowance at once; what was taken under it stays and is approved or not like anything else. */
export interface WithdrawAllowance {
  name?: "withdraw_allowance";
  allowance_id: string;
  reason?: string;
}

/** Take back a visit that nobody has begun; the job waits for another one. */
export interface WithdrawVisit {
  name?: "withdraw_visit";
  job_id: string;
  visit_id: string;
  plan_version: number;
  reason?: string;
}

/** Working time: hours by weekday, and the days that differ. It holds for the sites named, and wherever a policy names its code. */
export interface WorkCalendar {
  id: string;
  code: string;
  name: LocalText;
  zone?: string | null;
  site_ids?: string[];
  hours: WorkingHours[];
  days?: CalendarDay[];
}

/** Working time of a weekday (1 = Monday … 7) as local minutes of the day, `[from_min, to_min)`. */
export interface WorkingHours {
  weekday: number;
  from_min: number;
  to_min: number;
}

/** Arguments of each command, by the name under which it is sent. */
export interface Commands {
  accept_visit: AcceptVisit;
  add_note: AddNote;
  add_photo: AddPhoto;
  answer_checklist: AnswerChecklist;
  approve: Approve;
  arrive_on_site: ArriveOnSite;
  ask_approval: AskApproval;
  assign_visit: AssignVisit;
  cancel_job: CancelJob;
  capture_signature: CaptureSignature;
  claim_job: ClaimJob;
  close_job: CloseJob;
  close_request: CloseRequest;
  complete_visit: CompleteVisit;
  confirm_transfer: ConfirmTransfer;
  count_stock: CountStock;
  count_van: CountVan;
  declare_storm: DeclareStorm;
  decline_visit: DeclineVisit;
  edit_job: EditJob;
  end_storm: EndStorm;
  escalate_approval: EscalateApproval;
  follow_delegation: FollowDelegation;
  grant_allowance: GrantAllowance;
  hand_in_copy: HandInCopy;
  hand_over_parts: HandOverParts;
  hold_job: HoldJob;
  issue_parts: IssueParts;
  lend_stock: LendStock;
  link_request: LinkRequest;
  load_job_type: LoadJobType;
  lock_visit: LockVisit;
  make_safe: MakeSafe;
  mark_duplicate: MarkDuplicate;
  move_stock: MoveStock;
  offboard_person: OffboardPerson;
  open_form: OpenForm;
  open_job: OpenJob;
  open_stock: OpenStock;
  pause_work: PauseWork;
  pick_parts: PickParts;
  plan_visit: PlanVisit;
  read_meter: ReadMeter;
  reassign_visit: ReassignVisit;
  receive_part: ReceivePart;
  receive_stock: ReceiveStock;
  reconcile_day: ReconcileDay;
  register_request: RegisterRequest;
  reject: Reject;
  release_job: ReleaseJob;
  reopen_job: ReopenJob;
  report_job: ReportJob;
  report_no_access: ReportNoAccess;
  report_not_ours: ReportNotOurs;
  request_parts: RequestParts;
  reserve_parts: ReserveParts;
  resolve_exception: ResolveException;
  resume_work: ResumeWork;
  return_part: ReturnPart;
  reverse_move: ReverseMove;
  save_calendar: SaveCalendar;
  save_contact: SaveContact;
  save_crew: SaveCrew;
  save_crew_member: SaveCrewMember;
  save_delegation: SaveDelegation;
  save_district: SaveDistrict;
  save_duty: SaveDuty;
  save_material_rules: SaveMaterialRules;
  save_meter: SaveMeter;
  save_part: SavePart;
  save_person: SavePerson;
  save_planning_rules: SavePlanningRules;
  save_policy: SavePolicy;
  save_shift: SaveShift;
  save_site: SaveSite;
  save_stock_location: SaveStockLocation;
  save_usage_point: SaveUsagePoint;
  scrap_stock: ScrapStock;
  send_to_repair: SendToRepair;
  set_reorder_point: SetReorderPoint;
  settle_conflict: SettleConflict;
  ship_transfer: ShipTransfer;
  start_travel: StartTravel;
  start_work: StartWork;
  substitute_part: SubstitutePart;
  swap_visits: SwapVisits;
  take_back_loan: TakeBackLoan;
  take_back_parts: TakeBackParts;
  take_from_repair: TakeFromRepair;
  take_over_parts: TakeOverParts;
  take_parts: TakeParts;
  triage_job: TriageJob;
  use_part: UsePart;
  withdraw_allowance: WithdrawAllowance;
  withdraw_visit: WithdrawVisit;
}

/** Codes of outcomes and refusals. */
export type Code =
  | "action_not_possible"
  | "after_cancel"
  | "after_unresolved"
  | "allowance_exceeded"
  | "allowance_exists"
  | "allowance_expired"
  | "allowance_own"
  | "allowance_unknown"
  | "approval_approved"
  | "approval_decided"
  | "approval_rejected"
  | "as_of_future"
  | "batch_too_large"
  | "batch_unreadable"
  | "body_too_large"
  | "busy"
  | "calendar_invalid"
  | "clock_suspect"
  | "code_taken"
  | "command_too_large"
  | "conflict_settled"
  | "crew_busy"
  | "delegation_circle"
  | "delegation_not_yours"
  | "delegation_too_long"
  | "dependency_expired"
  | "dependency_invalid"
  | "dependency_rejected"
  | "depends_on_overtaken"
  | "device_forked"
  | "device_revoked"
  | "device_wiped"
  | "district_circle"
  | "duty_own"
  | "edit_merged"
  | "enrolment_invalid"
  | "exception_changed"
  | "exception_closed"
  | "field_changed"
  | "field_not_editable"
  | "forbidden"
  | "gtin_invalid"
  | "id_reused"
  | "idempotency_key_missing"
  | "incomplete"
  | "internal"
  | "invalid"
  | "issue_received"
  | "job_already_claimed"
  | "job_already_closed"
  | "job_exists"
  | "job_not_open"
  | "job_state"
  | "line_unknown"
  | "lines_invalid"
  | "loan_exceeded"
  | "location_fixed"
  | "location_inactive"
  | "location_wrong"
  | "lock_invalid"
  | "login_failed"
  | "login_taken"
  | "lot_missing"
  | "lot_required"
  | "malformed"
  | "method_not_allowed"
  | "more_than_approved"
  | "more_than_requested"
  | "move_not_reversible"
  | "no_policy"
  | "no_store"
  | "nobody_named"
  | "nobody_suggested"
  | "not_a_substitute"
  | "not_approved"
  | "not_assigned"
  | "not_found"
  | "not_ours"
  | "not_ready"
  | "not_returned"
  | "not_the_approver"
  | "nothing_to_apply"
  | "number_invalid"
  | "oidc_unavailable"
  | "ok"
  | "out_of_order"
  | "out_of_scope"
  | "outline_invalid"
  | "own_request"
  | "parts_undeclared"
  | "password_must_change"
  | "password_weak"
  | "person_inactive"
  | "photo_missing"
  | "pin_wrong"
  | "plan_changed"
  | "plan_committed"
  | "plan_outdated"
  | "point_invalid"
  | "policy_invalid"
  | "precondition_failed"
  | "price_not_accepted"
  | "push_address_invalid"
  | "quantity_invalid"
  | "quarantine_resolved"
  | "quota_exceeded"
  | "range_outside"
  | "reading_implausible"
  | "reading_missing"
  | "report_too_large"
  | "request_approved"
  | "request_cut"
  | "request_rejected"
  | "request_state"
  | "reset_invalid"
  | "rules_invalid"
  | "scope_near_limit"
  | "scope_too_large"
  | "sequence_hole"
  | "serial_missing"
  | "serial_typed"
  | "serials_missing"
  | "serials_needed"
  | "server_fault"
  | "session_unknown"
  | "signature_empty"
  | "signature_missing"
  | "skill_missing"
  | "skipped"
  | "span_invalid"
  | "standby"
  | "stock_short"
  | "storm_over"
  | "substitute_dearer"
  | "task_unanswered"
  | "time_passed"
  | "token_expired"
  | "token_reused"
  | "too_many_requests"
  | "too_much_to_plan"
  | "too_slow"
  | "transfer_told"
  | "unauthenticated"
  | "unchanged"
  | "undo_not_possible"
  | "undo_overtaken"
  | "unknown_command"
  | "unknown_crew"
  | "unknown_device"
  | "unknown_form"
  | "unknown_job"
  | "unknown_job_type"
  | "unknown_key"
  | "unknown_location"
  | "unknown_person"
  | "unknown_plan"
  | "unknown_reference"
  | "unknown_slip"
  | "unknown_tracker"
  | "unknown_visit"
  | "unsupported_media_type"
  | "upgrade_required"
  | "van_below_zero"
  | "version_exists"
  | "visit_accepted"
  | "visit_frozen"
  | "visit_locked"
  | "visit_state"
  | "visit_under_way"
  | "waiting"
  | "wake_failed"
  | "wake_gone"
  | "wake_not_reachable"
  | "wake_off"
  | "wake_refused"
  | "wake_sent"
  | "wake_too_soon";
