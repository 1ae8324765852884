"""The only list of kinds: the name in the config -> the class.

Adding a kind is one new file in probes/ or channels/, its test, and one line here.
"""

from monitor.channels.alertmanager import AlertmanagerChannel
from monitor.channels.apprise import AppriseChannel
from monitor.channels.command import CommandChannel
from monitor.channels.email import EmailChannel
from monitor.channels.pagerduty import PagerdutyChannel
from monitor.channels.telegram import TelegramChannel
from monitor.channels.webhook import WebhookChannel
from monitor.domain.ports import Channel, Probe
from monitor.probes.amqp import AmqpProbe
from monitor.probes.discord import DiscordProbe
from monitor.probes.dns import DnsProbe
from monitor.probes.http import HttpProbe
from monitor.probes.icmp import IcmpProbe
from monitor.probes.imap import ImapProbe
from monitor.probes.irc import IrcProbe
from monitor.probes.kafka import KafkaProbe
from monitor.probes.matrix import MatrixProbe
from monitor.probes.mqtt import MqttProbe
from monitor.probes.nats import NatsProbe
from monitor.probes.signal import SignalProbe
from monitor.probes.sip import SipProbe
from monitor.probes.smtp import SmtpProbe
from monitor.probes.statuspage import StatuspageProbe
from monitor.probes.stun import StunProbe
from monitor.probes.tcp import TcpProbe
from monitor.probes.telegram import TelegramProbe
from monitor.probes.threema import ThreemaProbe
from monitor.probes.tls import TlsProbe
from monitor.probes.websocket import WebSocketProbe
from monitor.probes.whatsapp import WhatsAppProbe
from monitor.probes.xmpp import XmppProbe

PROBES: dict[str, type[Probe]] = {
    "amqp": AmqpProbe,
    "discord": DiscordProbe,
    "dns": DnsProbe,
    "http": HttpProbe,
    "https": HttpProbe,
    "icmp": IcmpProbe,
    "imap": ImapProbe,
    "irc": IrcProbe,
    "kafka": KafkaProbe,
    "matrix": MatrixProbe,
    "mqtt": MqttProbe,
    "nats": NatsProbe,
    "signal": SignalProbe,
    "sip": SipProbe,
    "smtp": SmtpProbe,
    "statuspage": StatuspageProbe,
    "stun": StunProbe,
    "tcp": TcpProbe,
    "telegram": TelegramProbe,
    "threema": ThreemaProbe,
    "tls": TlsProbe,
    "websocket": WebSocketProbe,
    "whatsapp": WhatsAppProbe,
    "xmpp": XmppProbe,
}

CHANNELS: dict[str, type[Channel]] = {
    "alertmanager": AlertmanagerChannel,
    "apprise": AppriseChannel,
    "command": CommandChannel,
    "email": EmailChannel,
    "pagerduty": PagerdutyChannel,
    "telegram": TelegramChannel,
    "webhook": WebhookChannel,
}
