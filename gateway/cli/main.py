"""The command line: a table of commands, each in a file of its own, imported when it is called.

Exit codes: 0 fine, 1 problems that the command found or a user's mistake in a file, 2 usage.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys

from gateway import __version__
from gateway.errors import GatewayError

#: command → (module with an `app`, one line of help). A new command is one file and one row.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("gateway.cli.demo", "A simulated warehouse with the whole gateway, in one command."),
    "init": ("gateway.cli.init", "Write a commented site directory."),
    "check": ("gateway.cli.check", "Validate everything that a person wrote."),
    "run": ("gateway.cli.run", "Run the gateway."),
    "reload": ("gateway.cli.reload", "Have a running gateway take up changed rules."),
    "where": ("gateway.cli.where", "Ask a running gateway where something is."),
    "history": ("gateway.cli.history", "What has happened to a tag, and why."),
    "tail": ("gateway.cli.tail", "Follow the movements of a running gateway."),
    "replay": ("gateway.cli.replay", "Run recordings through the same core, offline."),
    "calibrate": ("gateway.cli.calibrate", "Measure a site by labelled walks."),
    "outbox": ("gateway.cli.outbox", "What waits for the sinks, and what they refused."),
    "alerts": ("gateway.cli.alerts", "What fires: list, acknowledge, silence."),
    "items": ("gateway.cli.items", "The item master: import, list."),
    "shipments": ("gateway.cli.shipments", "What ought to go through the doors."),
    "backup": ("gateway.cli.backup", "Everything that the gateway knows, in one file."),
    "restore": ("gateway.cli.restore", "Put a backup in place."),
    "record": ("gateway.cli.record", "Record the inputs of a running gateway."),
    "emulate": ("gateway.cli.emulate", "LLRP reader emulators, for tests and load."),
    "llrp": ("gateway.cli.llrp", "Decode and encode raw LLRP bytes."),
    "epc": ("gateway.cli.epc", "Decode and encode EPCs: hex, URI, Digital Link."),
    "config": ("gateway.cli.config", "Show the settings in force, or their JSON Schema."),
    "rules": ("gateway.cli.rules", "Check, test, backtest and explain rule files."),
    "bench": ("gateway.cli.bench", "The benchmarks behind docs/benchmarks.md."),
}


#: Nothing is wrong with the program when what it says is not taken.
_NOT_TAKEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def run_command_line() -> None:
    """Run `sys.argv`; a user's mistake ends in one sentence on standard error, no traceback."""
    try:
        try:
            sys.exit(_dispatch(sys.argv[1:]))
        finally:
            sys.stdout.flush()
    except GatewayError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in _NOT_TAKEN:
            raise
        _forget_output()
        if error.errno != errno.EPIPE:  # else whoever read has had enough
            what = error.filename or "standard output"
            sys.stderr.write(f"{what}: cannot be written: {error.strerror}\n")
        sys.exit(1)


def _forget_output() -> None:
    """Have what is still in the buffer go nowhere, so that nobody tries to write it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(args: list[str]) -> int:
    """Find the command in the table and hand the rest of the line to its app."""
    name = args[0] if args else "--help"
    if name in ("--help", "-h", "help"):
        sys.stdout.write(_help())
        return 0
    if name == "--version":
        sys.stdout.write(f"rfid-gateway {__version__}\n")
        return 0
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        sys.stderr.write(f"rfid-gateway: there is no command '{name}'.{hint} See --help.\n")
        return 2
    app = importlib.import_module(COMMANDS[name][0]).app
    app(args=args[1:], prog_name=f"rfid-gateway {name}")
    return 0


def _help() -> str:
    rows = "\n".join(f"  {name:<10} {summary}" for name, (_, summary) in COMMANDS.items())
    return (
        "Usage: rfid-gateway COMMAND [OPTIONS]\n\n"
        "RFID and sensor gateway: tag reads in, movements of stock out.\n\n"
        f"Commands:\n{rows}\n\n"
        "rfid-gateway COMMAND --help explains one command; rfid-gateway --version.\n"
        "Example: rfid-gateway demo\n"
    )
