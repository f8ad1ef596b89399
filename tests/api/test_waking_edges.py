"""Waking at its edges: sealing against the RFC's own example, the guard against addresses inside, keys, and the pace."""

import asyncio
import base64
import ssl
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.store.waking import Unseen
from api.waking.hosts import Hosts, Target, origin_of, public_one
from api.waking.keys import make_push_key, private_key, public_key_of
from api.waking.pace import due_phones
from api.waking.provider import Address, AddressFault, Pushed
from api.waking.sealing import Chance, draw, point_of, seal
from api.waking.web_push import WebPush
from mobile_contract.schema.base import Priority
from tests.arrange import NOW
from tests.pushing import certificate_for, push_service

SERVICES = Hosts("fcm.googleapis.com, *.push.example.org, http://10.0.0.7:8080")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_sealing_gives_the_bytes_of_the_example_in_rfc_8291() -> None:
    key = private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    sealed = seal(
        b"When I grow up, I want to be a watermelon",
        p256dh=raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        auth=raw("BTBZMqHH6r4Tts7J_aSIgg"),
        chance=Chance(key, raw("DGv6ra1nlYgDCS1FRnbzlw")),
    )
    assert sealed == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_each_push_is_sealed_anew_and_opens_for_the_phone_alone() -> None:
    phone, auth = ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
    one, two = (seal(b"look", p256dh=point_of(phone.public_key()), auth=auth, chance=draw()) for _ in range(2))
    assert one != two
    assert http_ece.decrypt(one, private_key=phone, auth_secret=auth) == b"look"
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(two, private_key=other, auth_secret=auth)


def test_what_does_not_fit_in_one_record_is_refused() -> None:
    phone = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ValueError, match="one record"):
        seal(b"x" * 4080, p256dh=point_of(phone.public_key()), auth=b"0" * 16, chance=draw())


def test_a_key_is_drawn_and_read_and_anything_else_is_refused() -> None:
    key = make_push_key()
    assert key != make_push_key()
    assert len(raw(public_key_of(key))) == 65
    for wrong in ("", "short", "!" * 43, "A" * 43, "_" * 43):
        with pytest.raises(ValueError, match=r".+"):
            public_key_of(wrong)


@pytest.mark.parametrize(
    "endpoint",
    ["https://fcm.googleapis.com/fcm/send/abc", "https://eu.push.example.org:443/x?y=z", "http://10.0.0.7:8080/up/1"],
)
def test_push_services_and_the_operators_own_origins_are_taken(endpoint: str) -> None:
    SERVICES.check(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilpush.example.org/x",
        "https://push.example.org/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://fcm.googleapis.com /x",
        "https://fcm.googleapis.cоm/x",
        "http://10.0.0.7:8081/x",
        "http://10.0.0.7/x",
        "https://10.0.0.7:8080/x",
        "https://[::1]/x",
        "https://[::1/x",
        "https://fcm.googleapis.com:99999/x",
        "file:///etc/passwd",
        "https:///x",
        "nonsense",
    ],
)
def test_no_other_address_is_taken(endpoint: str) -> None:
    with pytest.raises(AddressFault):
        SERVICES.check(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["https://127.0.0.1/x", "https://2130706433/x", "https://0x7f.0.0.1/x", "https://localhost/x", "https://127.1/x"],
)
def test_any_public_host_is_still_none_that_is_an_address(endpoint: str) -> None:
    Hosts("*").check("https://push.example.net/x")
    with pytest.raises(AddressFault):
        Hosts("*").check(endpoint)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1",
     "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
def test_a_name_that_leads_inside_or_carries_an_inner_address_is_refused_whatever_else_it_leads_to(
    address: str,
) -> None:
    assert public_one(["8.8.8.8", "2606:4700::1111"]) == "8.8.8.8"
    for answers in ([address], ["8.8.8.8", address], []):
        with pytest.raises(AddressFault):
            public_one(answers)


async def test_an_origin_of_the_operators_own_is_called_as_it_is_written() -> None:
    target = await SERVICES.target("http://10.0.0.7:8080/up/1")
    assert (target.url, target.host) == ("http://10.0.0.7:8080/up/1", None)


def test_the_origin_of_a_push_service_names_no_usual_port() -> None:
    assert origin_of(SERVICES.check("https://FCM.googleapis.com:443/x")) == "https://fcm.googleapis.com"


def test_of_many_visits_the_latest_decides_and_each_phone_is_named_once() -> None:
    phone = UUID(int=1)

    def unseen(minutes_ago: float, **more: object) -> Unseen:
        said = {"woken_at": None, "called_at": None, "tries": 0, **more}
        at = NOW - timedelta(minutes=minutes_ago)
        return Unseen(
            device_id=phone,
            dispatched_at=at,
            priority=Priority.URGENT,
            district_id=None,
            pulled_at=NOW - timedelta(hours=3),
            **said,  # type: ignore[arg-type]
        )

    visits = [unseen(5), unseen(1), unseen(30)]
    (due,) = due_phones(visits, now=NOW)
    assert due.called_at == NOW - timedelta(minutes=1)
    assert due_phones([unseen(0.2)], now=NOW) == []
    assert due_phones([unseen(61)], now=NOW) == []


class Elsewhere(Hosts):
    """A list whose name server leads to this machine: the address that was checked stands in for a public one."""

    def __init__(self, listed: str, origin: str) -> None:
        super().__init__(listed)
        self._origin = origin

    async def target(self, endpoint: str) -> Target:
        host = self.check(endpoint).hostname
        return Target(self._origin + endpoint.partition(f"//{host}")[2], host)


@pytest.mark.parametrize(("certified", "pushed"), [("push.example.org", "sent"), ("other.example.org", "failed")])
async def test_the_address_that_was_checked_is_called_under_the_names_certificate(
    tmp_path: Path, certified: str, pushed: str
) -> None:
    certificate = certificate_for(certified, tmp_path)
    async with push_service(certificate) as service:
        browser = service.subscribe()
        path = browser.endpoint.removeprefix(service.origin)
        hosts = Elsewhere("push.example.org", service.origin)
        trust = ssl.create_default_context(cafile=str(certificate))
        provider = WebPush(make_push_key(), hosts, trust=trust)
        said = browser.address
        address = Address(
            endpoint=f"https://push.example.org{path}", p256dh=raw(said["p256dh"]), auth=raw(said["auth"])
        )
        assert await provider.push(address, now=NOW) == pushed
        await provider.close()
    assert [push.claims["aud"] for push in browser.pushes] == ["https://push.example.org"] * (pushed == "sent")
    assert [push.headers["host"] for push in browser.pushes] == ["push.example.org"] * (pushed == "sent")


async def test_nobody_is_trusted_who_vouches_for_himself(tmp_path: Path) -> None:
    async with push_service(certificate_for("push.example.org", tmp_path)) as service:
        said = service.subscribe().address
        provider = WebPush(make_push_key(), Hosts(service.origin))
        address = Address(endpoint=said["endpoint"], p256dh=raw(said["p256dh"]), auth=raw(said["auth"]))
        assert await provider.push(address, now=NOW) == "failed"
        await provider.close()


async def test_a_push_service_that_answers_byte_by_byte_is_given_up() -> None:
    hung_up = asyncio.Event()

    async def drip(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        ended = asyncio.ensure_future(reading.read())
        writing.write(b"HTTP/1.1 201 Created\r\nX-Slow: ")
        for _ in range(2_000):
            writing.write(b"x")
            if (await asyncio.wait({ended}, timeout=0.005))[0]:
                break
        hung_up.set()
        writing.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    provider = WebPush(make_push_key(), Hosts(origin), whole_s=0.3)
    point = point_of(draw().key.public_key())
    try:
        address = Address(endpoint=f"{origin}/up", p256dh=point, auth=bytes(16))
        assert await provider.push(address, now=NOW) is Pushed.FAILED
        async with asyncio.timeout(5):
            await hung_up.wait()
    finally:
        await provider.close()
        server.close()
