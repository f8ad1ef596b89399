"""The adapter for Web Push: RFC 8030 over https, sealed by RFC 8291, signed by RFC 8292. Follows no redirect and reads no answer's body."""

import asyncio
import ssl
import time
from datetime import datetime, timedelta
from typing import Final

import certifi
import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from api.settings import Settings
from api.waking.hosts import Hosts, origin_of
from api.waking.keys import private_key, public_key_of
from api.waking.provider import Address, AddressFault, Pushed
from api.waking.sealing import AUTH_BYTES, POINT_BYTES, draw, seal
from mobile_contract.schema.waking import LOOK, WakeProvider

TIMEOUT_S: Final = 10.0
# In all: a service that answers byte by byte never times out.
WHOLE_S: Final = 20.0
# A phone that comes back later than this has looked by itself.
TTL_S: Final = 3600
TOKEN_FOR: Final = timedelta(hours=12)
_TOKEN_KEPT_S: Final = 3600.0
_TOKENS_MAX: Final = 64
_GONE: Final = frozenset({404, 410})
_LATER: Final = frozenset({408, 425, 429})

log = structlog.get_logger()


class WebPush:
    """Sends pushes in the name of one key. `contact` (`mailto:` or https) is told to push services; empty: nobody.

    `whole_s`: seconds that one push may take.
    """

    def __init__(
        self,
        push_key: str,
        hosts: Hosts,
        *,
        contact: str = "",
        trust: ssl.SSLContext | None = None,
        whole_s: float = WHOLE_S,
    ) -> None:
        private = private_key(push_key)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._signing = ECKey.import_key(pem)
        self._key = public_key_of(push_key)
        self._hosts = hosts
        self._contact = contact
        self._whole_s = whole_s
        # By origin: the token and when it was made.
        self._tokens: dict[str, tuple[str, float]] = {}
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=trust or _usual_trust()
        )

    def __repr__(self) -> str:
        return "WebPush()"

    @property
    def provider(self) -> WakeProvider:
        """Name the way."""
        return WakeProvider.WEB_PUSH

    @property
    def key(self) -> str:
        """Give the `applicationServerKey`."""
        return self._key

    def check(self, address: Address) -> None:
        """Refuse an address to which nothing is ever sent. Raises AddressFault."""
        self._hosts.check(address.endpoint)
        if len(address.p256dh) != POINT_BYTES or len(address.auth) != AUTH_BYTES:
            raise AddressFault("The keys of the subscription have a wrong length.")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), address.p256dh)
        except ValueError:
            raise AddressFault("The public key of the subscription is not a point of P-256.") from None

    async def push(self, address: Address, *, now: datetime) -> Pushed:
        """Send "look"."""
        try:
            parts = self._hosts.check(address.endpoint)
            target = await self._hosts.target(address.endpoint)
            body = seal(LOOK, p256dh=address.p256dh, auth=address.auth, chance=draw())
            headers = {
                "TTL": str(TTL_S),
                "Urgency": "high",
                # What waits at the push service is replaced: a phone that comes back looks once.
                "Topic": "look",
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "Authorization": f"vapid t={self._token(origin_of(parts), now)}, k={self._key}",
            }
            extensions = {}
            if target.host is not None:
                headers["Host"] = target.host
                # The certificate is the name's, whatever address was connected to.
                extensions["sni_hostname"] = target.host
            request = self._client.build_request(
                "POST", target.url, content=body, headers=headers, extensions=extensions
            )
            async with asyncio.timeout(self._whole_s):
                answer = await self._client.send(request, stream=True)
                await answer.aclose()
        except (AddressFault, ValueError) as fault:
            log.warning("push_address_refused", error=type(fault).__name__)
            return Pushed.REFUSED
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            log.warning("push_failed", error=type(error).__name__)
            return Pushed.FAILED
        if not answer.is_success:
            log.warning("push_answered", status=answer.status_code, host=parts.hostname)
        return _meaning(answer.status_code)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _token(self, origin: str, now: datetime) -> str:
        """Sign who we are for a push service; kept for an hour, since services count signatures as new senders."""
        token, made = self._tokens.get(origin, ("", 0.0))
        if token and time.monotonic() - made < _TOKEN_KEPT_S:
            return token
        if len(self._tokens) >= _TOKENS_MAX:
            self._tokens.clear()
        claims: dict[str, object] = {"aud": origin, "exp": int((now + TOKEN_FOR).timestamp())}
        if self._contact:
            claims["sub"] = self._contact
        token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._signing)
        self._tokens[origin] = (token, time.monotonic())
        return token


def _usual_trust() -> ssl.SSLContext:
    """Trust whom the machine trusts, an operator's own authority too, and the list that comes along where the machine has none."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())
    return trust


def _meaning(status: int) -> Pushed:
    if 200 <= status < 300:
        return Pushed.SENT
    if status in _GONE:
        return Pushed.GONE
    return Pushed.FAILED if status in _LATER or status >= 500 else Pushed.REFUSED


def push_provider(settings: Settings) -> WebPush | None:
    """Make the adapter that the settings ask for; None where phones are not to be woken."""
    if not settings.push_key:
        return None
    contact = settings.push_contact or (settings.base_url if settings.base_url.startswith("https:") else "")
    return WebPush(settings.push_key, Hosts(settings.push_hosts), contact=contact)
