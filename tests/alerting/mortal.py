"""Decides and delivers until it is killed; again and again, each line on stdin being one life.

The line is the path of the store, the port of a web server that takes letters,
and the seconds that the life may last; 0 stands for a life that decides
nothing, and ends by itself when nothing waits any more. The answer is the
number of the last message that was decided, as far as this life knew. All is
imported once; each life is a fork.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp

import monitor.store.migrate  # what the store imports late: in a fork it is there already
import monitor.store.posting
import monitor.store.statements  # noqa: F401  # as above
from monitor.alerting.lines import Line
from monitor.alerting.post_office import Books, Patience, PostOffice
from monitor.alerting.scribe import Knowledge, Scribe
from monitor.channels.webhook import WebhookChannel, WebhookSettings
from monitor.clock import SystemClock
from monitor.domain.alert import Message, Route, Way
from monitor.domain.ruling import Ruling
from monitor.domain.words import Event, Severity
from monitor.formats.edition import Edition
from monitor.logs import set_up_logs
from monitor.store import Store
from tests.support.judged import a_window

_TALKS = 3
_PATIENCE = Patience(first_pause=0.002, longest_wait=0.05, first_check=60.0, round_pause=0.01, longest_pause=0.05)


def _message(number: int, clock: SystemClock) -> Message:
    """Three conversations that go on in turns; every one of their messages must arrive."""
    window = a_window(number % _TALKS, id=f"w{number % _TALKS}")
    return Message(
        route="r",
        conversation=window.id,
        number=number // _TALKS + 1,
        event=Event.OPENED,
        severity=Severity.MAJOR,
        decided=clock.now(),
        windows=(window,),
    )


async def _live(path: Path, port: int, told: int, *, is_last: bool) -> None:
    clock, store = SystemClock(), Store(f"sqlite:///{path}")
    store.claim()
    number = int((await store.resume()).memory.get("number", "-1"))
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        office = _office(clock, store, port, session)
        work = tasks.create_task(office.run(lambda: 60.0))
        while not is_last:
            number += 1
            message = _message(number, clock)
            store.keep(Ruling(at=clock.now(), messages=(message,), memory=(("number", str(number)),)))
            await store.kept()
            os.write(told, f"{number}\n".encode())
            office.take([message])
            await asyncio.sleep(0.001)
        while await store.waiting_posts():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.02)
        os.write(told, f"{number}\n".encode())
        work.cancel()
    await store.close()


def _office(clock: SystemClock, store: Store, port: int, session: aiohttp.ClientSession) -> PostOffice:
    knowledge = Knowledge(
        edition=lambda: Edition(now=clock.now(), site="here"),
        quiet=lambda: 900.0,
        instead=lambda _: (),
        acknowledge=lambda _: "",
        routes=dict,
    )
    books = Books(waiting=store.waiting_posts, sent=store.sent_posts, update=store.update_post)
    office = PostOffice(clock, books, Scribe(knowledge), lambda _: "", _PATIENCE)
    settings = WebhookSettings.model_validate({"url": f"http://127.0.0.1:{port}/"})
    way = Way(name="hook", kind="webhook", settings=settings)
    office.replace([Route(name="r", channels=("hook",))], [Line(way=way, channel=WebhookChannel(settings, session))])
    return office


def main() -> None:
    """Until there are no more lines."""
    set_up_logs("error", "console")  # stdout is for the answers
    for line in sys.stdin:
        path, port, seconds = line.split()
        is_last = float(seconds) == 0
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_live(Path(path), int(port), told, is_last=is_last))
            finally:
                os._exit(0 if is_last else 1)
        os.close(told)
        with os.fdopen(heard) as words:
            if not is_last:
                time.sleep(float(seconds))
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            said = words.readlines()
        if os.WIFSIGNALED(status) is is_last:
            sys.exit(f"the child ended otherwise: {status}")
        sys.stdout.write(said[-1] if said else "-1\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
