"""Mail to readers: SMTP, the subscriber database, and the HTTP endpoint for confirming and unsubscribing."""
