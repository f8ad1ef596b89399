"""The private PostgreSQL cluster of a checkout. Never touches a cluster that it did not make."""

from api.cluster.place import APP_ROLE, DATABASE, OWNER_ROLE, SUPERUSER, Place, checkout_folder
from api.cluster.server import Status, down, remove, run_as_server_user, status, superuser_sql, up, wait_until_up

__all__ = [
    "APP_ROLE",
    "DATABASE",
    "OWNER_ROLE",
    "SUPERUSER",
    "Place",
    "Status",
    "checkout_folder",
    "down",
    "remove",
    "run_as_server_user",
    "status",
    "superuser_sql",
    "up",
    "wait_until_up",
]
