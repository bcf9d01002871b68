"""Commands that maintain a lake: imports, rebuild, verify, backup, accept, doctor."""
