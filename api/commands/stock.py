"""`onsite stock`: a warehouse clerk's desk at the command line, signed in over REST. Sends the same commands as the console; never touches the database.

Reconciling a day is in `stock_day`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobile_contract.errors import Language

if TYPE_CHECKING:
    from api.stock_desk import Desk
    from mobile_contract.schema.answer import CommandAnswer

stock = typer.Typer(no_args_is_help=True, help="The warehouse: queues, stock, issue, take back, count, reconcile.")

DEFAULT_STATE = Path("~/.local/state/onsite-stock")
LOCAL_SERVER = "http://127.0.0.1:8000"
_PLACES_MOST = 1000

State = Annotated[Path, typer.Option(help="Folder of this desk: who is signed in.", show_default=True)]
Most = Annotated[int, typer.Option("--most", min=1, max=5000, help="How many to show at most.")]


class QueueName(StrEnum):
    """The queues of a warehouse."""

    APPROVE = "approve"
    PICK = "pick"
    HAND_OVER = "hand-over"
    RECEIVE_BACK = "receive-back"
    EXCEPTIONS = "exceptions"


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(stock, name="stock")


@stock.command(name="sign-in")
def sign_in(
    login: Annotated[str, typer.Argument(help="Your login.")],
    *,
    org: Annotated[str, typer.Option(help="Slug of the organisation.")],
    url: Annotated[str, typer.Option(help="Address of the server.")] = LOCAL_SERVER,
    language: Annotated[Language, typer.Option(help="Language of what is shown.")] = Language.EN,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")] = False,
    state: State = DEFAULT_STATE,
) -> None:
    """Sign in; the password is asked for. What is kept is a token, in a file that only you may read.

    Example: onsite stock sign-in warehouse --org demo --language zh
    """
    import sys

    from api import stock_desk
    from api.console import console

    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    opening = stock_desk.Opening(url=url.rstrip("/"), org=org, login=login, password=password, language=language)
    known = stock_desk.sign_in(state.expanduser(), opening)
    console.print(f"Signed in as {known.login} of {known.org}; times are in {known.zone}.", markup=False)


@stock.command(name="sign-out")
def sign_out(state: State = DEFAULT_STATE) -> None:
    """Forget who is signed in on this desk.

    Example: onsite stock sign-out
    """
    from api import stock_desk
    from api.console import console

    stock_desk.forget(state.expanduser())
    console.print("Signed out.")


@stock.command()
def queues(state: State = DEFAULT_STATE) -> None:
    """Count what waits: to approve, to pick, to hand over, to receive back, exceptions.

    Example: onsite stock queues
    """
    from api import stock_queues, stock_view
    from api.console import console
    from mobile_contract.schema.listing_stock import QueueCounts

    with opened(state) as desk:
        console.print(stock_view.queues(stock_queues.view_of(desk), desk.get("/warehouse", QueueCounts)))


@stock.command()
def queue(
    name: Annotated[QueueName, typer.Argument(help="Which queue.")], most: Most = 50, state: State = DEFAULT_STATE
) -> None:
    """Show what waits in a queue, the longest waiting first.

    Example: onsite stock queue pick
    """
    from api import stock_queues
    from api.console import console

    with opened(state) as desk:
        shown = stock_queues.queue_table(desk, name.value, most)
        console.print(shown if shown is not None else stock_queues.view_of(desk).say("Nothing waits here."))


@stock.command()
def part(
    text: Annotated[str, typer.Argument(help="A barcode as scanned or printed, a code, or a word of a name.")],
    most: Most = 20,
    state: State = DEFAULT_STATE,
) -> None:
    """Find parts, and show where the one that was found lies.

    Examples:

        onsite stock part 9520000000011

        onsite stock part "(01)09520000000011(21)SN-4711"

        onsite stock part "gate valve"
    """
    from api import stock_queues, stock_view
    from api.console import console
    from api.operator_error import OperatorError
    from mobile_contract.schema.listing_stock import BalancePage

    with opened(state) as desk:
        found = desk.parts(text, most=most)
        if not found:
            raise OperatorError(f"No part is called {text!r}.")
        console.print(stock_view.parts(stock_queues.view_of(desk), found))
        if len(found) == 1:
            lies = desk.items("/stock/balances", BalancePage, most=most, part=str(found[0].id))
            console.print(stock_view.balances(stock_queues.view_of(desk), lies))


@stock.command()
def places(
    text: Annotated[str, typer.Argument(help="Beginning of a code, or a word of a name.")] = "",
    most: Most = 200,
    state: State = DEFAULT_STATE,
) -> None:
    """List stores, bins, vans and the other places where material can be.

    Example: onsite stock places A-
    """
    from api import stock_queues, stock_view
    from api.console import console
    from mobile_contract.schema.listing_stock import LocationPage

    with opened(state) as desk:
        everything = list(desk.items("/stock/locations", LocationPage, most=_PLACES_MOST))
        view = stock_queues.view_of(desk, {str(each.id): each.code for each in everything})
        found = everything if not text else list(desk.items("/stock/locations", LocationPage, most=most, text=text))
        console.print(stock_view.places(view, found[:most]))


@stock.command(name="at")
def lying_at(
    place: Annotated[str, typer.Argument(help="Code of a store, a bin, a van or any other place.")],
    *,
    of: Annotated[str, typer.Option("--part", help="Only this part, by code or barcode.")] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", help="What lay there then: 2026-03-01 (its end) or 2026-03-01T17:30.")
    ] = "",
    low: Annotated[bool, typer.Option("--low", help="Only what is to be ordered anew.")] = False,
    most: Most = 200,
    state: State = DEFAULT_STATE,
) -> None:
    """Show what lies at a place, now or as of an instant; of a store its bins too.

    Examples:

        onsite stock at store

        onsite stock at van-crew-01 --as-of 2026-03-01
    """
    from api import stock_queues, stock_view
    from api.console import console
    from mobile_contract.schema.listing_stock import BalancePage

    with opened(state) as desk:
        asked = {
            "location": str(desk.place(place).id),
            "part": str(desk.part(of).id) if of else None,
            "as_of": desk.instant(as_of).isoformat() if as_of else None,
            "low": "true" if low else None,
        }
        found = list(desk.items("/stock/balances", BalancePage, most=most, **asked))
        console.print(
            stock_view.balances(stock_queues.view_of(desk), found)
            if found
            else stock_queues.view_of(desk).say("Nothing is here.")
        )


@stock.command()
def moves(
    place: Annotated[str, typer.Argument(help="Code of a place; left out: everywhere.")] = "",
    *,
    of: Annotated[str, typer.Option("--part", help="Only this part, by code or barcode.")] = "",
    job: Annotated[str, typer.Option(help="Only this job, by number.")] = "",
    serial: Annotated[str, typer.Option(help="Only the piece with this serial.")] = "",
    most: Most = 50,
    state: State = DEFAULT_STATE,
) -> None:
    """List movements, the latest deeds first; of one part at one place with the balance after each.

    Examples:

        onsite stock moves van-crew-01 --part clamp-150

        onsite stock moves --serial METER-20-0024
    """
    from api import stock_queues, stock_view
    from api.console import console
    from mobile_contract.schema.listing_stock import MovePage

    with opened(state) as desk:
        asked = {
            "location": str(desk.place(place).id) if place else None,
            "part": str(desk.part(of).id) if of else None,
            "job": str(desk.job(job).id) if job else None,
            "serial": serial or None,
        }
        page = desk.get("/stock/moves", MovePage, limit=min(most, 200), **asked)
        view = stock_queues.view_of(desk, page.names)
        console.print(stock_view.moves(view, page.items) if page.items else view.say("No movement."))


@stock.command()
def issue(
    job: Annotated[str, typer.Argument(help="Number of the job.")],
    *,
    line: Annotated[list[str] | None, typer.Option(help="Only this of a line: 1=2.5; may be repeated.")] = None,
    from_place: Annotated[list[str] | None, typer.Option("--from", help="Take a line from this bin: 1=A-01.")] = None,
    serial: Annotated[list[str] | None, typer.Option(help="Serial of a piece of a line: 1=SN-4711.")] = None,
    lot: Annotated[list[str] | None, typer.Option(help="Lot of a line: 1=L-300.")] = None,
    crew: Annotated[str, typer.Option(help="Code of the crew that takes it along. Default: the job's.")] = "",
    store: Annotated[str, typer.Option(help="Code of the store. Default: the organisation's.")] = "",
    form: Annotated[str, typer.Option(help="Number of the repair form whose third copy stays here.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Hand out what is approved and open of a job, with a slip. Each line comes from the bin that has enough of it.

    Examples:

        onsite stock issue 260301-7K2M9Q

        onsite stock issue 260301-7K2M9Q --line 1=2 --serial 2=METER-20-0007
    """
    from api import stock_issue
    from api.console import console

    wanted = stock_issue.Wanted(
        lines=stock_issue.pairs("--line", line),
        places=stock_issue.pairs("--from", from_place),
        serials=stock_issue.many("--serial", serial),
        lots=stock_issue.pairs("--lot", lot),
        crew=crew,
        store=store,
        form=form,
    )
    with opened(state) as desk:
        for made in stock_issue.commands(desk, job, wanted):
            say(desk, desk.send(made.command), made.about)
            console.print(f"Slip: onsite stock slip {made.slip_id} --to slip.pdf", markup=False)


@stock.command()
def slip(
    slip_id: Annotated[str, typer.Argument(help="Id of the slip.")],
    to: Annotated[Path, typer.Option(help="File to write.")] = Path("slip.pdf"),
    state: State = DEFAULT_STATE,
) -> None:
    """Fetch an issue slip as a PDF.

    Example: onsite stock slip 01890a5d-ac96-774b-bcce-b302099a8057 --to slip.pdf
    """
    from api.console import console

    with opened(state) as desk:
        to.write_bytes(desk.fetch(f"/issue-slips/{slip_id}/pdf"))
        console.print(f"Wrote {to}.", markup=False)


@stock.command(name="receive-back")
def receive_back(
    job: Annotated[str, typer.Argument(help="Number of the job.")],
    into: Annotated[str, typer.Option(help="Code of the store or bin. Default: the organisation's store.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Take in all that a crew gave back from a job.

    Example: onsite stock receive-back 260301-7K2M9Q --into A-01
    """
    from uuid_utils.compat import uuid7

    from api.operator_error import OperatorError
    from mobile_contract.schema.listing_stock import ReturnQueue
    from mobile_contract.schema.material_commands import TakeBackLine, TakeBackParts

    with opened(state) as desk:
        found = desk.job(job)
        waiting = desk.get("/warehouse/to-receive-back", ReturnQueue, job=str(found.id)).items
        if not waiting:
            raise OperatorError(f"Nothing came back from {job}. What did: onsite stock queue receive-back")
        lines = tuple(
            TakeBackLine(move_id=uuid7(), part_id=n.part_id, quantity=n.quantity, lot=n.lot, serial=n.serial)
            for n in waiting[0].lines
        )
        store_id = desk.place(into).id if into else None
        say(desk, desk.send(TakeBackParts(job_id=found.id, store_id=store_id, lines=lines)), f"{job}: {len(lines)}")


@stock.command()
def count(
    place: Annotated[str, typer.Argument(help="Code of the place.")],
    counted: Annotated[list[str], typer.Argument(help="What is there, as part=quantity; 0 where there is nothing.")],
    *,
    as_of: Annotated[str, typer.Option("--as-of", help="When it was counted: 2026-03-01T17:30. Default: now.")] = "",
    open_count: Annotated[
        bool, typer.Option("--open/--blind", help="Whether the counter saw what should be there.")
    ] = False,
    note: Annotated[str, typer.Option(help="A remark.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Say what was counted at a place; differences become movements, a count without any is kept too.

    Example: onsite stock count A-01 ptfe=38 gasket-100=17 --note "after the delivery"
    """
    from uuid_utils.compat import uuid7

    from api.stock_issue import quantity_of
    from mobile_contract.schema.stock import CountMode
    from mobile_contract.schema.stock_commands import CountLine, CountStock

    with opened(state) as desk:
        said = [text.rpartition("=") for text in counted]
        lines = tuple(CountLine(part_id=desk.part(code).id, quantity=quantity_of(n)) for code, _, n in said)
        command = CountStock(
            count_id=uuid7(),
            location_id=desk.place(place).id,
            mode=CountMode.OPEN if open_count else CountMode.BLIND,
            as_of=desk.instant(as_of) if as_of else None,
            lines=lines,
            note=note,
        )
        say(desk, desk.send(command), f"{place}: {len(lines)}")


@contextmanager
def opened(state: Path) -> "Iterator[Desk]":
    """Open the desk of whoever is signed in, for one command. Raises OperatorError when nobody is."""
    from api import stock_desk

    desk = stock_desk.open_desk(state.expanduser())
    try:
        yield desk
    finally:
        desk.close()


def say(desk: "Desk", answer: "CommandAnswer", about: str) -> None:
    """Say what became of a command, with what it was about."""
    from api.console import console
    from mobile_contract.errors import ERRORS

    flags = ", ".join(ERRORS[flag].text(desk.language) for flag in answer.flags)
    console.print(f"{answer.title or answer.code} {about}" + (f" ({flags})" if flags else ""), markup=False)
