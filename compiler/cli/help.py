"""What `--help` says beside each command's own words: sections of commands, examples, exit codes.

In one place, so that a test can hold that no command lacks them and that each example is a call that
the command takes.
"""

from __future__ import annotations

import click

# Every command once, in the order in which somebody comes to need it.
SECTIONS = (
    ("Write a blueprint", ("init", "import", "kinds", "schema", "validate", "compile")),
    ("Review a change", ("diff", "affected", "access", "graph", "explain")),
    ("Plan and apply", ("lock", "plan", "apply")),
    ("This machine", ("doctor",)),
)

EXAMPLES = {
    "access": (
        "landform access --who training --to shared",
        "landform access blueprints/acme --format csv-matrix",
        'landform access --why "train s3:GetObject data/"',
    ),
    "affected": (
        "landform affected --from main",
        "landform affected --from main --format json",
    ),
    "apply": (
        "landform apply",
        "landform apply --plans plans --report apply.json",
        "landform apply --only 'aws/*/baseline' --yes",
    ),
    "compile": (
        "landform compile",
        "landform compile blueprints/acme --out generated",
        "landform compile --check --format github",
    ),
    "diff": (
        "landform diff",
        "landform diff --from main --format markdown",
        "landform diff --from main --fail-on privileged --fail-on destroy",
    ),
    "doctor": ("landform doctor",),
    "explain": (
        "landform explain E301",
        "landform explain aws/shared/churn:aws_kms_key.artifacts",
        "landform explain accounts.production.vars blueprints/acme",
    ),
    "graph": (
        "landform graph",
        "landform graph --format html --output graph.html",
        "landform graph --from main --by account --format mermaid",
    ),
    "import": (
        "landform import --profile organization",
        "landform import --profile organization --tag env --write",
    ),
    "init": ("landform init", "landform init --name acme blueprints/acme"),
    "kinds": ("landform kinds", "landform kinds ml-pipeline"),
    "lock": ("landform lock", "landform lock --check"),
    "plan": (
        "landform plan",
        "landform plan --from main",
        "landform plan --save plans --report plan.json",
        "landform plan --only 'aws/training/**' --exit-code",
    ),
    "schema": ("landform schema > landform.schema.json", "landform schema blueprints/acme"),
    "validate": ("landform validate", "landform validate --format sarif"),
}

# Of commands whose own help doesn't say them.
EXIT_CODES = {
    "access": "0 done; 1 the blueprint has errors; 2 wrong usage.",
    "compile": (
        "0 done; 1 the blueprint has errors, or the output cannot be written; 2 wrong usage; 3 --check, and "
        "something is out of date; 4 a program that Landform needs failed or is missing."
    ),
    "doctor": "0 all is there that Landform needs; 4 something is missing.",
    "explain": "0 done; 1 the blueprint has errors; 2 wrong usage, such as a code that there is not.",
    "init": "0 done; 2 wrong usage, such as a folder that is not empty.",
    "kinds": "0 done; 1 a kind of the blueprint has errors; 2 wrong usage.",
    "schema": "0 done; 1 a kind of the blueprint has errors; 2 wrong usage.",
    "validate": "0 valid; 1 the blueprint has errors; 2 wrong usage.",
}

START = """\
\b
Start with:
  landform init        a blueprint of three accounts
  landform compile     its Terraform, in generated/
"""


def with_help(name: str, command: click.Command) -> click.Command:
    """The command with its examples and exit codes below its options."""
    told = "Exit codes:" in (command.help or "")
    codes = f"Exit codes: {EXIT_CODES[name]}\n\n" if name in EXIT_CODES and not told else ""
    examples = "".join(f"\n  {line}" for line in EXAMPLES.get(name, ()))
    command.epilog = f"{codes}\b\nExamples:{examples}" if examples else codes
    return command


class SectionedGroup(click.Group):
    """Lists its commands by section, each with its whole first sentence."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, and last what is in none."""
        rest = [name for name in self.list_commands(context) if name not in _placed()]
        width = max(len(name) for name in self.list_commands(context))
        for title, names in (*SECTIONS, ("More", rest)):
            rows = [
                (f"{name:<{width}}", command.get_short_help_str(limit=1000))
                for name in names
                if (command := self.get_command(context, name)) and not command.hidden
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _placed() -> set[str]:
    return {name for _, names in SECTIONS for name in names}
