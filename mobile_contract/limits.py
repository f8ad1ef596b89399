"""The limits that phones and server agree on. Owns numbers only; each is enforced where the bytes arrive."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Push: one request, one command, one chunk (the commands that share a transaction).
PUSH_COMMANDS: Final = 200
PUSH_BYTES: Final = 256 * KIB
COMMAND_BYTES: Final = 32 * KIB
PUSH_CHUNK: Final = 50
# Room for the envelope around commands that are exactly at the limit.
PUSH_BODY_BYTES: Final = PUSH_BYTES + 64 * KIB
QUARANTINE_COMMANDS_PER_DAY: Final = 10_000
QUARANTINE_BYTES_PER_DAY: Final = 20 * MIB

# One batch of positions.
POSITIONS: Final = 500
POSITIONS_BODY_BYTES: Final = 128 * KIB

# Chains of commands that wait for each other.
AFTER_CHAIN: Final = 50
HELD_DAYS: Final = 5

# Pull: one page, one scope.
PAGE_BYTES: Final = 2 * MIB
PAGE_DOCUMENTS: Final = 2_000
PULL_BODY_BYTES: Final = 64 * KIB
SCOPE_BUCKETS: Final = 64
SCOPE_DOCUMENTS: Final = 50_000
SCOPE_WARN_SHARE: Final = 0.8
WAIT_S: Final = 55
DIGEST_DOCUMENTS: Final = 2_000

CURSOR_BYTES: Final = 8 * KIB
BUCKET_NAME_CHARS: Final = 96
KIND_NAME_CHARS: Final = 40

# Approval: how often a delegation may be passed on, delegation after delegation.
DELEGATION_CHAIN: Final = 3

# Lines of one report of material.
REPORT_LINES: Final = 20_000

# Repair: the number of ranges a bucket is cut into.
REPAIR_RANGES: Final = 256
REPAIR_BODY_BYTES: Final = 64 * KIB

# Clocks: anchors a device keeps, and the drift of a phone's monotonic clock that is still called honest.
ANCHORS_KEPT: Final = 20
ANCHOR_TOKEN_CHARS: Final = 128
MONO_DRIFT_PPM: Final = 100

# Command ids and digests are remembered this long; scope history is asked this far back.
COMMAND_MEMORY_DAYS: Final = 400
SCOPE_MEMORY_DAYS: Final = 90
DURABLE_DAYS: Final = 14
