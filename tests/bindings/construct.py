"""Build root modules a second time, through the typed classes of the provider bindings.

A program: reads `{name: root module}` as JSON from standard input, writes `{name: {address: answer}}`,
where an answer is `{"body": …}`, the resource as the typed layer synthesizes it, or `{"error": …}`.

Everything is looked up by rule: `aws_s3_bucket` is the one resource class in the module
`s3_bucket` of the AWS package, `data.google_project` the one in `data_google_project` of Google's; an argument
is the parameter with the same letters. Values are built after the parameter's type hint: mappings
become structs by their class, because the bindings silently drop the snake_case keys of a mapping
inside a list.
"""

import collections.abc
import importlib
import importlib.util
import inspect
import json
import sys
import types
import typing

# The bare package below has no attributes, so these come before anything typed.
import cdktf

# Meta-arguments that hold addresses: the typed layer takes constructs in their place.
ADDRESSES = ("depends_on", "provider")


def make_lazy(package: str) -> None:
    """Register `package` unexecuted: its `__init__` would import thousands of modules."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    bare = types.ModuleType(package)
    bare.__path__ = list(spec.submodule_search_locations or ())
    bare.__spec__ = spec
    sys.modules[package] = bare


def typed_class(mode: str, kind: str) -> type:
    provider, _, short = kind.partition("_")
    module_name = f"data_{kind}" if mode == "data" else short
    module = importlib.import_module(f"cdktf_cdktf_provider_{provider}.{module_name}")
    base = cdktf.TerraformDataSource if mode == "data" else cdktf.TerraformResource
    found = [
        item
        for item in vars(module).values()
        if inspect.isclass(item) and issubclass(item, base) and item is not base
    ]
    assert len(found) == 1, f"{module.__name__} has {len(found)} classes"
    return found[0]


def arguments_for(function: type, body: dict, place: str) -> dict:
    """`body` as keyword arguments; TypeError for an argument that there is not."""
    hints = typing.get_type_hints(function.__init__)
    # The construct that it is in is `scope`, or `scope_` where an argument is called so.
    own = [n for n, hint in hints.items() if getattr(hint, "__name__", "") != "Construct"]
    by_letters = {name.replace("_", "").lower(): name for name in own if name != "id_"}
    arguments = {}
    for key, value in body.items():
        letters = key.replace("_", "").lower()
        # The bindings' generator calls an argument with a reserved name, as `self`, `self_attribute`.
        name = by_letters.get(letters) or by_letters.get(f"{letters}attribute")
        if name is None or name == "return":
            raise TypeError(f"{place}: {function.__name__} has no argument {key!r}")
        arguments[name] = convert(value, hints[name], f"{place}.{key}")
    return arguments


def options(hint: object) -> list:
    """The members of a union, unions inside it opened."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [option for member in typing.get_args(hint) for option in options(member)]
    return [hint]


def convert(value: object, hint: object, place: str) -> object:
    choices = options(hint)
    by_origin = {typing.get_origin(choice): choice for choice in choices}
    structs = [c for c in choices if hasattr(c, "__jsii_type__") and not is_protocol(c)]
    lists = by_origin.get(collections.abc.Sequence)
    if typing.Any in choices:
        return value
    if isinstance(value, str) and str not in choices and is_expression(value):
        return token(value, choices, lists)
    if isinstance(value, list) and lists:
        item = typing.get_args(lists)[0]
        return [convert(part, item, f"{place}[{index}]") for index, part in enumerate(value)]
    # One block is written as a mapping or as a list of one.
    if isinstance(value, dict) and lists and not structs:
        return [convert(value, typing.get_args(lists)[0], place)]
    if isinstance(value, list) and len(value) == 1 and structs:
        return convert(value[0], hint, place)
    if isinstance(value, dict) and structs:
        return structs[0](**arguments_for(structs[0], value, place))
    if isinstance(value, dict) and (maps := by_origin.get(collections.abc.Mapping)):
        item = typing.get_args(maps)[1]
        return {key: convert(part, item, f"{place}.{key}") for key, part in value.items()}
    if type(value) in choices or (type(value) is int and float in choices):
        return value
    raise TypeError(f"{place}: {value!r} is not a {hint}")


def is_protocol(choice: object) -> bool:
    return getattr(choice, "_is_protocol", False)


def is_expression(text: str) -> bool:
    return "${" in text.replace("$${", "")


def token(text: str, choices: list, lists: object) -> object:
    """A Terraform expression in the place of a number, a boolean, a list or a block."""
    if int in choices or float in choices:
        return cdktf.Token.as_number(text)
    if lists and typing.get_args(lists)[0] is str:
        return cdktf.Token.as_list(text)
    return cdktf.Token.as_any(text)


def resources(document: dict) -> list[tuple[str, str, str, dict]]:
    """Mode, type, name and body of each resource and data source."""
    return [
        (mode, kind, name, body)
        for mode, section in (("managed", "resource"), ("data", "data"))
        for kind, members in document.get(section, {}).items()
        for name, body in members.items()
    ]


def construct(stack: object, mode: str, kind: str, name: str, body: dict) -> None:
    own = {key: value for key, value in body.items() if key not in ADDRESSES}
    made = typed_class(mode, kind)
    arguments = arguments_for(made, own, "")
    made(stack, f"{mode}-{kind}-{name}", **arguments).override_logical_id(name)


def answers(app: object, stack_id: str, document: dict) -> dict:
    stack = cdktf.TerraformStack(app, stack_id)
    result = {}
    for mode, kind, name, body in resources(document):
        address = f"{'data.' if mode == 'data' else ''}{kind}.{name}"
        try:
            construct(stack, mode, kind, name, body)
        except Exception as error:
            result[address] = {"error": f"{type(error).__name__}: {error}"}
    for mode, kind, name, body in resources(stack.to_terraform()):
        address = f"{'data.' if mode == 'data' else ''}{kind}.{name}"
        body.pop("//", None)
        result.setdefault(address, {"body": body})
    return result


def main() -> None:
    for package in ("cdktf_cdktf_provider_aws", "cdktf_cdktf_provider_google"):
        make_lazy(package)
    documents = json.load(sys.stdin)
    app = cdktf.App(outdir=sys.argv[1], stack_traces=False)
    built = [answers(app, f"s{n}", document) for n, document in enumerate(documents.values())]
    json.dump(dict(zip(documents, built, strict=True)), sys.stdout)


if __name__ == "__main__":
    main()
