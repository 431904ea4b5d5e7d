"""Every diagnostic code with its explanation, joined from the rooms that give them."""

from __future__ import annotations

from collections.abc import Mapping

from compiler import output_codes, stack_codes
from compiler.access import codes as access_codes
from compiler.blueprint import codes as blueprint_codes
from compiler.codes import Code
from compiler.importing import codes as importing_codes
from compiler.organization import codes as organization_codes

CODES: Mapping[str, Code] = {
    code.code: code
    for code in sorted(
        (
            *blueprint_codes.CODES,
            *organization_codes.CODES,
            *stack_codes.CODES,
            *access_codes.CODES,
            *output_codes.CODES,
            *importing_codes.CODES,
        ),
        key=lambda code: code.code,
    )
}
