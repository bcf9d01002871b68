"""What readers get: the site, issues, letters."""
