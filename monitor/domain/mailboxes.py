"""Which service of the catalogue carries the mail of a domain."""

from collections.abc import Mapping

_CARRIERS: Mapping[str, str] = {
    "gmail.com": "gmail",
    "googlemail.com": "gmail",
    "hotmail.com": "outlook",
    "live.com": "outlook",
    "msn.com": "outlook",
    "office365.com": "outlook",
    "outlook.com": "outlook",
    "pm.me": "proton",
    "proton.me": "proton",
    "protonmail.ch": "proton",
    "protonmail.com": "proton",
}


def mail_carrier(host: str) -> str | None:
    """The service behind a domain of mailboxes, or behind a relay's name; None when it is not known."""
    labels = host.lower().rstrip(".").split(".")
    return next((_CARRIERS[name] for at in range(len(labels)) if (name := ".".join(labels[at:])) in _CARRIERS), None)
