"""Addresses of sources: which are accepted, and where a redirect may lead."""

import ipaddress

import httpx


def parse_source_url(text: str) -> httpx.URL:
    """Parse the address of a source and remove a trailing slash.

    Raises ValueError for any scheme but http and https, and for a user name, a query or a fragment. The
    messages do not repeat the address: it may contain a password.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        msg = "the address of a source must begin with http:// or https:// and name a host"
        raise ValueError(msg)
    if "@" in url.netloc.decode("ascii", "replace") or url.userinfo:
        msg = "the address of a source must hold no user name or password: give a token instead"
        raise ValueError(msg)
    if url.query or url.fragment:
        msg = "the address of a source must end with its path: no query, no fragment"
        raise ValueError(msg)
    return httpx.URL(str(url).rstrip("/"))


def redirect_target(url: httpx.URL, location: str) -> httpx.URL:
    """Resolve a `Location` header against `url`, without user name and password.

    `location` is a valid address: httpx rejects answers in which it is not.
    """
    return url.join(location).copy_with(username=None, password=None)


def is_same_origin(first: httpx.URL, second: httpx.URL) -> bool:
    """Whether scheme, host and port are equal."""
    return (first.scheme, first.host, first.port) == (second.scheme, second.host, second.port)


def origin(url: httpx.URL) -> str:
    """Scheme, host and port, at most 100 characters: no part that may be secret."""
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"[:100]


def is_loopback(url: httpx.URL) -> bool:
    """Whether the address is on this machine."""
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost" or url.host.endswith(".localhost")
