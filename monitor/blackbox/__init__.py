"""``/probe`` for those who come from blackbox_exporter: its modules, its parameters, its metrics, our probes."""

from monitor.blackbox.handler import Blackbox, Modules, load_modules

__all__ = ["Blackbox", "Modules", "load_modules"]
