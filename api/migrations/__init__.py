"""Changes of the database's shape, one step each. Never edited after they land, never run by a request."""

from api.migrations.upgrade import applied_revision, latest_revision, migrate, write_revision

__all__ = ["applied_revision", "latest_revision", "migrate", "write_revision"]
