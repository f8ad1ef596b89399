"""What the settings say about how long things are kept. Removes nothing: `sync.retention` does."""

from datetime import timedelta

from api.settings import Settings
from sync.retention import Keep


def keep_of(settings: Settings) -> Keep:
    """Read how long each kind of row is kept."""
    return Keep(
        ended=timedelta(days=settings.keep_ended_days),
        outcomes=timedelta(days=settings.keep_outcomes_days),
        quarantine=timedelta(days=settings.keep_quarantine_days),
        sessions=timedelta(days=settings.keep_sessions_days),
        notices=timedelta(days=settings.keep_notices_days),
        tracks=timedelta(days=settings.keep_tracks_days),
    )
