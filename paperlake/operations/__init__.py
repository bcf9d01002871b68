"""What an operator does to a lake: accept, repair, trace, import."""
