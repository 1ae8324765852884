"""``/probe`` for those who come from blackbox_exporter: its modules, its parameters, its metrics, our probes."""
