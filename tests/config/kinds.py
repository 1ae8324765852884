"""The kinds that these tests hand to the loader: two real ones, and one with secrets at every depth."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from monitor.config import Catalogue, ConfigError, Configuration, Problem, loads
from monitor.domain.settings import Duration, ProbeSettings, Proxy, Secret, Settings
from monitor.registry import PROBE_SETTINGS


class Account(Settings):
    user: str
    password: Secret

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.password.get_secret_value() == self.user:
            raise ValueError(f"the password {self.password.get_secret_value()} is the user's name")
        return self


class Extra(Settings):
    mode: Literal["plain", "oauth"] = "plain"
    wait: Duration = 5.0
    ratio: float = 1.0
    from_: str = Field(default="", alias="from")


class LoginSettings(ProbeSettings):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    account: Account | None = None
    token: Secret | None = None
    accounts: tuple[Account, ...] = ()
    extra: Extra = Extra()
    either: str | Extra | None = None
    says: Any = None
    via: Proxy | None = None

    @property
    @override
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"


class NamedSettings(ProbeSettings):
    """Like dns: `name` is a setting of the kind."""

    name: str
    type: str = "A"

    @property
    @override
    def endpoint(self) -> str:
        return f"{self.name}/{self.type}"


KINDS: dict[str, type[ProbeSettings]] = {
    "tcp": PROBE_SETTINGS["tcp"],
    "tls": PROBE_SETTINGS["tls"],  # the default witnesses are of this kind
    "login": LoginSettings,
    "named": NamedSettings,
}


def read(text: str, *, catalogue: Catalogue | None = None, **environ: str) -> Configuration:
    """The configuration in a text, which messages call f.yaml."""
    return loads(text, KINDS, catalogue, environ, name="f.yaml")


def mistakes(text: str, *, catalogue: Catalogue | None = None, **environ: str) -> list[str]:
    """All messages about a text."""
    return [str(problem) for problem in problems(text, catalogue=catalogue, **environ)]


def problems(text: str, *, catalogue: Catalogue | None = None, **environ: str) -> tuple[Problem, ...]:
    try:
        read(text, catalogue=catalogue, **environ)
    except ConfigError as error:
        return error.problems
    return ()


def target(line: str, *, above: str = "") -> str:
    """A file with one service and one target, which stands in line 6, its first key in column 12."""
    return f"""\
services:
  - name: acme
    {above or "title: Acme"}
    components:
      - name: home
        targets: [{line}]
"""
