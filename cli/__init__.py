"""The command `papers`. Each command imports its dependencies when it runs, so that `papers --help` starts fast."""
