"""The messages have the protocol's names, keep the bytes of commands and understand newer minor versions."""

from typing import Any

import msgspec
import pytest

from mobile_contract import limits
from mobile_contract.digest import command_digest
from mobile_contract.schema import messages as m

DEVICE = "01890a5d-ac96-774b-bcce-b302099a8057"
CMD = f'{{ "name":"add_note", "id":"{DEVICE}", "args":{{"n":1.50,"t":"水 \\u6c34"}},"at":{{"wall":"2026-03-04T08:00:00Z"}} }}'


def test_the_bytes_of_a_command_survive_the_envelope() -> None:
    text = (
        f'{{"sent":{{"wall":"2026-03-04T08:00:00Z"}},"commands":[{{"n":1,"session":"{DEVICE}","cmd":{CMD}}}],"new":1}}'
    )
    ask = msgspec.json.decode(text.encode(), type=m.PushAsk)
    raw = bytes(ask.commands[0].cmd)
    assert raw == CMD.encode()
    assert command_digest(raw) == command_digest(CMD.encode())
    envelope = msgspec.json.decode(raw, type=m.CommandEnvelope)
    assert (envelope.name, bytes(envelope.args)) == ("add_note", '{"n":1.50,"t":"水 \\u6c34"}'.encode())
    assert (envelope.base, envelope.after, envelope.at.mono_ms) == (None, (), None)


def test_one_bad_command_leaves_the_envelope_readable() -> None:
    text = f'{{"sent":{{"wall":"2026-03-04T08:00:00Z"}},"commands":[{{"n":1,"session":"{DEVICE}","cmd":[null]}}]}}'
    ask = msgspec.json.decode(text.encode(), type=m.PushAsk)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(ask.commands[0].cmd, type=m.CommandEnvelope)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{}", m.PullAsk),
        ('{"cursor":null,"digests":null,"seen_n":3,"wait_s":30,"later":[]}', m.PullAsk),
        ('{"cursor":"x","digests":{"ref":[2,"00000000000000ff"]},"check":true}', m.PullAsk),
        ('{"cursor":"x","bucket":"ref","sums":[[255,1,"00000000000000ff"]]}', m.RepairAsk),
        (f'{{"n":4,"id":"{DEVICE}","sha256":"{"0" * 64}"}}', m.Skip),
        ('{"last_n":4,"outcomes":[],"server_time":"2026-03-04T08:00:00Z","durable_n":null,"later":1}', m.PushAnswer),
        (f'{{"n":4,"id":"{DEVICE}","status":"held","code":"dependency_pending"}}', m.OutcomeBrief),
    ],
)
def test_a_message_of_the_protocol_is_read(text: str, kind: type[Any]) -> None:
    assert isinstance(msgspec.json.decode(text, type=kind), kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"digests":{"ref":[2,"FF"]}}', m.PullAsk),
        ('{"bucket":""}', m.RepairAsk),
        ('{"bucket":"ref","sums":[[256,1,"00000000000000ff"]]}', m.RepairAsk),
        ('{"seen_n":-1}', m.PullAsk),
        (f'{{"n":0,"id":"{DEVICE}","sha256":"{"0" * 64}"}}', m.Skip),
    ],
)
def test_a_message_out_of_range_is_not_read(text: str, kind: type[Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=kind)


def test_more_commands_than_the_limit_are_not_read() -> None:
    one = f'{{"n":1,"session":"{DEVICE}","cmd":{{}}}}'
    for count, readable in ((limits.PUSH_COMMANDS, True), (limits.PUSH_COMMANDS + 1, False)):
        text = f'{{"sent":{{"wall":"2026-03-04T08:00:00Z"}},"commands":[{",".join([one] * count)}]}}'
        try:
            msgspec.json.decode(text, type=m.PushAsk)
        except msgspec.ValidationError:
            assert not readable
        else:
            assert readable


def test_every_message_has_a_schema() -> None:
    kinds = [m.PullAsk, m.Frame, m.RepairAsk, m.PushAsk, m.CommandEnvelope, m.PushAnswer]
    _, components = msgspec.json.schema_components(kinds)
    assert components["Put"]["properties"]["frame"]["enum"] == ["put"]
    assert set(components) >= {"Begin", "Put", "Del", "Mend", "End", "ClockSample", "Skip", "OutcomeBrief", "RangeSum"}
