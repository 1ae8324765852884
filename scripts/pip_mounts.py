"""Turn `pip config list` into a pip.conf for an image build, and the mounts that it needs.

    pip config list | python3 scripts/pip_mounts.py PIP_CONF

Writes PIP_CONF and prints buildah's `--volume` options, one a line: PIP_CONF itself, and every local file or directory
that the settings name (certificates, constraints, wheel directories, indexes on disk).
"""

import ast
import configparser
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


def main() -> None:
    """Read standard input, write the file, print the options."""
    target = Path(sys.argv[1]).resolve()
    config = merged(sys.stdin)
    with target.open("w") as file:
        config.write(file)
    print(f"--volume={target}:/etc/pip.conf:ro")
    for path in sorted(set(local_paths(config))):
        print(f"--volume={path}:{path}:ro")


def merged(lines: Iterable[str]) -> configparser.RawConfigParser:
    """One file that says what files and environment said together.

    pip lists in alphabetical order, so that what the environment sets (`:env:.cert='...'`) comes first; it wins in pip.
    """
    config = configparser.RawConfigParser()
    for line in lines:
        name, _, value = line.strip().partition("=")
        origin, _, option = name.rpartition(".")
        section = "global" if origin == ":env:" else origin
        if not config.has_section(section):
            config.add_section(section)
        if not config.has_option(section, option):
            config.set(section, option, str(ast.literal_eval(value)))
    return config


def local_paths(config: configparser.RawConfigParser) -> Iterator[Path]:
    """Yield what must be mounted for the settings to mean the same inside."""
    for section in config.sections():
        for option, value in config.items(section):
            for word in value.split():
                path = Path(word.removeprefix("file://"))
                if path.is_absolute() and path.exists():
                    # The pages of an index may link to files beside it.
                    yield path.parent if option.endswith("index-url") else path


if __name__ == "__main__":
    main()
