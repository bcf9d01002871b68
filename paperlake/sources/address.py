"""Where a source lives: addresses we may ask, and addresses we may be sent to."""

import ipaddress

import httpx


def source_address(text: str) -> httpx.URL:
    """The address of a source, without a closing slash.

    Raises ValueError for anything but http and https, and for a user, a query or a fragment in it. The
    messages don't repeat the address: it may hold a password.
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


def redirected(asked: httpx.URL, location: str) -> httpx.URL:
    """Where a `Location` points to, without userinfo; httpx has let no answer pass where that is no address."""
    return asked.join(location).copy_with(username=None, password=None)


def is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether scheme, host and port are the same."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def origin(url: httpx.URL) -> str:
    """The address without what may be secret or long."""
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"[:100]


def is_loopback(url: httpx.URL) -> bool:
    """Whether the address is this machine."""
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost" or url.host.endswith(".localhost")
