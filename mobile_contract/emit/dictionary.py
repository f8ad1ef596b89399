"""Makes the text of a dictionary from the contract: what pages consist of that is the same for everybody. No customer's words.

A dictionary that phones have is never made again: `python -m mobile_contract.emit.dictionary` prints one of the contract as it is now, for
a coding of another number.
"""

import hashlib
import sys
import typing
from enum import Enum
from typing import Final

import msgspec

from mobile_contract.emit import examples
from mobile_contract.packing import Dictionary
from mobile_contract.registry import KINDS
from mobile_contract.schema.base import Document

# Nearer to the end is cheaper to point at: what phones fetch most comes last.
_LAST: Final = ("site", "contact", "meter", "note", "task", "visit", "job")
# What stands in a document of the trade, and in none of a certain customer.
_USUAL: Final = {"number": "J-100000", "type": "repair", "state": "in_progress", "priority": "standard"}
_TEXTS: Final = """\
Street Road Lane Avenue Square Court North South East West Upper Lower Hospital School Market Bridge Park Garden House Flat Floor Building \
Leak in the road. Burst pipe, no water, low pressure since the morning. Meter does not turn, meter box under water, stop valve seized, hydrant \
damaged, pump failed, joint leaks beside the main, cover broken, chamber flooded, cable exposed, gas smell in the stairwell. Customer asks for \
a call before the visit; key with the neighbours, dog in the yard, gate is locked. Valve at the corner is shut, clamp fitted, pipe replaced, \
ground filled in, traffic light needed, photo taken, second visit needed, part ordered, report follows, works again, fitted and tested with the \
old iron pipe from last year, low supply to the house, it seems to be the box for this one and that was moved near kerb and gravel.
"""
_FEET: Final = """\
{"frame":"del","b":[0],"kind":"visit","id":"0195
{"frame":"begin","life":"0195","server_time":"2026-03-02T08:00:00.000000Z","anchor":"","buckets":["dev/","me/","crew/","district/","/open","ref"],\
"add":[],"keep":[],"reset":[],"drop":[]}
{"frame":"end","cursor":"","acked_n":1,"more":false,"digests":{},"warnings":[]}
"""


def make(coding: str) -> Dictionary:
    """Make a dictionary: an example of each kind with all its fields, the values of all enumerations, head and foot of a page."""
    kinds = sorted(KINDS, key=lambda kind: (_LAST.index(kind) if kind in _LAST else -1, kind))
    words: dict[str, None] = {}
    for kind in kinds:
        words.update(dict.fromkeys(_words(KINDS[kind])))
    frames = [_frame(kind, KINDS[kind]) for kind in kinds]
    text = "".join(frames[: -len(_LAST)]) + " ".join(words) + "\n" + _TEXTS + _FEET + "".join(frames[-len(_LAST) :])
    return Dictionary(coding, hashlib.sha256(text.encode()).hexdigest(), text)


def _frame(kind: str, document: type[Document]) -> str:
    body = examples.whole_example_of(document, kind)
    id = body.pop("id")
    usual = {name: value for name, value in _USUAL.items() if name in body and isinstance(body[name], str)}
    told = msgspec.json.encode({"id": id, **body, **usual}).decode()
    return f'{{"frame":"put","b":[2],"kind":"{kind}","ver":2,"body":{told}}}\n'


def _words(document: type[Document]) -> list[str]:
    found: list[str] = []
    for hint in typing.get_type_hints(document).values():
        for each in (hint, *typing.get_args(hint)):
            if isinstance(each, type) and issubclass(each, Enum):
                found += [str(member.value) for member in each]
    return found


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(make(sys.argv[1])), indent=1).decode() + "\n")
