"""The only list of kinds: the name in the config -> the module and class.

Adding a kind is one new file in probes/ or channels/, its test, and one line here. A module is imported when its kind
is asked for: a monitor uses some of them, and waits for no other when it starts.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any, Generic, TypeVar

from typing_extensions import override

from monitor.domain.alert import ChannelSettings
from monitor.domain.ports import Channel, Probe
from monitor.domain.settings import ProbeSettings

_K = TypeVar("_K")
_T = TypeVar("_T")


class _OnDemand(Mapping[str, _T], Generic[_K, _T]):
    """``make`` of another mapping's values, each time one is asked for."""

    def __init__(self, origins: Mapping[str, _K], make: Callable[[_K], _T]) -> None:
        self._origins = origins
        self._make = make

    @override
    def __getitem__(self, key: str) -> _T:
        return self._make(self._origins[key])

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    @override
    def __len__(self) -> int:
        return len(self._origins)


@cache
def _class(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


PROBES: Mapping[str, type[Probe]] = _OnDemand(
    {
        "amqp": "monitor.probes.amqp:AmqpProbe",
        "discord": "monitor.probes.discord:DiscordProbe",
        "dns": "monitor.probes.dns:DnsProbe",
        "http": "monitor.probes.http:HttpProbe",
        "https": "monitor.probes.http:HttpProbe",
        "icmp": "monitor.probes.icmp:IcmpProbe",
        "imap": "monitor.probes.imap:ImapProbe",
        "irc": "monitor.probes.irc:IrcProbe",
        "kafka": "monitor.probes.kafka:KafkaProbe",
        "matrix": "monitor.probes.matrix:MatrixProbe",
        "mqtt": "monitor.probes.mqtt:MqttProbe",
        "nats": "monitor.probes.nats:NatsProbe",
        "signal": "monitor.probes.signal:SignalProbe",
        "sip": "monitor.probes.sip:SipProbe",
        "smtp": "monitor.probes.smtp:SmtpProbe",
        "statuspage": "monitor.probes.statuspage:StatuspageProbe",
        "stun": "monitor.probes.stun:StunProbe",
        "tcp": "monitor.probes.tcp:TcpProbe",
        "telegram": "monitor.probes.telegram:TelegramProbe",
        "threema": "monitor.probes.threema:ThreemaProbe",
        "tls": "monitor.probes.tls:TlsProbe",
        "websocket": "monitor.probes.websocket:WebSocketProbe",
        "whatsapp": "monitor.probes.whatsapp:WhatsAppProbe",
        "xmpp": "monitor.probes.xmpp:XmppProbe",
    },
    _class,
)
PROBE_SETTINGS: Mapping[str, type[ProbeSettings]] = _OnDemand(PROBES, attrgetter("settings_type"))

CHANNELS: Mapping[str, type[Channel]] = _OnDemand(
    {
        "alertmanager": "monitor.channels.alertmanager:AlertmanagerChannel",
        "apprise": "monitor.channels.apprise:AppriseChannel",
        "command": "monitor.channels.command:CommandChannel",
        "email": "monitor.channels.email:EmailChannel",
        "pagerduty": "monitor.channels.pagerduty:PagerdutyChannel",
        "telegram": "monitor.channels.telegram:TelegramChannel",
        "webhook": "monitor.channels.webhook:WebhookChannel",
    },
    _class,
)
CHANNEL_SETTINGS: Mapping[str, type[ChannelSettings]] = _OnDemand(CHANNELS, attrgetter("settings_type"))
