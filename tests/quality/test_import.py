"""What the import of Great Expectations leaves out."""

import subprocess
import sys

import pytest

CODE = """
import sys
import paperlake.quality.engine
assert "scipy.stats._stats_py" not in sys.modules
from scipy import stats
assert stats.norm.cdf(0) == 0.5
assert "scipy.stats._stats_py" in sys.modules
"""


@pytest.mark.long
def test_distributions_are_imported_only_if_they_are_used():
    subprocess.run([sys.executable, "-c", CODE], check=True)
