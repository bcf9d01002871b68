"""When things run: the only Prefect, clock and environment.

Nobody is told that Paperlake runs: Prefect reads these when it is imported, and every flow comes through here.
"""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
