"""Commands for what readers see: the site, issues of editions, subscriptions, the mail endpoint."""
