"""Signed plans: an ed25519 signature beside the plan, over its exact bytes. The only home of cryptography.

PLAN.sig is a small JSON file: `format`, `algorithm`, `key_id` (SHA-256 of the public key's DER form), `signature`
(base64 of 64 bytes). Keys are the PEM files that `openssl genpkey -algorithm ed25519` writes, and openssl alone can
check a signature: nothing but the plan's bytes is signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from esnode import wire
from esnode.errors import BadValue, ExtraMissing, FileUnreadable, KeyUnusable, PlanUnsigned
from esnode.records import dataclass
from esnode.secrets import resolve
from esnode.storage.files import read_file, replace_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT: Final = "esnode-signature-1"
ALGORITHM: Final = "ed25519"
_SIGNATURE_BYTES: Final = 64
_MAKE_A_KEY: Final = "Make a key with: openssl genpkey -algorithm ed25519 -out KEY.pem"
_MAKE_A_PUBLIC_KEY: Final = "Make one from the private key with: openssl pkey -in KEY.pem -pubout -out PUB.pem"
_SIGN_AGAIN: Final = "Do not apply it. Have it planned and signed again: esnode plan -sign-key KEY.pem -out FILE."


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key that was read and opened."""

    key_id: str
    _key: Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        """The content of a signature file for `data`."""
        signature = base64.b64encode(self._key.sign(data)).decode()
        document = {"format": FORMAT, "algorithm": ALGORITHM, "key_id": self.key_id, "signature": signature}
        return wire.pretty(document)


def signature_path(plan_path: Path) -> Path:
    """Where the signature of a plan is: beside it."""
    return plan_path.with_name(f"{plan_path.name}.sig")


def write_signature(plan_path: Path, data: bytes, key: SigningKey) -> Path:
    """Sign the bytes of the plan at `plan_path`. The signature's path. Raises FileUnwritable."""
    path = signature_path(plan_path)
    replace_file(path, key.sign(data), like=plan_path)
    return path


def read_signing_key(path: Path, password: str = "") -> SigningKey:
    """The private key in a PEM file. `password` is a reference (env:NAME, file:/PATH, credential:NAME), or "".

    Raises FileUnreadable, SecretUnavailable, KeyUnusable, and ExtraMissing without the extra `sign`.
    """
    data = read_file(path, "private key")
    needed = _needed()
    secret = resolve(password).reveal().encode() if password else None
    try:
        key = needed.load_private_key(data, secret)
    except TypeError:
        # Said for both: a key that is encrypted and no password, a password and a key that is not encrypted.
        raise _wrong_password(path, password) from None
    except needed.refusals as refused:
        if password:
            raise KeyUnusable(
                f"The private key {path} cannot be opened with the password in {password}",
                next_step="Check the password, and that it is this key's.",
            ) from None
        raise KeyUnusable(f"{path} holds no private key: {_first_line(refused)}", next_step=_MAKE_A_KEY) from None
    if not isinstance(key, needed.private_kind):
        raise KeyUnusable(f"The private key {path} is not an ed25519 key", next_step=_MAKE_A_KEY)
    return SigningKey(key_id=_key_id(key.public_key()), _key=key)


def check_signature(plan_path: Path, data: bytes, keys: Iterable[Path]) -> str:
    """The id of the one of `keys` that signed `data`, the bytes of the plan at `plan_path`.

    Raises PlanUnsigned, which says why: there is no signature, it is of another key, or of other bytes; KeyUnusable
    for a file in `keys` that is no ed25519 public key, FileUnreadable for one that is not there.
    """
    trusted = {_key_id(key): key for key in map(_read_public_key, keys)}
    key_id, signature = _read_signature(plan_path)
    signer = trusted.get(key_id)
    if signer is None:
        raise PlanUnsigned(
            f"The plan {plan_path} is signed with a key that is not trusted here",
            detail=f"It is signed with {key_id}; trusted: {', '.join(sorted(trusted))}.",
            next_step="Have it signed with a trusted key, or trust the key with -require-signature PUB.pem.",
        )
    try:
        signer.verify(signature, data)
    except _needed().wrong_signature:
        raise PlanUnsigned(
            f"The signature {signature_path(plan_path)} is not of the plan {plan_path}",
            detail="The plan was altered or planned again since it was signed, or the signature was.",
            next_step=_SIGN_AGAIN,
        ) from None
    return key_id


def _read_public_key(path: Path) -> Ed25519PublicKey:
    data = read_file(path, "public key")
    needed = _needed()
    try:
        key = needed.load_public_key(data)
    except needed.refusals as refused:
        summary = f"{path} holds no public key: {_first_line(refused)}"
        raise KeyUnusable(summary, next_step=_MAKE_A_PUBLIC_KEY) from None
    if not isinstance(key, needed.public_kind):
        raise KeyUnusable(f"The public key {path} is not an ed25519 key", next_step=_MAKE_A_PUBLIC_KEY)
    ed25519: Ed25519PublicKey = key
    return ed25519


def _read_signature(plan_path: Path) -> tuple[str, bytes]:
    """The key's id and the signature's bytes."""
    path = signature_path(plan_path)
    if not path.exists():
        raise PlanUnsigned(
            f"The plan {plan_path} is not signed: there is no {path}",
            next_step="Bring the signature along, or have the plan signed: esnode plan -sign-key KEY.pem -out FILE.",
        )
    try:
        return parse_signature(read_file(path, "signature"))
    except FileUnreadable as unreadable:
        raise PlanUnsigned(unreadable.summary, detail=unreadable.detail, next_step=unreadable.next_step) from None
    except BadValue as wrong:
        summary = f"{path} is not a signature that this esnode understands: {wrong.summary}"
        raise PlanUnsigned(summary, next_step=_SIGN_AGAIN) from None


def parse_signature(data: bytes) -> tuple[str, bytes]:
    """The key's id and the signature in the bytes of a signature file. Raises BadValue for anything else."""
    document = wire.parse(data)
    if not isinstance(document, dict):
        raise BadValue("it is not a JSON object")
    for name, expected in (("format", FORMAT), ("algorithm", ALGORITHM)):
        if document.get(name) != expected:
            raise BadValue(f'its {name} is not "{expected}"')
    key_id, text = document.get("key_id"), document.get("signature")
    if not (isinstance(key_id, str) and isinstance(text, str)):
        raise BadValue("key_id or signature is missing")
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadValue("its signature is not base64") from None
    if len(signature) != _SIGNATURE_BYTES:
        raise BadValue(f"its signature has {len(signature)} bytes, an ed25519 signature has {_SIGNATURE_BYTES}")
    return key_id, signature


def _wrong_password(path: Path, password: str) -> KeyUnusable:
    if password:
        return KeyUnusable(
            f"The private key {path} is not encrypted, and a password was given",
            next_step="Leave out -sign-key-password.",
        )
    return KeyUnusable(
        f"The private key {path} is encrypted",
        next_step="Say where its password is: -sign-key-password env:NAME, file:/PATH or credential:NAME.",
    )


def _first_line(refused: Exception) -> str:
    return (str(refused).splitlines() or [type(refused).__name__])[0][:120].rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needed:
    """What is used of cryptography, which is imported only where a plan is signed or a signature is asked for."""

    load_private_key: Any
    load_public_key: Any
    private_kind: Any
    public_kind: Any
    refusals: tuple[type[Exception], ...]
    wrong_signature: type[Exception]


def _needed() -> _Needed:
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ImportError:
        raise ExtraMissing(
            "Signatures of plans need cryptography, which is not installed", next_step="pip install 'esnode[sign]'"
        ) from None
    return _Needed(
        load_private_key=load_pem_private_key,
        load_public_key=load_pem_public_key,
        private_kind=Ed25519PrivateKey,
        public_kind=Ed25519PublicKey,
        refusals=(ValueError, UnsupportedAlgorithm),
        wrong_signature=InvalidSignature,
    )


def _key_id(key: Ed25519PublicKey) -> str:
    """`sha256:` and 64 digits, the same as `openssl pkey -pubin -in PUB.pem -outform DER | sha256sum`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"
