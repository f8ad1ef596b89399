"""`onsite contract`: the generated files of the contract. For developers; the server reads none of them."""

from typing import Annotated

import typer

contract = typer.Typer(no_args_is_help=True, help="The contract: generate its files, check them.")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(contract, name="contract")


@contract.callback()
def _noun() -> None:
    """The contract: generate its files, check them."""


@contract.command()
def emit(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a file is outdated.")] = False,
) -> None:
    """Write `schema.json`, `openapi.json` and `ts/contract.ts` into mobile_contract/dist/ from the Structs and the routes.

    Example: [bold]onsite contract emit --check[/bold]
    """
    from api import contract_files
    from api.console import console

    changed = contract_files.outdated() if check else contract_files.write()
    for path in changed:
        console.print(f"{'Outdated' if check else 'Wrote'}: {path.name}", markup=False)
    if not changed:
        console.print("The generated files are up to date.")
    elif check:
        console.print("Run [bold]onsite contract emit[/bold] and commit what it writes.")
        raise typer.Exit(1)
