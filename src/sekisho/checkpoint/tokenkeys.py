"""The keys of ServiceAccount tokens: one signs, all verify; both follow their files.

kube-apiserver reads them at its start only. Here a rotation needs no restart: add the new public key to sa.pub
(or a --service-account-key-file), put the new private key in the place of the old one, and take the old public
key away when its last token has expired; at no moment is a valid token refused.
"""

from __future__ import annotations

from pathlib import Path

from sekisho.config import Config, ConfigError
from sekisho.credentials import pki
from sekisho.credentials.keys import KeyRing, SigningKey, UnusableKey, VerificationKey, public_keys


class TokenKeys:
    """`signing` and `ring` are shared by everything that issues or checks tokens; `reload` changes them in place."""

    def __init__(self, config: Config, keys: pki.PKI) -> None:
        """Raises ConfigError."""
        self._config = config
        self._pki = keys
        self.signing = self._signing_key()
        self.ring = KeyRing(self._verification_keys(self.signing))

    @property
    def files(self) -> list[Path]:
        """What is read, as far as it is on disk."""
        config = self._config
        folder = [config.pki_dir / name for name in ("sa.key", "sa.pub")] if config.pki_dir else []
        own = [f for f in (config.service_account_signing_key_file, *folder) if f is not None and f.exists()]
        return [*own, *config.service_account_key_file]

    def reload(self) -> None:
        """Take the files as they are now. ConfigError, with all keys as before, when one is no good."""
        signing = self._signing_key()
        self.ring.replace(self._verification_keys(signing))
        self.signing.replace(signing)

    def _signing_key(self) -> SigningKey:
        file = self._config.service_account_signing_key_file or self._in_folder("sa.key")
        return SigningKey.from_pem(self._pki.sa_key) if file is None else _private_key(file)

    def _verification_keys(self, signing: SigningKey) -> list[VerificationKey]:
        """That of the signing key first, then sa.pub's, then the files'."""
        found = [VerificationKey(signing.kid, signing.key.public_key())]
        own = self._in_folder("sa.pub")
        found += public_keys(self._pki.sa_pub) if own is None else _public_keys(own)
        for path in self._config.service_account_key_file:
            found += _public_keys(path)
        return found

    def _in_folder(self, name: str) -> Path | None:
        """A file of the PKI folder; None where it is only in memory."""
        folder = self._config.pki_dir
        return folder / name if folder is not None and (folder / name).exists() else None


def check(config: Config) -> None:
    """Raises ConfigError for a key file that cannot be used."""
    if config.service_account_signing_key_file is not None:
        _private_key(config.service_account_signing_key_file)
    for path in config.service_account_key_file:
        _public_keys(path)


def _private_key(file: Path) -> SigningKey:
    try:
        return SigningKey.from_pem(file.read_bytes())
    except OSError as error:
        why = f"open {file}: {(error.strerror or str(error)).lower()}"
        raise ConfigError(f"failed to parse service-account-issuer-key-file: {why}")
    except UnusableKey as error:
        why = f"error parsing private key file {file}: {error}"
        raise ConfigError(f"failed to parse service-account-issuer-key-file: {why}")


def _public_keys(path: Path) -> list[VerificationKey]:
    try:
        return public_keys(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"open {path}: {(error.strerror or str(error)).lower()}")
    except UnusableKey as error:
        raise ConfigError(f"error reading public key file {path}: {error}")
