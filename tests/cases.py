"""How many generated cases a property is tested with."""

import os

SOAK_FACTOR = int(os.environ.get("PAPERLAKE_SOAK_EXAMPLES", "1"))


def cases(count):
    """`count` cases, or so many times more as `make soak` asks for."""
    return count * SOAK_FACTOR
