"""Write what documents take from the code; `make manuals` runs it, tests see that it was.

docs/probes/NAME.md and docs/channels/NAME.md are the docstrings of a kind of probe
and of channel; docs/judgement.md has its diagrams from the tables of the judgement.
"""

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from monitor.judgement.tables import CHECK, WINDOW, diagram  # the path comes first
from monitor.registry import CHANNELS, PROBES

DOCUMENTS = Path(__file__).parents[1] / "docs"
FOLDERS: Mapping[str, Mapping[str, type]] = {"probes": PROBES, "channels": CHANNELS}
JUDGEMENT = DOCUMENTS / "judgement.md"
DIAGRAMS = {"check": diagram(CHECK), "window": diagram(WINDOW)}


def manuals(folder: str = "probes") -> dict[str, str]:
    """By file name: the manual of each module of probes or channels, its first line as the heading."""
    modules = {kind.__module__: inspect.getmodule(kind) for kind in FOLDERS[folder].values()}
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


def with_diagrams(text: str) -> str:
    """``text`` with the diagram that each ``<!-- diagram: NAME -->`` asks for."""
    return re.sub(
        r"(<!-- diagram: (\w+) -->\n+```mermaid\n).*?(?=```)",
        lambda found: found[1] + DIAGRAMS[found[2]],
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for folder in FOLDERS:
        (DOCUMENTS / folder).mkdir(parents=True, exist_ok=True)
        for file_name, page in manuals(folder).items():
            (DOCUMENTS / folder / file_name).write_text(page)
            print(folder, file_name)
    JUDGEMENT.write_text(with_diagrams(JUDGEMENT.read_text()))
    print(JUDGEMENT.name)
