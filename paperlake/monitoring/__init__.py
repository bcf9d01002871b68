"""What a run reports, and whether every promise holds."""
