"""`onsite device`: a phone at the command line, over the reference device. Never talks to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mobile_contract.client import Device, SyncReport

device = typer.Typer(no_args_is_help=True, help="A phone at the command line: works without a network, then syncs.")

State = Annotated[Path, typer.Option(help="Folder of this device; each folder is another phone.", show_default=True)]
DEFAULT_STATE = Path("~/.local/state/onsite-device")
LOCAL_SERVER = "http://127.0.0.1:8000"
NEWER_APP = 4


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(device, name="device")


@device.command()
def enrol(
    code: Annotated[str, typer.Argument(help="The one-time code, or the text of its QR code.")],
    name: Annotated[str, typer.Option(help="What people call this device.")] = "command line",
    url: Annotated[str, typer.Option(help=f"Address of the server. Default: the one known, else {LOCAL_SERVER}.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Make this folder a device, with a one-time code from an administrator or dispatcher.

    Where the server called the device forked, this gives it a new identity; nothing that was queued is lost.

    Example: onsite device enrol demo-7K2M-Q9XT-4FHA-P3ZW --url http://127.0.0.1:8000 --name "Van 3"
    """
    from urllib.parse import parse_qs, urlsplit

    from api.console import console

    if code.startswith("onsite:"):
        given = parse_qs(urlsplit(code).query)
        code, url = given.get("code", [""])[0], given.get("server", [url])[0]
    with _opened(state, url) as phone, console.status("Enrolling"):
        install = phone.enrol(code, name)
    console.print(f"Enrolled as {install.name} ({install.device_id}). Next: [bold]onsite device sync[/bold]")


@device.command()
def sync(
    check: Annotated[bool, typer.Option("--check", help="Compare digests now, not only once an hour.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted, waiting for changes.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Hand in what was done, fetch what changed, compare and repair. Interrupting it loses nothing.

    Example: onsite device sync --check
    """
    from api.console import console
    from api.device_view import report_line
    from mobile_contract.limits import WAIT_S

    with _opened(state) as phone:
        wait_s = 0
        while True:
            if watch and wait_s:
                report = phone.sync(wait_s=wait_s, check=check)
            else:
                with console.status("Talking to the server"):
                    report = phone.sync(check=check)
            if report.pushed or report.changes or report.stopped or not watch:
                console.print(report_line(report))
            _say_why_stopped(report, go_on=watch)
            if not watch or report.wiped:
                return
            if report.stopped:
                _pause(report)
            wait_s = WAIT_S


@device.command()
def jobs(
    over: Annotated[bool, typer.Option("--all", help="Finished ones too.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """List the jobs on this device as the technician sees them, own reports counted before the office has them.

    Example: onsite device jobs
    """
    from api.console import console
    from api.device_view import jobs_table

    with _opened(state) as phone:
        status = phone.status()
        zone = status.install.zone if status.install else "UTC"
        console.print(jobs_table(phone.shown(), list(status.commands), zone=zone, over=over))


@device.command()
def van(state: State = DEFAULT_STATE) -> None:
    """Show which parts the van holds, with what you reported and the office does not know yet.

    Example: onsite device van
    """
    from api.console import console
    from api.device_view import van_table

    with _opened(state) as phone:
        console.print(van_table(phone.shown(("stock_location", "stock_level", "part", "crew", "visit"))))


@device.command()
def do(
    command: Annotated[str, typer.Argument(help="A command such as arrive_on_site; --list shows all.")] = "",
    fields: Annotated[
        list[str] | None, typer.Argument(help="Its fields as key=value; lists and objects as JSON.")
    ] = None,
    *,
    job: Annotated[str, typer.Option(help="The job: its number or id.")] = "",
    visit: Annotated[str, typer.Option(help="The visit; not needed where the job has one open visit.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Complete a visit although something is missing.")] = False,
    show_all: Annotated[bool, typer.Option("--list", help="List the commands and their fields.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Do something on this device: it is stored at once and sent by the next sync.

    Ids of new things are made up; task=, part= and meter= are looked up by code or serial number, to= is a van or store by its code,
    parts= is short for lines: code:quantity, with a serial behind it where there is one.

    Examples:

        onsite device do arrive_on_site --job J-00012

        onsite device do answer_checklist --job J-00012 task=valve_closed answer=yes

        onsite device do read_meter --job J-00012 meter=SN-4711 value=1234.5

        onsite device do request_parts --job J-00012 parts=clamp:3,cable:2.5

        onsite device do use_part --job J-00012 part=clamp quantity=2

        onsite device do hand_over_parts to=van-2 parts=clamp:1

        onsite device do count_van parts=clamp:4,cable:36.2

        onsite device do complete_visit --job J-00012 no_parts_used=true
    """
    from api.console import console
    from api.device_view import effect_lines
    from api.device_words import build_command, read_pairs

    if show_all or not command:
        _list_commands()
        return
    with _opened(state) as phone:
        before = phone.shown()
        built = build_command(command, read_pairs(fields or []), before, new_id=phone.new_id, job=job, visit=visit)
        if command == "complete_visit" and not anyway:
            _insist_on_guards(phone, built)
        queued = phone.do(built)
        console.print(f"Queued as number {queued.n} ({queued.id}).")
        for line in effect_lines(before, phone.shown()):
            console.print("  " + line, markup=False)
        console.print("It reaches the office with the next [bold]onsite device sync[/bold].")


@device.command()
def use(
    person: Annotated[str, typer.Argument(help="Name or id of the person; left out: list who may work here.")] = "",
    pin: Annotated[str, typer.Option(help="The person's PIN, where one was set.")] = "",
    set_pin: Annotated[str, typer.Option(help="Set the PIN of the person who is working now.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Change who works on this device, without a network; what was queued before stays the other's.

    Example: onsite device use "Li Wei" --pin 2468
    """
    from api.console import console
    from api.operator_error import OperatorError

    with _opened(state) as phone:
        if set_pin:
            phone.set_pin(set_pin)
            console.print("The PIN is set.")
            return
        people = phone.people()
        chosen = next((each for each in people if person in (each.name, str(each.person_id))), None)
        if not person:
            for each in people:
                console.print(f"{each.name}  {each.person_id}", markup=False)
        elif chosen is None:
            raise OperatorError(f"Nobody called {person!r} may work here. `onsite device use` lists who may.")
        else:
            phone.use(chosen.person_id, pin)
            console.print(f"{chosen.name} is working now.", markup=False)


@device.command()
def status(state: State = DEFAULT_STATE) -> None:
    """Tell how this device stands: what is unsent, what became of its commands, what it holds and the digests.

    Example: onsite device status
    """
    from api.console import console
    from api.device_view import commands_table, status_table

    with _opened(state) as phone:
        found = phone.status()
    console.print(status_table(found))
    if found.commands:
        console.print(commands_table(list(found.commands), zone=found.install.zone if found.install else "UTC"))


@contextmanager
def _opened(state: Path, url: str = "") -> "Iterator[Device]":
    """Open the device of a folder; what it refuses is said to the operator."""
    from api.operator_error import OperatorError
    from mobile_contract.client import Device
    from mobile_contract.client.device import DeviceRefusal
    from mobile_contract.client.transport import Later, Refused

    folder = state.expanduser()
    phone = Device.open(folder, url=url, default_url=LOCAL_SERVER)
    try:
        yield phone
    except (DeviceRefusal, Refused, Later) as refusal:
        if isinstance(refusal, DeviceRefusal) and refusal.code in ("unauthenticated", "device_wiped"):
            raise OperatorError(
                f"{folder} is no enrolled device. Ask for a code, then: onsite device enrol CODE"
            ) from None
        raise OperatorError(f"{refusal} ({refusal.code})") from refusal
    finally:
        phone.close()


def _say_why_stopped(report: "SyncReport", *, go_on: bool) -> None:
    from api.console import complaints
    from api.operator_error import OperatorError
    from mobile_contract.errors import ERRORS

    if report.wiped:
        complaints.print(ERRORS["device_wiped"].en, style="red")
    if not report.stopped:
        return
    known = ERRORS.get(report.stopped)
    why = f"{known.en if known else report.reason} ({report.stopped}) Nothing is lost; sync again later."
    if report.stopped == "device_forked":
        why = f"{ERRORS['device_forked'].en} Ask for a code, then: onsite device enrol CODE"
    if report.stopped == "upgrade_required":
        complaints.print(why, style="red")
        raise typer.Exit(NEWER_APP)
    if not go_on:
        raise OperatorError(why)
    complaints.print(why, style="yellow")


def _pause(report: "SyncReport") -> None:
    import time

    time.sleep(min(report.retry_after_s or 5, 60))


def _list_commands() -> None:
    from rich.table import Table

    from api.console import console
    from mobile_contract.registry import COMMANDS

    table = Table("Command", "Nature", "Fields", title="Commands", title_justify="left")
    for name, line in COMMANDS.items():
        if line.field:
            table.add_row(name, line.nature, ", ".join(line.type.__struct_fields__))
    console.print(table)


def _insist_on_guards(phone: "Device", command: object) -> None:
    from uuid import UUID

    from api.operator_error import OperatorError
    from mobile_contract.errors import ERRORS

    job_id: UUID = getattr(command, "job_id")  # noqa: B009 (the type is known by its name only)
    missing = phone.missing(job_id, no_parts_declared=getattr(command, "no_parts_used", False))
    if missing:
        lines = [f"  {ERRORS[each.code].en} {each.about}".rstrip() for each in missing]
        raise OperatorError("\n".join(["Before this visit is complete:", *lines, "Do these first, or add --anyway."]))
