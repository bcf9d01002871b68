"""What readers get: the site, issues and letters."""
