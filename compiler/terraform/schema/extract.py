"""Make the shipped schema index anew: `python -m compiler.terraform.schema.extract`.

Takes the installed bindings `cdktf-cdktf-provider-aws` 21.22.1 (made from provider 6.25.0) and
`cdktf-cdktf-provider-google` 16.12.1 (provider 6.50.0), and the bindings 20.1.0 of the older AWS
provider 5.100.0, given by `--older` or downloaded with pip into a temporary folder. Writes
`aws.index` and `google.index` beside this module; of 5.100.0 only the differences. The bindings'
Python packages are found, not imported: that would take ten seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from compiler.terraform.schema.archive import write
from compiler.terraform.schema.bindings import read_provider
from compiler.terraform.schema.encoding import Encoded, encode_block, merge
from compiler.terraform.schema.jsii import BindingsError
from compiler.terraform.schema.records import Provider


@dataclass(frozen=True, slots=True)
class Source:
    """A release of the bindings and the provider version that it was made from."""

    provider: str
    package: str
    release: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.release}"


AWS = Source("aws", "cdktf-cdktf-provider-aws", "21.22.1", "6.25.0")
AWS_OLDER = Source("aws", "cdktf-cdktf-provider-aws", "20.1.0", "5.100.0")
GOOGLE = Source("google", "cdktf-cdktf-provider-google", "16.12.1", "6.50.0")

FOLDER = Path(__file__).parent


def installed(source: Source) -> Path:
    """The tarball inside the installed bindings. BindingsError when they are not installed."""
    try:
        found = distribution(source.package)
    except PackageNotFoundError:
        raise BindingsError(f"{source} is not installed") from None
    if found.version != source.release:
        raise BindingsError(f"{source.package} {found.version} is installed, not {source.release}")
    for file in found.files or ():
        if file.name.endswith(".jsii.tgz"):
            return Path(str(found.locate_file(file)))
    raise BindingsError(f"{source} has no jsii tarball")


def download(source: Source, folder: Path) -> Path:
    """The wheel of the bindings, fetched into `folder` with pip, its dependencies left out."""
    requirement = f"{source.package}=={source.release}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, requirement], check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def entries(provider: Provider, name: str) -> dict[str, Encoded]:
    """The provider's blocks by the index's keys."""
    blocks = {
        f"provider {name}": provider.configuration,
        **{f"resource {type_}": block for type_, block in provider.resources.items()},
        **{f"data {type_}": block for type_, block in provider.data_sources.items()},
    }
    return {key: encode_block(block) for key, block in blocks.items()}


def merged(newer: Mapping[str, Encoded], older: Mapping[str, Encoded]) -> dict[str, Encoded]:
    """The keys of both versions with their differences."""
    keys = sorted(newer.keys() | older.keys())
    return {key: merge(newer.get(key), older.get(key)) for key in keys}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description="Write the schema index from the bindings.")
    parser.add_argument("--older", type=Path, help=f"wheel or jsii tarball of {AWS_OLDER}")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the index files")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        older_path = options.older or download(AWS_OLDER, Path(folder))
        older = entries(read_provider(older_path), "aws")
    newer = entries(read_provider(installed(AWS)), "aws")
    both = _header(AWS) | {"older_version": AWS_OLDER.version, "older_source": str(AWS_OLDER)}
    write(options.out / "aws.index", both, merged(newer, older))
    google = entries(read_provider(installed(GOOGLE)), "google")
    write(options.out / "google.index", _header(GOOGLE), google)


def _header(source: Source) -> dict[str, object]:
    return {"provider": source.provider, "version": source.version, "source": str(source)}


if __name__ == "__main__":
    main()
