"""What an operator can choose, with upstream's names and defaults where it has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

DEFAULT_ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_SERVICE_RANGE = "10.96.0.0/16"
DEFAULT_PORT = 6443

AUTHORIZATION_MODES = ("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node")


class ConfigError(ValueError):
    """A choice that cannot be; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Config:
    """One server. `data_dir` None keeps everything in memory; `pki_dir` None keeps keys in memory as well."""

    name: str = "default"
    bind_address: str = "127.0.0.1"
    secure_port: int = DEFAULT_PORT
    """0 picks a free port."""
    data_dir: Path | None = None
    pki_dir: Path | None = None
    store: str = "sqlite"
    """sqlite or memory."""
    token_secrets: str = "auto"
    """auto: every ServiceAccount gets a token Secret, as up to Kubernetes 1.23; manual: as today."""
    authorization_mode: tuple[str, ...] = ("Node", "RBAC")
    token_auth_file: Path | None = None
    service_account_issuer: tuple[str, ...] = (DEFAULT_ISSUER,)
    service_account_key_file: tuple[Path, ...] = ()
    api_audiences: tuple[str, ...] = ()
    service_cluster_ip_range: str = DEFAULT_SERVICE_RANGE
    enable_bootstrap_token_auth: bool = False
    anonymous_auth: bool = True
    node: str = "none"
    """simulated: a Node that runs Pods in appearance; none: Pods stay Pending."""
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    event_ttl: float = 3600.0
    passages: int = 1000
    """How many passages the ring keeps."""
    record_in_process: bool = False
    """Whether controllers and the node, which ask within the process, leave passages, too."""
    extra_names: tuple[str, ...] = field(default=())
    """Further names and addresses for the serving certificate."""

    def __post_init__(self) -> None:
        unknown = [m for m in self.authorization_mode if m not in AUTHORIZATION_MODES]
        if unknown:
            raise ConfigError(f'authorization-mode "{unknown[0]}" is not a valid mode')
        if len(set(self.authorization_mode)) != len(self.authorization_mode):
            listed = " ".join(f'"{m}"' for m in self.authorization_mode)
            raise ConfigError(f"authorization-mode [{listed}] has mode specified more than once")
        if not 0 <= self.secure_port <= 65535:
            raise ConfigError(
                f"--secure-port {self.secure_port} must be between 0 and 65535, inclusive. 0 picks a free port"
            )
        if self.passages < 1:
            raise ConfigError(f"--passages {self.passages} must be at least 1")
        self.service_networks  # noqa: B018  (parsed here so that a bad range is told before anything starts)

    @property
    def service_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The ranges that ClusterIPs come from. Raises ConfigError."""
        try:
            return tuple(ip_network(text.strip()) for text in self.service_cluster_ip_range.split(","))
        except ValueError as error:
            raise ConfigError(f"--service-cluster-ip-range: {error}")

    @property
    def kubernetes_service_ip(self) -> str:
        """The address of the `kubernetes` Service: the first of the first range."""
        return str(self.service_networks[0][1])

    @property
    def audiences(self) -> tuple[str, ...]:
        return self.api_audiences or self.service_account_issuer
