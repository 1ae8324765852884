"""Write docs/probes/NAME.md from the docstrings of the probes; `make manuals` runs it, a test sees that it was."""

import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from monitor.registry import PROBES  # the path comes first

FOLDER = Path(__file__).parents[1] / "docs/probes"


def manuals() -> dict[str, str]:
    """By file name: the manual of each module of probes, its first line as the heading."""
    modules = {kind.__module__: inspect.getmodule(kind) for kind in PROBES.values()}
    pages = {}
    for name, module in modules.items():
        text = inspect.cleandoc(module.__doc__ or "")
        heading, _, body = text.partition("\n")
        pages[f"{name.rpartition('.')[2]}.md"] = f"# {heading}\n{_as_markdown(body)}\n"
    return pages


def _as_markdown(text: str) -> str:
    """Literal blocks of reStructuredText as fenced ones; double backquotes as single."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside and line and not line.startswith(" "):
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            inside = False
        if line.endswith("::"):
            lines += [line[:-1].replace("``", "`"), "", "```yaml"]
            inside = True
        elif inside:
            if line or lines[-1] != "```yaml":
                lines.append(line[4:])
        else:
            lines.append(line.replace("``", "`"))
    return "\n".join([*lines, *(["```"] if inside else [])])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file_name, page in manuals().items():
        (FOLDER / file_name).write_text(page)
        print(FOLDER.name, file_name)
