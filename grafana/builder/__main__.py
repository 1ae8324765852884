"""Write every dashboard to its file."""

from grafana.builder.files import FOLDER, dashboards

for name, text in dashboards().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
