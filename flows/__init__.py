"""The flows: everything that imports Prefect.

Importing this package turns Prefect's telemetry off, before Prefect reads its environment.
"""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
