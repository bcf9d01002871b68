"""The command `papers`: what a person types. It starts fast, and imports the rest late."""
