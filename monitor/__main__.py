"""``python -m monitor`` is ``lastseen``."""

import gc

gc.disable()  # what an import makes stays: looking through it again and again costs a quarter of the start

from monitor import cli  # noqa: E402  # the collector must be off before


def main() -> None:
    """Entry point of the ``lastseen`` command."""
    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
