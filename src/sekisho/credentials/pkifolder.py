"""The PKI folder in kubeadm's layout: read what is there, check it, make what is missing.

An existing cluster's folder can be mounted, read-only too when it is complete but for client certificates.
Nothing that somebody else made is ever written over. Only leaves that carry our own mark are renewed: when
they lack a name that the server needs, or near their end; their key stays.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from sekisho.credentials import files
from sekisho.credentials.certificates import Authority, KeyPair, SigningKey, load_private_key
from sekisho.credentials.pki import (
    AUTHORITIES,
    LEAVES,
    PKI,
    Leaf,
    PKIError,
    ServingNames,
    assemble,
    issue_leaf,
    made_here,
    missing_names,
    new_account_keys,
    new_authority,
    new_leaf,
    public_pem,
    subject_names,
)

RENEW_BEFORE = 30 * 24 * 3600
_STEMS = {f: stem for f, (stem, _) in AUTHORITIES.items()} | {f: leaf.stem for f, leaf in LEAVES.items()}
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(slots=True)
class _Found:
    """What a folder holds, checked: pairs by field of PKI, and the ServiceAccount keys."""

    pairs: dict[str, KeyPair]
    account: KeyPair | None

    @property
    def complete(self) -> bool:
        return self.account is not None and self.account.key is not None and len(self.pairs) == len(_STEMS)

    @property
    def has_roots(self) -> bool:
        return self.account is not None and all(field in self.pairs for field in AUTHORITIES)


def check(folder: Path) -> None:
    """Raises PKIError when what the folder holds cannot be used. Writes nothing."""
    try:
        if folder.is_dir():
            _read(folder)
        elif folder.exists():
            raise PKIError(f"{folder}: not a directory")
    except OSError as error:
        raise PKIError(f"{error.filename or folder}: {error.strerror or error}") from error


def load_or_create(folder: Path, names: ServingNames, now: float) -> PKI:
    """The folder's set, completed and checked. `now` is Unix time in seconds; PKIError names the bad file.

    Safe against a second process that starts on the same folder: one of them reads what the other wrote.
    """
    try:
        found = _read(folder) if folder.is_dir() else _Found({}, None)
        if not found.complete:
            found = _fill_folder(folder, found, names, now)
        account = found.account or new_account_keys()
        renewed = _renewed(found.pairs, names, now)
        _write_renewed(folder, renewed)
        return assemble(found.pairs | renewed, account)
    except OSError as error:
        raise PKIError(f"{error.filename or folder}: {error.strerror or error}") from error


def _fill_folder(folder: Path, found: _Found, names: ServingNames, now: float) -> _Found:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.lock_folder(folder):
            before = _read(folder)
            after = _complete(before, names, now, folder)
            _write_missing(folder, before, after)
            return after
    except OSError as error:
        if error.errno not in _READ_ONLY or not found.has_roots:
            raise
        return _complete(found, names, now, folder)  # missing client certificates live in memory only


def _complete(found: _Found, names: ServingNames, now: float, folder: Path) -> _Found:
    pairs = dict(found.pairs)
    for field in AUTHORITIES:
        if field not in pairs:
            pairs[field] = new_authority(field, now)
    for field, leaf in LEAVES.items():
        if field in pairs:
            continue
        issuer = pairs[leaf.issuer]
        if issuer.key is None:
            stem = _STEMS[leaf.issuer]
            raise PKIError(f"{folder / leaf.stem}.crt: missing, and without {stem}.key it cannot be made")
        pairs[field] = new_leaf(field, Authority.from_pem(issuer.certificate, issuer.key), names, now)
    account = found.account or new_account_keys()
    if account.key is None:
        raise PKIError(f"{folder / 'sa.key'}: missing, so no token can be signed for sa.pub")
    return _Found(pairs, account)


def _write_missing(folder: Path, before: _Found, after: _Found) -> None:
    for field, stem in _STEMS.items():
        pair = after.pairs[field]
        if field not in before.pairs:
            files.write_new(folder / f"{stem}.key", pair.key or b"", files.PRIVATE)
            files.write_new(folder / f"{stem}.crt", pair.certificate, files.PUBLIC)
    account = after.account
    if account is not None and account.key is not None:
        if before.account is None:
            files.write_new(folder / "sa.key", account.key, files.PRIVATE)
        if not (folder / "sa.pub").exists():
            files.write_new(folder / "sa.pub", account.certificate, files.PUBLIC)


def _renewed(pairs: Mapping[str, KeyPair], names: ServingNames, now: float) -> dict[str, KeyPair]:
    """Leaves of our own making that lack a name or near their end, signed anew for the same key."""
    out: dict[str, KeyPair] = {}
    for field, leaf in LEAVES.items():
        pair, authority = pairs[field], pairs[leaf.issuer]
        if pair.key is None or authority.key is None:
            continue
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        lacking = missing_names(pair, names) if field == "apiserver" else []
        ending = certificate.not_valid_after_utc.timestamp() - now < RENEW_BEFORE
        if (lacking or ending) and made_here(certificate):
            signer = Authority.from_pem(authority.certificate, authority.key)
            sans = [*subject_names(certificate), *lacking]
            key = load_private_key(pair.key)
            out[field] = KeyPair(issue_leaf(leaf, signer, key, sans, now), pair.key)
    return out


def _write_renewed(folder: Path, renewed: Mapping[str, KeyPair]) -> None:
    for field, pair in renewed.items():
        try:
            files.replace(folder / f"{_STEMS[field]}.crt", pair.certificate, files.PUBLIC)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise


def _read(folder: Path) -> _Found:
    pairs = {f: pair for f, stem in _STEMS.items() if (pair := _read_pair(folder, stem)) is not None}
    for field, leaf in LEAVES.items():
        if field not in pairs:
            continue
        if pairs[field].key is None:
            raise PKIError(f"{folder / leaf.stem}.key: missing, while {leaf.stem}.crt is there")
        if leaf.issuer not in pairs:
            raise PKIError(f"{folder / _STEMS[leaf.issuer]}.crt: missing, while {leaf.stem}.crt is there")
        _check_issuer(folder, leaf, pairs[field], pairs[leaf.issuer])
    return _Found(pairs, _read_account_keys(folder))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _certificates(path: Path, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise PKIError(f"{path}: no PEM certificate in it") from None


def _private(path: Path, data: bytes) -> SigningKey:
    try:
        return load_private_key(data)
    except (ValueError, TypeError) as error:
        text = str(error).split("\n", 1)[0]
        raise PKIError(f"{path}: no usable private key: {text}") from None


def _read_pair(folder: Path, stem: str) -> KeyPair | None:
    """A pair from the folder, checked to belong together; None when neither file is there."""
    cert_path, key_path = folder / f"{stem}.crt", folder / f"{stem}.key"
    certificate, key = _bytes(cert_path), _bytes(key_path)
    if certificate is None:
        if key is not None:
            raise PKIError(f"{cert_path}: missing, while {stem}.key is there")
        return None
    leaf = _certificates(cert_path, certificate)[0]
    if key is not None and _private(key_path, key).public_key() != leaf.public_key():
        raise PKIError(f"{key_path}: not the key of {stem}.crt")
    return KeyPair(certificate, key)


def _check_issuer(folder: Path, leaf: Leaf, pair: KeyPair, authority: KeyPair) -> None:
    """Every leaf must lead to its authority, over intermediates in its own file where there are any."""
    path, ca_stem = folder / f"{leaf.stem}.crt", _STEMS[leaf.issuer]
    current, *pool = _certificates(path, pair.certificate)
    roots = _certificates(folder / f"{ca_stem}.crt", authority.certificate)
    for _ in range(len(pool) + 1):
        if any(_issued_by(current, root) for root in roots):
            return
        above = next((c for c in pool if _issued_by(current, c)), None)
        if above is None:
            break
        current = above
    raise PKIError(f"{path}: not signed by {ca_stem}.crt")


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read_account_keys(folder: Path) -> KeyPair | None:
    key_path, pub_path = folder / "sa.key", folder / "sa.pub"
    private, public = _bytes(key_path), _bytes(pub_path)
    if private is None:
        return None if public is None else KeyPair(public, None)
    loaded = _private(key_path, private)
    if public is not None:
        try:
            mate = serialization.load_pem_public_key(public)
        except ValueError:
            raise PKIError(f"{pub_path}: no PEM public key in it") from None
        if mate != loaded.public_key():
            raise PKIError(f"{pub_path}: not the public key of sa.key")
    return KeyPair(public or public_pem(private), private)
