"""Great Expectations' Data Docs: what was judged last, as pages for people."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from paperlake.quality.finding import Finding
from paperlake.quality.quality_page import page

SITE = "data-docs"
_FIRST_PAGE = "index.html"
_MOST_RESULTS = 100
"""Of a run that judges more than so many batches, the newest are shown; the ledger has them all."""


class Results:
    """The results of Great Expectations since pages were last written."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: deque[tuple[gx.ExpectationSuite, Any]] = deque(maxlen=_MOST_RESULTS)
        self._met: tuple[Path, frozenset[str]] | None = None

    def keep(self, expectations: gx.ExpectationSuite, result: Any) -> None:
        """Remember a result for the next `write`."""
        self._kept.append((expectations, result))

    def write(self, context: Any, folder: Path, judged: Sequence[Finding]) -> Path | None:
        """The pages of all results remembered, below `folder`, in place of those before; then forget the results.

        Gives the first page, which sums up what was `judged`; None where nothing was.
        """
        if not self._kept:
            return None
        suites = frozenset(expectations.name for expectations, _ in self._kept)
        is_met = all(result.success for _, result in self._kept)
        shown_in, shown = self._met or (None, frozenset())
        # Another morning at which all is met would look the same, and rendering it costs a second.
        if not (is_met and suites <= shown and shown_in == folder and (folder / SITE).is_dir()):
            self._render(context, folder)
            self._met = (folder, suites) if is_met else None
        self._kept.clear()
        first = folder / _FIRST_PAGE
        first.write_text(page(judged, f"{SITE}/{_FIRST_PAGE}"), encoding="utf-8")
        return first

    def _render(self, context: Any, folder: Path) -> None:
        for stale in ("validations", "expectations"):
            shutil.rmtree(folder / SITE / stale, ignore_errors=True)
        keys = self._stored(context)
        site = {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder / SITE)},
        }
        if SITE in context.get_site_names():
            context.update_data_docs_site(site_name=SITE, site_config=site)
        else:
            context.add_data_docs_site(site_name=SITE, site_config=site)
        context.build_data_docs(site_names=[SITE])
        for key in keys:
            context.validation_results_store.remove_key(key)

    def _stored(self, context: Any) -> list[ValidationResultIdentifier]:
        """Give the results to the context, which makes pages of what it has; gives their keys."""
        run = RunIdentifier(run_name="newest", run_time=datetime.now(UTC))
        count: Counter[str] = Counter()
        keys = []
        for expectations, result in self._kept:
            count[expectations.name] += 1
            number = str(count[expectations.name])
            result.meta["run_id"] = run
            key = ValidationResultIdentifier(ExpectationSuiteIdentifier(expectations.name), run, number)
            context.validation_results_store.add_or_update(key, result)
            context.suites.add_or_update(expectations)
            keys.append(key)
        return keys
