"""Great Expectations' Data Docs: what was judged last, as pages for people."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

SITE = "lake"
_FIRST_PAGE = "index.html"


def keep(context: Any, expectations: gx.ExpectationSuite, result: Any) -> None:
    """Remember a result for the next `write`."""
    store = context.validation_results_store
    # What was judged of a suite before in this run stands beside it.
    number = sum(key.expectation_suite_identifier.name == expectations.name for key in store.list_keys())
    run = RunIdentifier(run_name="newest", run_time=datetime.now(UTC))
    result.meta["run_id"] = run
    key = ValidationResultIdentifier(ExpectationSuiteIdentifier(expectations.name), run, f"{number + 1}")
    store.add_or_update(key, result)
    context.suites.add_or_update(expectations)


def write(context: Any, folder: Path) -> Path | None:
    """The pages of all results remembered, in `folder`, in place of those before; then forget the results."""
    store = context.validation_results_store
    keys = store.list_keys()
    if not keys:
        return None
    for stale in ("validations", "expectations"):
        shutil.rmtree(folder / stale, ignore_errors=True)
    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    }
    if SITE in context.get_site_names():
        context.update_data_docs_site(site_name=SITE, site_config=site)
    else:
        context.add_data_docs_site(site_name=SITE, site_config=site)
    context.build_data_docs(site_names=[SITE])
    for key in keys:
        store.remove_key(key)
    return folder / _FIRST_PAGE
