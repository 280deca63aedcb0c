"""Passwords in the URLs of databases, which must not be written where others can read them."""

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit


def split_password(url: str) -> tuple[str, str | None]:
    """Return the URL of a database without its password, and the password; None if it has none.

    A URL that cannot be understood is returned as it is: what is wrong with it is said when it is opened.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, None
    query = parse_qsl(parts.query)
    password = unquote(parts.password) if parts.password else dict(query).get("password")
    if not password:
        return url, None
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}" if user else host
    rest = urlencode([(name, value) for name, value in query if name != "password"])
    return urlunsplit(parts._replace(netloc=netloc, query=rest)), password
