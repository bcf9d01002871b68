"""Schema versions of the Hub's lists: which keys an entry has, and what they mean, by the date of the list.

The dates come from 7,968 recorded entries. The Hub omits a key without a value; it never writes null.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache


@dataclass(frozen=True, eq=False, slots=True)
class SchemaVersion:
    """The shape of the entries on the lists of one date."""

    has_thumbnail: bool
    has_media_urls: bool
    has_submitter: bool
    has_submitter_id: bool
    has_followers: bool
    has_admin_flag: bool
    has_following_flag: bool
    user_id_key: str | None
    has_user_name: bool
    has_discussion: bool
    has_participation: bool
    has_links: bool
    has_stars: bool
    has_repo_origin: bool
    has_envelope_summary: bool
    has_keywords: bool
    has_summary: bool
    has_summary_model: bool
    has_submission: bool
    organization_key: str | None
    is_wrapped: bool
    is_published_at_midnight: bool
    is_submitted_at_midnight: bool


@lru_cache(maxsize=1024)
def schema_version(day: date) -> SchemaVersion:
    """The schema version of the list of `day`."""

    def since(*when: int) -> bool:
        return day >= date(*when)

    # For four days the submitter and the media were missing. Afterwards each stood in two places.
    is_hole = since(2025, 3, 11) and not since(2025, 3, 15)
    return SchemaVersion(
        has_thumbnail=since(2024, 6, 12),
        has_media_urls=since(2024, 6, 12) and not is_hole,
        has_submitter=since(2024, 6, 13) and not is_hole,
        has_submitter_id=since(2024, 12, 3),
        has_followers=since(2024, 10, 24),
        has_admin_flag=since(2025, 3, 21),
        has_following_flag=since(2026, 1, 7),
        user_id_key="_id" if since(2024, 8, 6) else "id" if since(2024, 7, 23) else None,
        has_user_name=since(2026, 3, 12),
        has_discussion=since(2024, 8, 2),
        has_participation=since(2024, 12, 19),
        has_links=since(2025, 3, 4),
        has_stars=since(2025, 6, 25),
        has_repo_origin=since(2025, 12, 11),
        has_envelope_summary=since(2025, 3, 11),
        has_keywords=since(2025, 3, 11),
        has_summary=since(2025, 5, 22),
        has_summary_model=since(2026, 6, 3),
        has_submission=since(2025, 3, 17),
        organization_key="organization"
        if since(2025, 10, 3)
        else "submitterOrganization"
        if since(2025, 9, 29)
        else None,
        is_wrapped=not since(2025, 11, 13),
        is_published_at_midnight=since(2026, 4, 6),
        is_submitted_at_midnight=since(2026, 5, 14),
    )
