"""The shipped index: facts about known types, and that it equals a fresh extraction."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.terraform.schema import extract
from compiler.terraform.schema.archive import Archive, write
from compiler.terraform.schema.bindings import read_provider
from compiler.terraform.schema.encoding import (
    NEWER,
    OLDER,
    decode_block,
    encode_block,
    merge,
    select,
)
from compiler.terraform.schema.index import Index
from compiler.terraform.schema.jsii import BindingsError
from compiler.terraform.schema.records import Attribute, Block, NestedBlock, Type
from tests.needs import lacking

INDEX = Index()


def resource(type_: str) -> Block:
    schema = INDEX.resource(type_)
    assert schema is not None, type_
    return schema.block


def test_counts_and_sources() -> None:
    assert len(INDEX.types("managed", "google")) == 1096
    assert len(INDEX.types("data", "google")) == 373
    aws = [INDEX.resource(type_) for type_ in INDEX.types("managed", "aws")]
    assert sum(schema.newer is not None for schema in aws if schema) == 1581
    assert sum(schema.older is not None for schema in aws if schema) == 1526
    assert INDEX.versions("aws") == {
        "format": 1,
        "provider": "aws",
        "version": "6.25.0",
        "source": "cdktf-cdktf-provider-aws 21.22.1",
        "older_version": "5.100.0",
        "older_source": "cdktf-cdktf-provider-aws 20.1.0",
    }
    assert INDEX.versions("google")["version"] == "6.50.0"


def test_both_files_are_small() -> None:
    sizes = [(INDEX.folder / f"{name}.index").stat().st_size for name in ("aws", "google")]
    assert sum(sizes) < 600_000


def test_codepipeline() -> None:
    block = resource("aws_codepipeline")
    assert block.attributes["arn"] == Attribute(Type("string"), computed=True)
    assert block.attributes["name"] == Attribute(Type("string"), required=True)
    store, stage = block.blocks["artifact_store"], block.blocks["stage"]
    assert (store.nesting, store.minimum, store.maximum) == ("set", 1, None)
    assert (stage.nesting, stage.minimum, stage.maximum) == ("list", 1, None)
    key = store.block.blocks["encryption_key"]
    assert (key.nesting, key.minimum, key.maximum) == ("list", 0, 1)
    trigger = block.attributes["trigger_all"]
    assert trigger.computed
    assert not trigger.settable
    assert str(trigger.type) == "list(object(git_configuration, provider_type))"


def test_s3_bucket() -> None:
    block = resource("aws_s3_bucket")
    assert block.attributes["tags_all"] == Attribute(
        Type("map", Type("string")), optional=True, computed=True
    )
    grant = block.blocks["grant"]
    assert grant.nesting == "set"
    assert grant.block.attributes["permissions"].type == Type("set", Type("string"))
    assert block.blocks["versioning"].maximum == 1
    assert block.blocks["timeouts"].nesting == "single"


def test_endpoint_configuration() -> None:
    block = resource("aws_sagemaker_endpoint_configuration")
    variants = block.blocks["production_variants"]
    assert (variants.nesting, variants.minimum, variants.maximum) == ("list", 1, None)
    scaling = variants.block.blocks["managed_instance_scaling"]
    assert (scaling.required, scaling.maximum) == (False, 1)
    assert variants.block.attributes["initial_variant_weight"].type == Type("number")


def test_web_acl_has_an_opaque_statement() -> None:
    rule = resource("aws_wafv2_web_acl").blocks["rule"]
    assert (rule.nesting, rule.minimum) == ("set", 0)
    assert rule.block.attributes["statement"].type == Type("dynamic")
    assert rule.block.blocks["visibility_config"].required


def test_attribute_as_block() -> None:
    ingress = resource("aws_security_group").attributes["ingress"]
    assert (ingress.optional, ingress.computed) == (True, True)
    assert ingress.type.kind == "set"
    assert ingress.type.element is not None
    assert ingress.type.element.fields["cidr_blocks"] == Type("list", Type("string"))


def test_container_cluster() -> None:
    block = resource("google_container_cluster")
    autoscaling = block.blocks["cluster_autoscaling"]
    assert (autoscaling.nesting, autoscaling.minimum, autoscaling.maximum) == ("list", 0, 1)
    assert block.blocks["node_pool"].maximum is None
    assert not block.attributes["endpoint"].settable
    assert block.attributes["node_locations"].type == Type("set", Type("string"))


def test_older_provider_lacks_region_and_some_types() -> None:
    schema = INDEX.resource("aws_s3_bucket")
    assert schema is not None
    assert schema.newer is not None
    assert schema.older is not None
    assert set(schema.newer.attributes) - set(schema.older.attributes) == {
        "bucket_region",
        "region",
    } - set(schema.older.attributes)
    vectors = INDEX.resource("aws_s3vectors_index")
    assert vectors is not None
    assert vectors.older is None
    gone = INDEX.resource("aws_opsworks_stack")
    assert gone is not None
    assert gone.newer is None
    google = INDEX.resource("google_storage_bucket")
    assert google is not None
    assert google.older is google.newer


def test_difference_deep_inside() -> None:
    """Some types differ only below the first level; the two versions must not be one."""
    deep = 0
    for type_ in INDEX.types("managed", "aws"):
        schema = INDEX.resource(type_)
        assert schema is not None
        if schema.newer and schema.older and schema.newer.blocks != schema.older.blocks:
            deep += 1
    assert deep > 50


def test_unknown_types() -> None:
    assert INDEX.resource("aws_s3_bucke") is None
    assert INDEX.resource("aaa_x") is None
    assert INDEX.resource("aws_zzzz") is None
    assert INDEX.data_source("aws_iam_role_policy") is None
    assert INDEX.resource("terraform_data") is not None
    assert INDEX.data_source("terraform_remote_state") is not None
    assert INDEX.provider("aws") is not None


def test_provider_blocks() -> None:
    aws, google = INDEX.provider("aws"), INDEX.provider("google")
    assert aws is not None
    assert google is not None
    assume = aws.block.blocks["assume_role"].block
    assert assume.attributes["role_arn"].optional
    assert aws.block.attributes["allowed_account_ids"].type == Type("set", Type("string"))
    assert google.block.attributes["default_labels"].type == Type("map", Type("string"))


def test_opening_and_reading_thirty_types_is_fast() -> None:
    types = INDEX.types("managed", "aws")[::53][:30]

    def once() -> float:
        start = time.process_time()
        index = Index()
        for type_ in types:
            index.resource(type_)
        return time.process_time() - start

    assert min(once() for _ in range(5)) < 0.02


@pytest.mark.rig  # reads 3,700 source maps
@pytest.mark.parametrize("source", [extract.AWS, extract.GOOGLE], ids=lambda s: s.provider)
def test_index_equals_a_fresh_extraction(source: extract.Source) -> None:
    try:
        path = extract.installed(source)
    except BindingsError as missing:
        lacking(f"the bindings are needed to make the index again: {missing}")
    fresh = extract.entries(read_provider(path), source.provider)
    archive = Archive(INDEX.folder / f"{source.provider}.index")
    shipped = {}
    for key in archive.all_keys():
        block = select(archive.entry(key), NEWER)
        if block is not None:
            shipped[key] = encode_block(decode_block(block, NEWER))
    assert shipped.keys() == fresh.keys()
    assert [key for key in fresh if fresh[key] != shipped[key]] == []


TYPES = st.recursive(
    st.sampled_from(("string", "number", "bool", "dynamic")).map(Type),
    lambda inner: st.one_of(
        st.builds(Type, st.sampled_from(("list", "set", "map")), inner),
        st.builds(
            lambda fields: Type("object", fields=fields),
            st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
        ),
    ),
    max_leaves=4,
)
FLAGS = st.sampled_from(
    [(True, False, False), (False, True, False), (False, True, True), (False, False, True)]
)
ATTRIBUTES = st.builds(lambda type_, flags: Attribute(type_, *flags), TYPES, FLAGS)


def blocks(depth: int) -> st.SearchStrategy[Block]:
    attributes = st.dictionaries(st.sampled_from(("a", "b", "c")), ATTRIBUTES, max_size=3)
    if not depth:
        return st.builds(Block, attributes, st.just({}))
    nested = st.builds(
        NestedBlock,
        st.sampled_from(("list", "set", "map", "single")),
        st.sampled_from((0, 1)),
        st.sampled_from((None, 1)),
        blocks(depth - 1),
    )
    # Attributes and blocks share some names over two blocks, never inside one.
    names = st.sampled_from(("c", "x", "y"))
    return st.builds(
        lambda a, n: Block({k: v for k, v in a.items() if k not in n}, n),
        attributes,
        st.dictionaries(names, nested, max_size=2),
    )


@given(blocks(2), blocks(2))
def test_merging_keeps_both_versions(newer: Block, older: Block) -> None:
    merged = json.loads(json.dumps(merge(encode_block(newer), encode_block(older))))
    assert decode_block(merged, NEWER) == newer
    assert decode_block(merged, OLDER) == older


def test_archive_round_trip(tmp_path: Path) -> None:
    entries = {f"resource t_{n:05}": {"name": "rs", "x": "os" * (n % 50)} for n in range(3000)}
    write(tmp_path / "t.index", {"provider": "t"}, entries)
    archive = Archive(tmp_path / "t.index")
    assert list(archive.all_keys()) == sorted(entries)
    assert all(archive.entry(key) == entry for key, entry in entries.items())
    assert archive.entry("resource t_00000a") is None
    assert archive.entry("a") is None


def test_archive_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.index").write_bytes(b'{"format": 2, "chunks": []}\n')
    with pytest.raises(ValueError, match="format 2"):
        Archive(tmp_path / "t.index")
