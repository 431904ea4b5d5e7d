"""The command `landform`: its subcommands, and the one place where exceptions become exit codes."""

from __future__ import annotations

import errno
import gc
import os
import platform
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

import click

from compiler import __version__
from compiler.cli.help import START, SectionedGroup, with_help
from compiler.terraform.synth import EngineError

UNWRITTEN = 1
TOOL_FAILED = 4
DEFECT = 70


class _Commands(SectionedGroup):
    """Imports a command when it is asked for: what another needs costs half a second."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return with_help(name, MODULES[name]().command) if name in MODULES else None


# Each command's module, imported by calling.
MODULES: dict[str, Callable[[], Any]] = {
    "access": lambda: import_module("compiler.cli.commands.access"),
    "affected": lambda: import_module("compiler.cli.commands.affected"),
    "apply": lambda: import_module("compiler.cli.commands.apply"),
    "compile": lambda: import_module("compiler.cli.commands.compile_"),
    "diff": lambda: import_module("compiler.cli.commands.diff"),
    "doctor": lambda: import_module("compiler.cli.commands.doctor"),
    "explain": lambda: import_module("compiler.cli.commands.explain"),
    "graph": lambda: import_module("compiler.cli.commands.graph"),
    "import": lambda: import_module("compiler.cli.commands.import_"),
    "init": lambda: import_module("compiler.cli.commands.init"),
    "kinds": lambda: import_module("compiler.cli.commands.kinds"),
    "lock": lambda: import_module("compiler.cli.commands.lock"),
    "plan": lambda: import_module("compiler.cli.commands.plan"),
    "schema": lambda: import_module("compiler.cli.commands.schema"),
    "validate": lambda: import_module("compiler.cli.commands.validate"),
}


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=START,
)
@click.version_option(__version__, prog_name="landform")
def landform() -> None:
    """Compile a blueprint of an organisation's ML platform into reviewable Terraform JSON."""


def main() -> None:
    """Run the command line; never shows a traceback for anything but a defect of ours."""
    # A command makes records, keeps them all and ends: of 1,000 accounts the collector would take
    # three tenths of the time to look through them, and free next to nothing.
    gc.disable()
    # Python gives None for a stream that was closed before it started: `landform compile 2>&-`.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    _write_what_can_be_written(sys.stdout, sys.stderr)
    try:
        _run()
    finally:
        _let_go(sys.stdout, sys.stderr)


# A full disk, a quota, the limit of a process.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _run() -> NoReturn:
    try:
        # Outside of its standalone mode click gives the code of `Context.exit` back.
        code = landform(prog_name="landform", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; files that were written are whole", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away: `landform kinds | head`. click exits with the same.
        sys.exit(UNWRITTEN)
    except EngineError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(TOOL_FAILED)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            _exit_with_defect()
        click.echo(f"error: cannot write: {error.strerror}", err=True)
        sys.exit(TOOL_FAILED)
    except Exception:
        _exit_with_defect()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _write_what_can_be_written(*streams: TextIO) -> None:
    """Into files and pipes UTF-8, as their readers want: Windows would take cp1252, without arrows.

    A terminal, and who asked for an encoding, has that; what it lacks is shown by its number.
    """
    asked = bool(os.environ.get("PYTHONIOENCODING"))
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            encoding = stream.encoding if asked or stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _let_go(*streams: TextIO) -> None:
    """Python writes what is left once more when it ends, and would complain that it cannot.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _exit_with_defect() -> NoReturn:
    click.echo(_defect_report(), err=True)
    sys.exit(DEFECT)


def _defect_report() -> str:
    return (
        f"{traceback.format_exc()}\n"
        "This is a defect of Landform, not of your blueprint. Please report it with the lines above\n"
        "and, if you may, the smallest blueprint that shows it.\n"
        f"landform {__version__}, Python {platform.python_version()}, {platform.system()}"
    )
