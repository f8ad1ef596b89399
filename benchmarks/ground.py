"""The PostgreSQL cluster of a run: a private one with the product's own settings, commits durable, and fresh databases in it."""

import contextlib
from collections.abc import Iterator

from msgspec import Struct

from api import cluster
from api.cluster import OWNER_ROLE, Place
from api.settings import Settings
from tests import databases


class Ground(Struct, frozen=True):
    """A running cluster. Its database `onsite` is migrated and empty."""

    settings: Settings

    @property
    def place(self) -> Place:
        """Give the cluster's place."""
        return self.settings.place

    def copy(self, name: str, *, of: str = cluster.DATABASE) -> Settings:
        """Make a database as a copy of another one, to which nobody may be connected; give its settings."""
        cluster.superuser_sql(self.place, f"create database {name} template {of} owner {OWNER_ROLE}")
        return databases.settings_for(self.place, name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        cluster.superuser_sql(self.place, f"drop database if exists {name} with (force)")

    def empty(self, name: str) -> str:
        """Make an empty database and give its URL as the role that owns it."""
        cluster.superuser_sql(self.place, f"create database {name} template template0 owner {OWNER_ROLE}")
        return self.place.url(OWNER_ROLE, name)

    def as_superuser(self, statement: str, *, database: str = "postgres") -> str:
        """Run SQL as the cluster's superuser."""
        return cluster.superuser_sql(self.place, statement, database=database)


@contextlib.contextmanager
def running() -> Iterator[Ground]:
    """Run a cluster for one run of the benchmarks and remove it in the end."""
    with databases.own_cluster() as settings:
        yield Ground(settings)
