"""The manifest: its keys are those that other programs rely on."""

import json
import platform

import numpy as np

from simulator.manifest import build_manifest

GIVEN = {
    "scenario": {"title": "Storm"},
    "seed": 7,
    "status": "partial",
    "digest": "ab" * 32,
    "metrics": {"blocks": 3, "zero_bid_share": None},
    "bytecode": {"CdpEngine": "cd" * 32},
    "wall_seconds": {"run": 1.5},
}


def test_a_manifest_has_the_keys_of_schema_1():
    manifest = build_manifest(**GIVEN, chain="revm", gas="exact")
    assert set(manifest) == {*GIVEN, "schema", "chain", "digest_version", "versions", "user_code"}
    assert {name: manifest[name] for name in GIVEN} == GIVEN
    assert (manifest["schema"], manifest["digest_version"]) == (1, 1)
    assert manifest["chain"] == {"name": "revm", "gas": "exact"}
    assert manifest["user_code"] == {}


def test_a_manifest_names_the_versions_that_bits_depend_on():
    versions = build_manifest(**GIVEN, chain="revm", gas="exact")["versions"]
    assert versions["numpy"] == np.__version__
    assert versions["python"] == platform.python_version()
    assert {"scipy", "pyrevm"} <= set(versions)


def test_a_chain_without_gas_modes_and_a_users_code_are_said_so():
    manifest = build_manifest(**GIVEN, chain="anvil", gas=None, user_code={"./mine.py:Mine": "ef" * 32})
    assert manifest["chain"] == {"name": "anvil", "gas": None}
    assert json.loads(json.dumps(manifest))["user_code"] == {"./mine.py:Mine": "ef" * 32}
