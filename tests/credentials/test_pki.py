from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from cryptography import x509

from sekisho.credentials import files, pki, pkifolder, subjects
from sekisho.credentials.certificates import Authority, issue_client

NOW = 1_800_000_000.0
NAMES = pki.ServingNames()


def test_a_new_folder_is_complete_private_and_stable(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "pki"
    made = pkifolder.load_or_create(folder, NAMES, NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {p.name for p in folder.iterdir()}
    assert {
        "ca.crt",
        "ca.key",
        "sa.key",
        "sa.pub",
        "front-proxy-ca.crt",
        "admin.crt",
        "apiserver.key",
    } <= names
    for file in folder.iterdir():
        wanted = 0o600 if file.suffix == ".key" else 0o644
        assert stat.S_IMODE(file.stat().st_mode) & ~wanted == 0, file
    assert pkifolder.load_or_create(folder, NAMES, NOW) == made


def test_creation_is_quick() -> None:
    best = min(_timed() for _ in range(3))
    assert best < 0.04


def _timed() -> float:
    start = time.perf_counter()
    pki.create(NAMES, NOW)
    return time.perf_counter() - start


def test_the_admin_is_a_master_and_the_server_has_its_names() -> None:
    made = pki.create(pki.ServingNames(domain="corp.test", bind_address="192.0.2.9"), NOW)
    admin = x509.load_pem_x509_certificate(made.admin.certificate)
    assert subjects.common_name(admin.subject) == "kubernetes-admin"
    assert subjects.organizations(admin.subject) == ("system:masters",)
    server = pki.subject_names(x509.load_pem_x509_certificate(made.apiserver.certificate))
    for name in (
        "kubernetes.default.svc.corp.test",
        "localhost",
        "127.0.0.1",
        "::1",
        "192.0.2.9",
        "10.96.0.1",
    ):
        assert name in server


def test_a_serving_certificate_of_ours_is_extended(tmp_path: Path) -> None:
    first = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    more = pki.ServingNames(extra=("api.example", "192.0.2.1"))
    second = pkifolder.load_or_create(tmp_path, more, NOW)
    assert second.apiserver.key == first.apiserver.key
    assert pki.missing_names(second.apiserver, more) == []
    assert (tmp_path / "apiserver.crt").read_bytes() == second.apiserver.certificate
    third = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    assert third == second


def test_leaves_of_ours_are_renewed_near_their_end(tmp_path: Path) -> None:
    first = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    later = NOW + 350 * 86400
    second = pkifolder.load_or_create(tmp_path, NAMES, later)
    assert second.admin.key == first.admin.key
    admin = x509.load_pem_x509_certificate(second.admin.certificate)
    assert admin.not_valid_after_utc.timestamp() > later + 300 * 86400


def test_a_foreign_serving_certificate_is_never_touched(tmp_path: Path) -> None:
    first = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    authority = first.authority()
    foreign = issue_client(authority, "kube-apiserver", now=NOW)
    assert foreign.key is not None
    (tmp_path / "apiserver.crt").write_bytes(foreign.certificate)
    (tmp_path / "apiserver.key").write_bytes(foreign.key)
    again = pkifolder.load_or_create(tmp_path, pki.ServingNames(extra=("x.example",)), NOW)
    assert again.apiserver == foreign


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("ca.crt", b"garbage", "ca.crt: no PEM certificate in it"),
        ("ca.key", b"garbage", "ca.key: no usable private key"),
        ("sa.pub", b"garbage", "sa.pub: no PEM public key in it"),
    ],
)
def test_garbage_is_named_in_one_line(tmp_path: Path, file: str, content: bytes, text: str) -> None:
    pkifolder.load_or_create(tmp_path, NAMES, NOW)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(pki.PKIError, match=text) as caught:
        pkifolder.load_or_create(tmp_path, NAMES, NOW)
    assert "\n" not in str(caught.value)
    assert (tmp_path / file).read_bytes() == content


def test_mismatches_are_found(tmp_path: Path) -> None:
    pkifolder.load_or_create(tmp_path / "a", NAMES, NOW)
    pkifolder.load_or_create(tmp_path / "b", NAMES, NOW)
    for name in ("admin.key", "sa.pub"):
        folder = tmp_path / f"c-{name}"
        os.rename(tmp_path / "a", folder)
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes((tmp_path / "b" / name).read_bytes())
        with pytest.raises(pki.PKIError, match=name):
            pkifolder.load_or_create(folder, NAMES, NOW)
        (folder / name).write_bytes(kept)
        os.rename(folder, tmp_path / "a")
    for name in ("admin.crt", "admin.key"):
        (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(pki.PKIError, match=r"admin.crt: not signed by ca.crt"):
        pkifolder.load_or_create(tmp_path / "a", NAMES, NOW)


def test_missing_halves_are_refused_and_nothing_is_made_up(tmp_path: Path) -> None:
    pkifolder.load_or_create(tmp_path, NAMES, NOW)
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(pki.PKIError, match=r"ca.crt: missing, while ca.key is there"):
        pkifolder.load_or_create(tmp_path, NAMES, NOW)
    assert not (tmp_path / "ca.crt").exists()


def test_an_authority_without_its_key_serves_what_it_has(tmp_path: Path) -> None:
    first = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    (tmp_path / "ca.key").unlink()
    again = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    assert again.admin == first.admin
    with pytest.raises(pki.PKIError, match=r"ca\.key"):
        again.authority()
    (tmp_path / "admin.crt").unlink()
    (tmp_path / "admin.key").unlink()
    with pytest.raises(pki.PKIError, match=r"admin.crt: missing, and without ca.key"):
        pkifolder.load_or_create(tmp_path, NAMES, NOW)


def test_only_a_public_account_key_is_an_error(tmp_path: Path) -> None:
    pkifolder.load_or_create(tmp_path, NAMES, NOW)
    (tmp_path / "sa.key").unlink()
    with pytest.raises(pki.PKIError, match=r"sa\.key: missing"):
        pkifolder.load_or_create(tmp_path, NAMES, NOW)


def test_intermediates_in_the_leafs_file_are_followed(tmp_path: Path) -> None:
    made = pkifolder.load_or_create(tmp_path, NAMES, NOW)
    assert made.ca.key is not None
    bundle = made.admin.certificate + made.ca.certificate
    (tmp_path / "admin.crt").write_bytes(bundle)
    assert pkifolder.load_or_create(tmp_path, NAMES, NOW).admin.certificate == bundle
    assert Authority.from_pem(made.ca.certificate, made.ca.key).certificate.subject


def test_write_new_keeps_the_first(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.write_new(path, b"one")
    with pytest.raises(FileExistsError):
        files.write_new(path, b"two")
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_lock_that_stays_is_named(tmp_path: Path) -> None:
    (tmp_path / "f.lock").touch()
    with pytest.raises(TimeoutError, match=r"f\.lock"), files.lock_file(tmp_path / "f", patience=0.01):
        pass
