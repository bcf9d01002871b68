"""HTTP parts that the sandbox servers share: the loopback server, sending, faults."""
