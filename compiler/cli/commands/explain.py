"""`landform explain`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compiler.catalogue import CODES
from compiler.cli.options import (
    BLUEPRINT_ERRORS,
    blueprint_argument,
    color_option,
    format_choice,
    show,
)
from compiler.cli.progress import progress
from compiler.codes import Code
from compiler.diagnostics import has_errors, nearest

if TYPE_CHECKING:
    from compiler.compilation import Compilation
    from compiler.explaining.address import Address


@click.command("explain")
@click.argument("target")
@blueprint_argument
@format_choice()
@color_option
@click.pass_context
def command(context: click.Context, target: str, path: Path, format_: str, color: str) -> None:
    """Explain a diagnostic code, or say where something comes from.

    \b
    E402                                       a code: what it means, what to do
    aws/shared/churn                           a stack
    aws/shared/churn:aws_kms_key.artifacts     a resource, or output.NAME
    aws/shared/churn:TYPE.NAME.ATTRIBUTE       an attribute; a statement by its Sid
    accounts.production.vars                   values of the blueprint

    For a stack and what is in it: the lines of the blueprint that it follows, found by trying what
    changes with them; the kind; the grants whose statements stand in it; which line set an inherited
    value, and which it overrode. PATH is the blueprint.
    """
    if re.fullmatch(r"[A-Za-z]\w{0,5}", target):
        click.echo(_of_code(_code(target), format_), nl=False)
        return
    # Not imported for a code: what compiles a blueprint takes a quarter of a second.
    from compiler.compilation import compile_blueprints
    from compiler.explaining.address import read

    address = read(target)
    if address is None:
        raise click.UsageError(
            f'"{target}" is no code, stack (aws/ACCOUNT/COMPONENT), resource in one '
            "(aws/ACCOUNT/COMPONENT:TYPE.NAME) or value (accounts.NAME.KEY)"
        )
    with progress("checking"):
        compilation = compile_blueprints(path)
    show(compilation.diagnostics, compilation.sources, "text", color)
    if has_errors(compilation.diagnostics):
        context.exit(BLUEPRINT_ERRORS)
    sys.stdout.write(_answered(compilation, address, format_))


def _answered(compilation: Compilation, address: Address, format_: str) -> str:
    """The answer of the one blueprint that has the address."""
    from compiler.cli import explain_report
    from compiler.explaining.address import InBlueprint
    from compiler.explaining.answer import AddressError, Explainer

    errors: list[str] = []
    answers: dict[str, str] = {}
    for one, files in zip(compilation.blueprints, compilation.read, strict=True):
        if not isinstance(address, InBlueprint) and address.organization not in (
            None,
            "generated",
            one.organization,
        ):
            continue
        explainer = Explainer(one, files)
        as_json = format_ == "json"
        try:
            with progress("trying"):
                if isinstance(address, InBlueprint):
                    found = explainer.in_blueprint(address)
                    shown = (
                        explain_report.settings_json if as_json else explain_report.settings_text
                    )
                    answers[one.organization] = shown(address, found)
                else:
                    answer = explainer.in_stack(address)
                    written = explain_report.as_json if as_json else explain_report.as_text
                    answers[one.organization] = written(answer)
        except AddressError as error:
            errors.append(str(error))
    if len(answers) > 1:
        names = ", ".join(answers)
        raise click.UsageError(f'several organisations have "{address}" ({names}): name a PATH')
    if not answers:
        raise click.UsageError(errors[0] if errors else f'no organisation has "{address}"')
    return next(iter(answers.values()))


def _code(text: str) -> Code:
    code = CODES.get(text.upper())
    if code is None:
        guess = nearest(text.upper(), CODES)
        hint = f' Did you mean "{guess}"?' if guess else ""
        raise click.UsageError(f'there is no code "{text}".{hint}')
    return code


def _of_code(code: Code, format_: str) -> str:
    if format_ == "json":
        return json.dumps({"version": 1, **asdict(code)}, indent=2, ensure_ascii=False) + "\n"
    return (
        f"{code.code}: {code.title}\n\n{code.explanation}\n\n"
        f"Wrong:\n\n{_indented(code.wrong)}\nRight:\n\n{_indented(code.right)}"
    )


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.strip("\n").split("\n"))
