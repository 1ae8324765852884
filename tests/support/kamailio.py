"""The Kamailio SIP server, on loopback."""

from pathlib import Path

from tests.support.servers import ServerProcess, free_port

_MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
_CONFIGURATION = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
user_agent_header="User-Agent: Kamailio"
server_header="Server: Kamailio"
listen=udp:127.0.0.1:{port}
listen=udp:[::1]:{port}
listen=tcp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
{tls}
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (!is_method("OPTIONS")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
  if ($rU == "busy") {{ append_to_reply("Retry-After: 7\\r\\n"); sl_send_reply("503", "Service Unavailable"); exit; }}
  if ($rU == "ill") {{ sl_send_reply("500", "Server Internal Error"); exit; }}
  if ($rU == "late") {{ sl_send_reply("100", "Trying"); sl_send_reply("200", "OK"); exit; }}
  if ($rU == "secret") {{ sl_send_reply("401", "Unauthorized"); exit; }}
  if ($rU != $null) {{ sl_send_reply("404", "Not Found"); exit; }}
  append_to_reply("Allow: OPTIONS, INVITE\\r\\n");
  sl_send_reply("200", "OK");
}}
"""
_TLS = """
enable_tls=yes
listen=tls:127.0.0.1:{port}
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
"""


class Kamailio(ServerProcess):
    """``address`` speaks SIP over UDP and TCP, ``tls`` over TLS for a leaf. Whoever is asked for decides the answer:
    busy 503, ill 500, secret 401, late 100 before 200, nobody 200, anybody else 404.
    """

    packets = True

    def __init__(self, folder: Path, leaf: tuple[Path, Path] | None = None) -> None:
        port, secure = free_port(), free_port()
        tls = "" if leaf is None else _TLS.format(port=secure, certificate=leaf[0], key=leaf[1])
        configuration = folder / "kamailio.cfg"
        configuration.write_text(_CONFIGURATION.format(port=port, modules=_MODULES, tls=tls))
        places: list[str | Path] = ["-f", configuration, "-P", folder / "pid", "-Y", folder, "-w", folder]
        super().__init__(
            folder, ["kamailio", "-DD", "-E", *places, "-m", "64", "-M", "4"], port, [] if leaf is None else [secure]
        )
        self.tls = f"localhost:{secure}"
