"""Great Expectations' Data Docs: the newest validation results as HTML pages."""

from __future__ import annotations

import json
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
from paperlake.quality.quality_page import render_quality_page

SITE = "data-docs"
_FIRST_PAGE = "index.html"
_MET = "met.json"
"""The file with the names of the suites that the pages show as met."""
_MAX_RESULTS = 100
"""A run with more batches shows only the newest of them; the validation log has them all."""


class DataDocs:
    """Collects the results of one run, and renders them as pages."""

    def __init__(self) -> None:
        """No results yet."""
        self._results: deque[tuple[gx.ExpectationSuite, Any]] = deque(maxlen=_MAX_RESULTS)

    def add(self, expectations: gx.ExpectationSuite, result: Any) -> None:
        """Add a result to the next `write`."""
        self._results.append((expectations, result))

    def write(self, context: Any, folder: Path, findings: Sequence[Finding]) -> Path | None:
        """Replace the pages in `folder` by pages of the collected results, then clear the results.

        Returns the first page, which summarizes `findings`; None if nothing was validated.
        """
        if not self._results:
            return None
        suites = {expectations.name for expectations, _ in self._results}
        is_met = all(result.success for _, result in self._results)
        # Pages of another run whose expectations are all met look the same, and rendering them costs a second.
        if not (is_met and suites <= _suites_met(folder)):
            (folder / SITE / _MET).unlink(missing_ok=True)
            self._render(context, folder)
            if is_met:
                (folder / SITE / _MET).write_text(json.dumps(sorted(suites)), encoding="utf-8")
        self._results.clear()
        first = folder / _FIRST_PAGE
        first.write_text(render_quality_page(findings, f"{SITE}/{_FIRST_PAGE}"), encoding="utf-8")
        return first

    def _render(self, context: Any, folder: Path) -> None:
        for stale in ("validations", "expectations"):
            shutil.rmtree(folder / SITE / stale, ignore_errors=True)
        keys = self._store_results(context)
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

    def _store_results(self, context: Any) -> list[ValidationResultIdentifier]:
        """Store the results in the context, whose pages show every stored result. Returns their keys."""
        run = RunIdentifier(run_name="newest", run_time=datetime.now(UTC))
        count: Counter[str] = Counter()
        keys = []
        for expectations, result in self._results:
            count[expectations.name] += 1
            number = str(count[expectations.name])
            result.meta["run_id"] = run
            key = ValidationResultIdentifier(ExpectationSuiteIdentifier(expectations.name), run, number)
            context.validation_results_store.add_or_update(key, result)
            context.suites.add_or_update(expectations)
            keys.append(key)
        return keys


def _suites_met(folder: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads((folder / SITE / _MET).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return frozenset()
