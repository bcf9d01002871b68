"""The answers that contenders read, and a Hub on loopback that serves them."""
