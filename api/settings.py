"""Every setting of the server: one frozen Struct, read from the environment once. Never read again, never changed.

To add a setting, add one field with its type, bounds, description and default, then run `make docs`.
"""

import difflib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from msgspec import Meta, Struct

from api.cluster.place import APP_ROLE, OWNER_ROLE, Place, checkout_folder
from api.operator_error import OperatorError

PREFIX = "ONSITE_"
SECRET_BYTES_MIN = 32
# Of Chrome and its kin, Firefox, Edge, Safari.
PUSH_SERVICES = "fcm.googleapis.com, *.push.services.mozilla.com, *.notify.windows.com, *.push.apple.com"


class Settings(Struct, frozen=True, kw_only=True):
    """The configuration of one process. Each field is the variable `ONSITE_` + its name in capitals."""

    state_dir: Annotated[
        Path,
        Meta(
            description="Folder of local state: the private cluster, the local secret. Default: `.onsite` in the checkout."
        ),
    ]
    database_url: Annotated[
        str, Meta(description="Database of the application. Default: `DATABASE_URL`, else the private cluster.")
    ]
    owner_database_url: Annotated[
        str,
        Meta(
            description="The same database as the role that owns the tables; migrations use it. Default: `database_url`."
        ),
    ]
    secret: Annotated[
        str,
        Meta(
            description="Key for cursors and tokens, 32 bytes at least. Default: made once in `state_dir`, not in production."
        ),
    ]
    secret_previous: Annotated[
        str, Meta(description="The key before `secret`: what was made with it stays valid while it is set.")
    ] = ""
    production: Annotated[bool, Meta(description="Refuse everything that is only fit for one machine.")] = False
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="Port to listen on.")] = 8000
    public_url: Annotated[
        str, Meta(description="Address under which people and devices reach the server. Default: host and port.")
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level that is logged.")
    ] = "info"
    log_format: Annotated[Literal["console", "json"], Meta(description="Log lines for people or for machines.")] = (
        "console"
    )
    trusted_proxies: Annotated[
        str, Meta(description="Addresses of proxies whose X-Forwarded-For is believed, with commas between; `*`: any.")
    ] = "127.0.0.1"
    metrics_token: Annotated[
        str,
        Meta(
            description="Bearer token that /metrics asks for; empty: only this machine may read it, in production nobody."
        ),
    ] = ""
    oidc_issuer: Annotated[str, Meta(description="Issuer whose bearer tokens are accepted; empty: none.")] = ""
    oidc_audience: Annotated[str, Meta(description="Audience that an OIDC token must name.")] = ""
    oidc_jwks_url: Annotated[
        str, Meta(description="Address of the issuer's keys. Default: from the issuer's discovery document.")
    ] = ""
    pool_size_min: Annotated[int, Meta(ge=0, le=500, description="Database connections kept open per process.")] = 2
    pool_size_max: Annotated[int, Meta(ge=1, le=500, description="Database connections per process at most.")] = 16
    pool_wait_s: Annotated[float, Meta(gt=0, le=60, description="Longest wait for a free connection, then 503.")] = 5.0
    statement_timeout_s: Annotated[float, Meta(gt=0, le=600, description="Longest statement of the application.")] = (
        30.0
    )
    lock_timeout_s: Annotated[float, Meta(gt=0, le=60, description="Longest wait for a row lock.")] = 5.0
    idle_in_transaction_timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Longest pause inside a transaction; an open one makes every pull dearer.")
    ] = 10.0
    patience_s: Annotated[
        float,
        Meta(
            ge=0.5,
            le=120,
            description="How long a caller may let nothing move: a head that does not end, a body that does not come, an answer not taken.",
        ),
    ] = 20.0
    durable_lag_s: Annotated[
        int,
        Meta(
            ge=0,
            le=90 * 86400,
            description="Age after which a commit counts as safe on a replica or backup; devices keep commands so long.",
        ),
    ] = 14 * 86400
    keep_ended_days: Annotated[
        int,
        Meta(
            ge=90,
            le=36500,
            description="Days for which ended memberships are remembered: a phone away for longer is sent those buckets anew.",
        ),
    ] = 90
    keep_outcomes_days: Annotated[
        int,
        Meta(
            ge=400, le=36500, description="Days for which the answer to a command that its phone has shown stays known."
        ),
    ] = 400
    keep_quarantine_days: Annotated[
        int,
        Meta(
            ge=30, le=36500, description="Days for which quarantined bytes stay after somebody has decided about them."
        ),
    ] = 400
    keep_sessions_days: Annotated[
        int,
        Meta(
            ge=90,
            le=36500,
            description="Days for which a phone's sessions and ended scopes stay: reports that come later go to quarantine.",
        ),
    ] = 400
    keep_notices_days: Annotated[
        int, Meta(ge=7, le=36500, description="Days for which a notice stays on its person's phone.")
    ] = 90
    keep_tracks_days: Annotated[
        int, Meta(ge=1, le=36500, description="Days for which positions of people are kept.")
    ] = 30
    basemap: Annotated[
        str,
        Meta(
            description="What lies under the jobs on a map: a PMTiles file, or the address of one (`.pmtiles`), of raster tiles (`{z}`) or a style. "
            "Default: `city.pmtiles` in `state_dir`, where there is one."
        ),
    ] = ""
    basemap_datum: Annotated[
        Literal["wgs84", "gcj02", "bd09"], Meta(description="Datum of the basemap: points are moved to fit it.")
    ] = "wgs84"
    basemap_attribution: Annotated[str, Meta(description="Whose map it is; shown on it.")] = ""
    travel: Annotated[
        Literal["auto", "great_circle", "street_graph", "osrm", "valhalla"],
        Meta(
            description="Where travel times come from; `auto`: `street_graph` where its file is there, else `great_circle`. A server that is "
            "silent gives way to these."
        ),
    ] = "auto"
    travel_url: Annotated[str, Meta(description="Address of the OSRM or Valhalla server.")] = ""
    street_graph: Annotated[
        str,
        Meta(description="File of the street graph. Default: `street_graph.json` in `state_dir`, where there is one."),
    ] = ""
    push_key: Annotated[
        str,
        Meta(
            description="Key for which phones subscribe to be woken: P-256 private scalar, base64url (`onsite settings --push-key` draws one). "
            "Default: made once in `state_dir`; in production none, and phones are not woken. A new key: every phone subscribes anew."
        ),
    ] = ""
    push_contact: Annotated[
        str, Meta(description="Whom a push service may ask about our pushes: `mailto:` or https address.")
    ] = ""
    push_hosts: Annotated[
        str,
        Meta(
            description="Push services that phones may name, with commas between: hosts, `*.hosts`, `*` for any public host, "
            "or whole origins such as `http://push.internal:8080`, which may lie in your own network."
        ),
    ] = PUSH_SERVICES
    cluster_fsync: Annotated[
        bool,
        Meta(description="Private cluster: wait for the disk at each commit. Off only for databases that may be lost."),
    ] = True

    def __repr__(self) -> str:
        """Show nothing secret: a repr ends up in logs and in failing tests."""
        return f"Settings(state_dir={str(self.state_dir)!r}, production={self.production})"

    @property
    def place(self) -> Place:
        """Give the place of the private cluster of this checkout."""
        return Place(self.state_dir, fsync=self.cluster_fsync)

    @property
    def base_url(self) -> str:
        """Give the address to print and to put into QR codes, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def uses_private_cluster(self) -> bool:
        """Tell whether the database is the private cluster that this checkout owns."""
        return self.database_url == self.place.url(APP_ROLE)


def load_settings(environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None) -> Settings:
    """Build the settings from the environment and the `.env` file; the environment wins.

    Without arguments it reads the process environment and `.env` in the checkout. A given `environ` stands alone.
    Raises OperatorError that names the variable, and for an unknown one the nearest known one.
    """
    if environ is None:
        environ = {**read_dotenv(dotenv or checkout_folder() / ".env"), **os.environ}
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value != ""}
    _refuse_unknown(given)
    values: dict[str, Any] = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    state_dir = Path(values.get("state_dir") or checkout_folder() / ".onsite").expanduser().absolute()
    values["state_dir"] = str(state_dir)
    production = values.get("production", "").lower() in ("1", "true")
    _choose_urls(values, environ, Place(state_dir), production=production)
    values["secret"] = values.get("secret") or _local_secret(state_dir, production=production)
    values["push_key"] = _push_key(values.get("push_key", ""), state_dir, production=production)
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise OperatorError(_named_after_variable(str(error))) from None
    if len(settings.secret.encode()) < SECRET_BYTES_MIN:
        raise OperatorError(
            f"ONSITE_SECRET is too short: give {SECRET_BYTES_MIN} bytes at least (`openssl rand -hex 32`)."
        )
    if settings.travel in ("osrm", "valhalla") and urlsplit(settings.travel_url).scheme not in ("http", "https"):
        raise OperatorError(
            f"ONSITE_TRAVEL_URL must be the address of the {settings.travel} server (http:// or https://)."
        )
    if settings.pool_size_min > settings.pool_size_max:
        raise OperatorError("ONSITE_POOL_SIZE_MIN is above ONSITE_POOL_SIZE_MAX.")
    return settings


def read_dotenv(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; quotes around a value and `#` lines are dropped. No file: an empty result."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        pairs[name.strip()] = value
    return pairs


def login_role(database_url: str) -> str:
    """Give the role that a database URL logs in as; empty when the URL leaves it to the environment."""
    parts = urlsplit(database_url)
    return unquote(parts.username or "") or parse_qs(parts.query).get("user", [""])[-1]


def describe() -> Iterator[tuple[str, str, str, str]]:
    """Yield (variable, type, default, description) for each setting, in the order of the fields."""
    for field in msgspec.structs.fields(Settings):
        annotation, meta = field.type, Meta()
        if get_origin(annotation) is Annotated:
            annotation, meta = get_args(annotation)[:2]
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        kind = " or ".join(f"`{c}`" for c in choices) or {Path: "folder"}.get(annotation, annotation.__name__)
        default = "" if field.default in (msgspec.NODEFAULT, "") else f"`{str(field.default).lower()}`"
        yield PREFIX + field.name.upper(), kind, default, meta.description or ""


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)]
    for name in sorted(given):
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise OperatorError(
                f"Unknown setting {name}. The nearest known one is {nearest}; docs/settings.md lists all."
            )


def _choose_urls(values: dict[str, Any], environ: Mapping[str, str], place: Place, *, production: bool) -> None:
    url = values.get("database_url") or environ.get("DATABASE_URL", "")
    if not url and production:
        raise OperatorError("ONSITE_DATABASE_URL is not set: in production name the database server.")
    values["database_url"] = url or place.url(APP_ROLE)
    values["owner_database_url"] = values.get("owner_database_url") or url or place.url(OWNER_ROLE)
    for field in ("database_url", "owner_database_url"):
        if urlsplit(values[field]).scheme not in ("postgresql", "postgres"):
            raise OperatorError(
                f"{PREFIX}{field.upper()} must start with postgresql:// and name one PostgreSQL database."
            )


def _local_secret(state_dir: Path, *, production: bool) -> str:
    """Read or make the secret of this checkout."""
    if production:
        raise OperatorError(
            "ONSITE_SECRET is not set: give 32 bytes at least (`openssl rand -hex 32`), the same everywhere."
        )
    return _made_once(state_dir / "secret", lambda: secrets.token_hex(SECRET_BYTES_MIN))


def _push_key(given: str, state_dir: Path, *, production: bool) -> str:
    """Check the key for waking phones, or read or make that of this checkout; in production none is made up, since every server needs the same."""
    # Imported late: cryptography is much, and most commands wake nobody.
    from api.waking.keys import make_push_key, public_key_of

    if given:
        try:
            public_key_of(given)
        except ValueError:
            raise OperatorError("ONSITE_PUSH_KEY is no key: `onsite settings --push-key` draws one.") from None
        return given
    return "" if production else _made_once(state_dir / "push_key", make_push_key)


def _made_once(path: Path, make: Callable[[], str]) -> str:
    """Read a local secret, or make it; link() lets two processes make it at once and agree."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(f"no reading of {kind} from the environment")


def _named_after_variable(message: str) -> str:
    text, _, path = message.partition(" - at `$.")
    return f"{PREFIX}{path.rstrip('`').upper()}: {text}. docs/settings.md lists all settings." if path else message
