"""What is wrong with the action that somebody asks about: misspelled, or of another sort of resource."""

from __future__ import annotations

from compiler.data import iam

# Forms of resources that a message names at most.
_SHOWN = 3


def misspelled(action: str) -> str | None:
    """Why AWS has no such action, with the nearest; None where it has one. `*` and `?` are wildcards."""
    if iam.matching_actions(action):
        return None
    near = iam.nearest_action(action)
    hint = f'did you mean "{near}"?' if near else "write it as service:Action, s3:GetObject"
    return f'AWS has no action "{action}": {hint}'


def several(action: str) -> str | None:
    """Why the action is none but a pattern, with one that it stands for; None where it is one."""
    if "*" not in action and "?" not in action:
        return None
    known = iam.matching_actions(action)
    return f'"{action}" is a pattern: ask about one action' + (
        f', as "{known[0].name}"' if known else ""
    )


def inapplicable(action: str, resource: str) -> str | None:
    """Why the action can never be about the resource, with what it is about; None where it can."""
    known = iam.matching_actions(action)
    if resource == "*" or any(iam.arn_matches_resource_type(each, resource) for each in known):
        return None
    forms = [form.arn for each in known for form in each.resources]
    if not forms:
        return f'"{action}" is about no resource: ask about "*"'
    several = list(dict.fromkeys(forms))
    listed = " or ".join(several[:_SHOWN]) + (" or others" if len(several) > _SHOWN else "")
    return f'"{action}" is never about {resource}, but about {listed}'
