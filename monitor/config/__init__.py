"""YAML in, typed objects out; every mistake at once, with line and column. The only user of yaml."""

from monitor.config.catalogue import Catalogue, catalogue_folder
from monitor.config.envelope import BasicAuth, Limits, LogSettings, Peer, WebSettings, WebTls
from monitor.config.explain import Origin, UnknownCheckError, explain
from monitor.config.foreign import load_foreign
from monitor.config.loader import load, loads
from monitor.config.model import ComponentInfo, Configuration, ServiceInfo, TargetInfo
from monitor.config.problems import ConfigError, Mark, Problem
from monitor.config.schema import json_schema

__all__ = [
    "BasicAuth",
    "Catalogue",
    "ComponentInfo",
    "ConfigError",
    "Configuration",
    "Limits",
    "LogSettings",
    "Mark",
    "Origin",
    "Peer",
    "Problem",
    "ServiceInfo",
    "TargetInfo",
    "UnknownCheckError",
    "WebSettings",
    "WebTls",
    "catalogue_folder",
    "explain",
    "json_schema",
    "load",
    "load_foreign",
    "loads",
]
