"""Re-computes the golden vectors from the inputs they hold. A difference is a broken protocol, not a file to regenerate.

`python -m mobile_contract.emit.vectors` rewrites the files after an input was added; with `--check` it only compares.
"""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from mobile_contract.digest import Digest, command_digest, document_hash, from_hex, to_hex, to_signed
from mobile_contract.ranges import differing, range_sums, sums_to_wire
from mobile_contract.rules.codes import form_code, slip_code
from mobile_contract.rules.price import price_sha256, price_shown
from mobile_contract.schema.material import IssueSlip, MaterialRequest, RepairForm

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def as_text(content: Any) -> str:
    """Write a vector file: JSON, one space of indent, unicode as it is, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def digest_vectors(old: dict[str, Any]) -> dict[str, Any]:
    """Compute `digest.json` anew from its documents, sets and commands. Raises KeyError when an input is missing."""
    hashes = [document_hash(d["kind"], UUID(d["id"]), int(d["ver"]), d["body"].encode()) for d in old["documents"]]
    inputs = ("kind", "id", "ver", "body")
    return {
        "documents": [
            {**{name: d[name] for name in inputs}, "h": to_hex(h), "bigint": str(to_signed(h))}
            for d, h in zip(old["documents"], hashes, strict=True)
        ],
        "digests": [
            {"documents": s["documents"], "digest": Digest.of(hashes[i] for i in s["documents"]).to_wire()}
            for s in old["digests"]
        ],
        "commands": [{"cmd": c["cmd"], "sha256": command_digest(c["cmd"].encode()).hex()} for c in old["commands"]],
    }


def range_vectors(old: dict[str, Any]) -> dict[str, Any]:
    """Compute `ranges.json` anew from its documents. Raises KeyError when an input is missing."""
    cases = []
    for case in old["cases"]:
        ours, theirs = (
            range_sums((UUID(d["id"]), from_hex(d["h"])) for d in case[side]) for side in ("ours", "theirs")
        )
        cases.append(
            {
                "ours": case["ours"],
                "theirs": case["theirs"],
                "our_sums": sums_to_wire(ours),
                "their_sums": sums_to_wire(theirs),
                "differing": differing(ours, theirs),
            }
        )
    return {"cases": cases}


def paper_vectors(old: dict[str, Any]) -> dict[str, Any]:
    """Compute `paper.json` anew from its requests, slips and copies. Raises msgspec.ValidationError for one that is none."""
    prices = []
    for each in old["prices"]:
        request = msgspec.convert(each["request"], MaterialRequest)
        prices.append(
            {"request": each["request"], "shown": price_shown(request).decode(), "sha256": price_sha256(request)}
        )
    slips = [{"slip": s["slip"], "code": slip_code(msgspec.convert(s["slip"], IssueSlip))} for s in old["slips"]]
    copies = [
        {
            "form": c["form"],
            "copy_no": c["copy_no"],
            "code": form_code(msgspec.convert(c["form"], RepairForm), c["copy_no"]),
        }
        for c in old["copies"]
    ]
    return {"prices": prices, "slips": slips, "copies": copies}


EMITTED = {"digest.json": digest_vectors, "ranges.json": range_vectors, "paper.json": paper_vectors}


def emit() -> dict[str, str]:
    """Compute every vector file of the contract: name to text."""
    return {
        name: as_text(compute(msgspec.json.decode((VECTORS / name).read_bytes()))) for name, compute in EMITTED.items()
    }


def main(arguments: list[str]) -> int:
    """Write the vector files, or with `--check` name those that differ. Gives the exit code."""
    changed = [name for name, text in emit().items() if text != (VECTORS / name).read_text(encoding="utf-8")]
    for name in changed:
        if "--check" not in arguments:
            (VECTORS / name).write_text(emit()[name], encoding="utf-8")
        print(f"{name}: differs from what the code computes; find out which of the two is wrong", file=sys.stderr)
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
