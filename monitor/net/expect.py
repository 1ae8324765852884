"""What a final HTTP response must be: status, version, header fields, body, JSON."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from monitor.domain import jsonpath
from monitor.domain.attempt import Run
from monitor.domain.failures import ProbeFailed
from monitor.domain.settings import Settings, Strings, as_tuple
from monitor.domain.text import Expression, compiled, shown
from monitor.domain.words import Reason
from monitor.net.http import Response, status_failure

_CLASS = re.compile(r"([1-5])xx")
_RANGE = re.compile(r"([1-5]\d\d)-([1-5]\d\d)")


def _span(item: str | int) -> range:
    """The statuses that one item of ``status`` stands for. Raises ValueError."""
    text = str(item)
    if found := _CLASS.fullmatch(text):
        return range(int(found[1]) * 100, int(found[1]) * 100 + 100)
    if found := _RANGE.fullmatch(text):
        return range(int(found[1]), int(found[2]) + 1)
    if text.isdigit() and 100 <= int(text) <= 599:
        return range(int(text), int(text) + 1)
    raise ValueError(f"not a status: {item!r}; write 200, 2xx or 200-299")


@lru_cache(maxsize=256)
def _statuses(items: tuple[str | int, ...]) -> frozenset[int]:
    return frozenset().union(*map(_span, items))


def _check_statuses(items: tuple[str | int, ...]) -> tuple[str | int, ...]:
    for item in items:
        _span(item)
    return items


Statuses = Annotated[tuple[str | int, ...], BeforeValidator(as_tuple), AfterValidator(_check_statuses)]
Expressions = Annotated[tuple[Expression, ...], BeforeValidator(as_tuple)]


class Genuine(Settings):
    """What every answer of the provider has; one without it is somebody else's."""

    header: Mapping[str, Expression] = {}
    body: Expressions = ()


class Expect(Settings):
    """What the final response must be."""

    status: Statuses = ("2xx",)
    http_version: Strings = ()
    header: Mapping[str, Expression] = {}
    not_header: Mapping[str, Expression] = {}
    body: Expressions = ()
    not_body: Expressions = ()
    json_: jsonpath.JsonConditions = Field(default={}, alias="json")
    max_bytes: int | None = Field(default=None, ge=0)
    genuine: Genuine = Genuine()
    """Of every answer but 5xx, redirects included, not of the final one alone."""


class Judge:
    """An `Expect` made ready for many responses."""

    def __init__(self, expect: Expect) -> None:
        self._expect = expect
        self._statuses = _statuses(expect.status)
        self._header = _by_name(expect.header)
        self._not_header = _by_name(expect.not_header)
        self._body = [compiled(text) for text in expect.body]
        self._not_body = [compiled(text) for text in expect.not_body]
        self._genuine_header = _by_name(expect.genuine.header)
        self._genuine_body = [compiled(text) for text in expect.genuine.body]

    def check_genuine(self, run: Run, response: Response) -> None:
        """Raise ProbeFailed http/injected for an answer that is not the provider's. Those of 5xx may be any proxy's."""
        if response.status >= 500:
            return
        for name, pattern in self._genuine_header:
            if not any(known == name and pattern.search(value) for known, value in response.headers):
                raise _injected(run, response, f"header {name.decode()}")
        for pattern in self._genuine_body:
            if not pattern.search(response.body):
                raise _injected(run, response, _said(pattern))

    def check(self, run: Run, response: Response, now: Callable[[], float]) -> None:
        """Raise ProbeFailed http/status, header, size, body or json for the first thing that is wrong."""
        if response.status not in self._statuses:
            raise status_failure(run, response, now())
        versions = self._expect.http_version
        if versions and response.version not in versions:
            raise run.failed(Reason.STATUS, f"HTTP version {response.version}, not {' or '.join(versions)}")
        self._check_header(run, response)
        if self._expect.max_bytes is not None and (response.truncated or len(response.body) > self._expect.max_bytes):
            raise run.failed(Reason.SIZE, f"a body of more than {self._expect.max_bytes} bytes")
        self._check_body(run, response)

    def _check_header(self, run: Run, response: Response) -> None:
        for name, pattern in self._header:
            values = [value for known, value in response.headers if known == name]
            if not any(pattern.search(value) for value in values):
                said = shown(values[0]) if values else "absent"
                raise run.failed(Reason.HEADER, f"header {name.decode()} is {said}, no match for {_said(pattern)}")
        for name, pattern in self._not_header:
            for known, value in response.headers:
                if known == name and pattern.search(value):
                    raise run.failed(
                        Reason.HEADER, f"header {name.decode()} is {shown(value)}: a match for {_said(pattern)}"
                    )

    def _check_body(self, run: Run, response: Response) -> None:
        for pattern in self._body:
            if not pattern.search(response.body):
                raise run.failed(Reason.BODY, f"no match for {_said(pattern)} in {_amount(response)}")
        for pattern in self._not_body:
            if pattern.search(response.body):
                raise run.failed(Reason.BODY, f"a match for {_said(pattern)}, which must not be there")
        if self._expect.json_:
            wrong = jsonpath.complaint(response.body, self._expect.json_)
            if wrong:
                raise run.failed(Reason.JSON, f"{wrong} (in {_amount(response)})" if response.truncated else wrong)


def _injected(run: Run, response: Response, mark: str) -> ProbeFailed:
    location = response.header(b"location")
    leads = "" if location is None else f" and leads to {shown(location)}"
    return run.failed(
        Reason.INJECTED, f"status {response.status} lacks {mark}, which all of the provider's answers have{leads}"
    )


def _by_name(expressions: Mapping[str, str]) -> list[tuple[bytes, re.Pattern[bytes]]]:
    return [(name.lower().encode(), compiled(text)) for name, text in expressions.items()]


def _said(pattern: re.Pattern[bytes]) -> str:
    return shown(pattern.pattern.decode())


def _amount(response: Response) -> str:
    return f"the first {len(response.body)} bytes" if response.truncated else f"{len(response.body)} bytes"
