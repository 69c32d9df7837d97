"""What of an address may be shown. Plain Python, without anything that checks studies."""

from urllib.parse import urlsplit, urlunsplit


def without_password(location: str) -> str:
    """Leave user name and password out of an address."""
    parts = urlsplit(location)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else location
