"""The dashboards as code: `dashboards` makes what grafana/dashboards has, ``python -m grafana.builder`` writes it."""

from grafana.builder.files import FOLDER, dashboards

__all__ = ["FOLDER", "dashboards"]
