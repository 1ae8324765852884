"""The configuration that the demo runs with, as text: what a person could have written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.demo.standins import ACCEPTED, HELLO, MESSAGE, WELCOME, StandIn
from monitor.demo.story import Story
from monitor.judgement.rules import Rules

_ASKING = ("interval: 1s", "timeout: 700ms", "confirm: {attempts: 2, delay: 200ms}")
_FIRST_WITNESS = 64496
"""Each witness in a network of its own. AS64496 to AS64511 are for documentation (RFC 5398)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is not the story's."""

    listen: str
    store: str
    speed: float


def write(story: Story, stand_ins: Iterable[StandIn], wishes: Wishes) -> str:
    """YAML that `lastseen run` takes as well."""
    services: dict[str, list[StandIn]] = {}
    for one in stand_ins:
        services.setdefault("" if one.target.control else one.target.service, []).append(one)
    witnesses = services.pop("", [])
    return "\n".join((*_head(story, wishes), *_services(story, services.values()), *_witnesses(witnesses), ""))


def _head(story: Story, wishes: Wishes) -> Iterator[str]:
    (vantage,) = story.scenario.vantages
    yield "# What `lastseen demo` watches while it runs: stand-ins on loopback, not the networks themselves."
    yield f"vantage: {{name: {vantage.name}, network: {vantage.network}}}"
    yield f"store: {_quoted(wishes.store)}"
    yield f"web: {{listen: {_quoted(wishes.listen)}}}"
    yield "log: {level: error}   # the demo tells its story itself"
    yield "second_resolver: none   # nothing here has a name, and nobody outside is asked"
    yield f"judgement: {{quiet: {max(1, round(Rules().quiet / wishes.speed))}s}}   # a quarter of an hour of that day"


def _services(story: Story, services: Iterable[list[StandIn]]) -> Iterator[str]:
    yield "services:"
    for members in services:
        target = members[0].target
        yield f"  - name: {target.service}"
        yield f"    title: {story.title(target.service)}"
        yield f"    provider: {target.provider}"
        yield from (f"    {line}" for line in _ASKING)
        yield "    components:"
        has_chat = not all(one.speaks_http for one in members)
        for one in members:
            yield f"      - name: {one.target.component}"
            if has_chat and one.speaks_http:
                yield "        critical: false   # as in the catalogue: what people name is the chat"
            yield f"        targets: [{_target(one)}]"


def _witnesses(witnesses: Iterable[StandIn]) -> Iterator[str]:
    yield "witnesses:"
    for number, one in enumerate(witnesses, _FIRST_WITNESS):
        yield f"  - {{{_probe(one)}, network: AS{number}, foreign: false, {', '.join(_ASKING[:2])}}}"


def _target(one: StandIn) -> str:
    if one.speaks_http:
        return f"{{{_probe(one)}}}"
    steps = ((HELLO, WELCOME), (MESSAGE, ACCEPTED))
    dialogue = ", ".join(f"{{send: {_quoted(said)}, expect: {_quoted(f'^{heard}')}}}" for said, heard in steps)
    return f"{{{_probe(one)}, dialogue: [{dialogue}]}}"


def _probe(one: StandIn) -> str:
    return f'probe: http, url: "http://{one.address}/"' if one.speaks_http else f'probe: tcp, address: "{one.address}"'


def _quoted(text: str) -> str:
    """A string of YAML; a dollar in it is a dollar, and asks the environment nothing."""
    return json.dumps(text.replace("$", "$$"))
