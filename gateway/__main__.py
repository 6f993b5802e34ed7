"""`rfid-gateway` and `python -m gateway`."""

from __future__ import annotations


def main() -> None:
    """Run the command line; see gateway/cli/main.py."""
    from gateway.cli.main import run_command_line  # noqa: PLC0415

    run_command_line()


if __name__ == "__main__":
    main()
