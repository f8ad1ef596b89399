"""The reference device: what a phone must do, in small readable Python, to be ported. Imports the contract and nothing of the server.

Read it in this order: `device` (what an app calls), `queue` (commands that are never lost), `pages` (documents that are
never half there), `exchange` (the conversation with the server), then `store`, `clocks`, `transport` and `optimistic`.
"""

from mobile_contract.client.clocks import Clock, SystemClock, uuid7
from mobile_contract.client.device import Device, DeviceRefusal
from mobile_contract.client.exchange import SyncReport
from mobile_contract.client.queue import Queued
from mobile_contract.client.store import Install, Store
from mobile_contract.client.transport import HttpTransport, Pace, Response, Transport, Unreachable

__all__ = [
    "Clock",
    "Device",
    "DeviceRefusal",
    "HttpTransport",
    "Install",
    "Pace",
    "Queued",
    "Response",
    "Store",
    "SyncReport",
    "SystemClock",
    "Transport",
    "Unreachable",
    "uuid7",
]
