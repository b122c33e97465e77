"""Signed plans: who signed, what was signed, and why a signature does not count."""

import base64
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esnode.errors import BadValue, ExtraMissing, FileUnreadable, KeyUnusable, PlanUnsigned, SecretUnavailable
from esnode.storage.signatures import (
    check_signature,
    parse_signature,
    read_signing_key,
    signature_path,
    write_signature,
)

PLAN = b'{"digest":"d1g357"}'


def write_keys(folder, name="key", password=None, key=None):
    """A private key and its public one, as openssl writes them."""
    key = key or Ed25519PrivateKey.generate()
    locked = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, locked))
    public.write_bytes(key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def signed(tmp_path):
    """A plan, its signature, and the key that may check it."""
    private, public = write_keys(tmp_path)
    plan = tmp_path / "plan.json"
    plan.write_bytes(PLAN)
    write_signature(plan, PLAN, read_signing_key(private))
    return plan, public


def why_refused(plan, data, *keys):
    with pytest.raises(PlanUnsigned) as refused:
        check_signature(plan, data, keys)
    assert refused.value.exit_code == 3
    return refused.value.summary


def test_what_was_signed_is_accepted_and_says_by_whom(signed):
    plan, public = signed
    assert check_signature(plan, PLAN, [public]).startswith("sha256:")


def test_any_of_several_keys_will_do(signed, tmp_path):
    plan, public = signed
    _, other = write_keys(tmp_path, "other")
    check_signature(plan, PLAN, [other, public])
    assert "a key that is not trusted here" in why_refused(plan, PLAN, other)


def test_one_altered_byte_is_refused(signed):
    plan, public = signed
    for position in range(len(PLAN)):
        altered = bytearray(PLAN)
        altered[position] ^= 1
        assert "is not of the plan" in why_refused(plan, bytes(altered), public)


def test_a_plan_without_a_signature_is_refused(signed):
    plan, public = signed
    signature_path(plan).unlink()
    assert "is not signed: there is no" in why_refused(plan, PLAN, public)


def test_another_keys_signature_under_a_trusted_id_is_refused(signed, tmp_path):
    plan, public = signed
    private, _ = write_keys(tmp_path, "other")
    document = json.loads(signature_path(plan).read_bytes())
    forged = json.loads(read_signing_key(private).sign(PLAN))
    signature_path(plan).write_text(json.dumps(forged | {"key_id": document["key_id"]}))
    assert "is not of the plan" in why_refused(plan, PLAN, public)


def test_the_signature_names_key_and_algorithm(signed):
    document = json.loads(signature_path(signed[0]).read_bytes())
    assert document.keys() == {"format", "algorithm", "key_id", "signature"}
    assert document["algorithm"] == "ed25519"
    assert len(base64.b64decode(document["signature"])) == 64


@pytest.mark.lane("openssl")
def test_openssl_makes_the_keys_and_checks_the_signature(tmp_path):
    def openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], cwd=tmp_path, capture_output=True, check=True)
        return done.stdout

    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:open sesame", "-out", "key.pem")
    openssl("pkey", "-in", "key.pem", "-passin", "pass:open sesame", "-pubout", "-out", "pub.pem")
    (tmp_path / "password").write_text("open sesame\n")
    plan = tmp_path / "plan.json"
    plan.write_bytes(PLAN)
    key = read_signing_key(tmp_path / "key.pem", f"file:{tmp_path / 'password'}")
    document = json.loads(write_signature(plan, PLAN, key).read_bytes())
    (tmp_path / "raw").write_bytes(base64.b64decode(document["signature"]))
    said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "plan.json", "-sigfile", "raw")
    assert b"Verified Successfully" in said
    assert check_signature(plan, PLAN, [tmp_path / "pub.pem"]) == document["key_id"]
    (tmp_path / "der").write_bytes(openssl("pkey", "-pubin", "-in", "pub.pem", "-outform", "DER"))
    assert openssl("dgst", "-sha256", "-r", "der").decode().split()[0] == document["key_id"].removeprefix("sha256:")


def test_an_encrypted_key_is_opened_with_the_password_that_a_reference_leads_to(tmp_path, monkeypatch):
    private, _ = write_keys(tmp_path, password=b"open sesame")
    monkeypatch.setenv("SIGN_PASSWORD", "open sesame")
    assert read_signing_key(private, "env:SIGN_PASSWORD").key_id
    monkeypatch.setenv("SIGN_PASSWORD", "open barley")
    with pytest.raises(KeyUnusable) as refused:
        read_signing_key(private, "env:SIGN_PASSWORD")
    assert "barley" not in str(vars(refused.value))
    with pytest.raises(SecretUnavailable):
        read_signing_key(private, "env:NOWHERE")


def test_keys_that_cannot_be_used_say_why(tmp_path):
    locked, _ = write_keys(tmp_path, "locked", password=b"x")
    plain, public = write_keys(tmp_path, "plain")
    curve, curve_public = write_keys(tmp_path, "curve", key=generate_private_key(SECP256R1()))
    (tmp_path / "text").write_text("no key at all")
    (tmp_path / "password").write_text("x")
    said = {
        "is encrypted": lambda: read_signing_key(locked),
        "is not encrypted": lambda: read_signing_key(plain, f"file:{tmp_path / 'password'}"),
        "is not an ed25519 key": lambda: read_signing_key(curve),
        "holds no private key": lambda: read_signing_key(public),
        "holds no public key": lambda: check_signature(tmp_path / "plan.json", PLAN, [plain]),
        "The public key": lambda: check_signature(tmp_path / "plan.json", PLAN, [curve_public]),
    }
    for words, use in said.items():
        with pytest.raises(KeyUnusable, match=words):
            use()
    with pytest.raises(FileUnreadable):
        check_signature(tmp_path / "plan.json", PLAN, [public, tmp_path / "absent.pem"])


def test_without_cryptography_the_error_says_what_to_install(tmp_path, monkeypatch):
    private, _ = write_keys(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ExtraMissing) as missing:
        read_signing_key(private)
    assert missing.value.next_step == "pip install 'esnode[sign]'"


def test_cryptography_is_loaded_only_by_what_signs(tmp_path):
    script = (
        "import esnode.cli.plan, esnode.cli.apply, esnode.storage.signatures, sys; print('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


_PARTS = {
    "format": st.sampled_from(["esnode-signature-1", "", 1]),
    "algorithm": st.sampled_from(["ed25519", "none", None]),
    "key_id": st.one_of(st.text(), st.none()),
    "signature": st.one_of(st.text(), st.binary(max_size=70).map(lambda data: base64.b64encode(data).decode())),
}


@given(st.one_of(st.binary(), st.fixed_dictionaries({}, optional=_PARTS).map(lambda it: json.dumps(it).encode())))
def test_any_bytes_are_a_signature_or_an_error(data):
    try:
        key_id, signature = parse_signature(data)
    except BadValue:
        return
    assert isinstance(key_id, str)
    assert len(signature) == 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=400))
def test_no_bytes_pass_for_a_signature(signed, data):
    plan, public = signed
    signature_path(plan).write_bytes(data)
    why_refused(plan, PLAN, public)
