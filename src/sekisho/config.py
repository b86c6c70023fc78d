"""What an operator can choose, with upstream's names and defaults where it has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from sekisho.server.audit.settings import AuditOptions

DEFAULT_ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_SERVICE_RANGE = "10.96.0.0/16"
DEFAULT_PORT = 6443

DEFAULT_MODES = ("Node", "RBAC")


class ConfigError(ValueError):
    """Choices that cannot be; the text has one line for each, for the operator."""


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
    authorization_mode: tuple[str, ...] = DEFAULT_MODES
    """Leave it as it is when `authorization_config` names the authorizers."""
    authorization_config: Path | None = None
    authorization_policy_file: Path | None = None
    authorization_webhook_config_file: Path | None = None
    authorization_webhook_version: str = ""
    """Empty: v1beta1."""
    authorization_webhook_cache_authorized_ttl: float | None = None
    """Seconds; None: five minutes."""
    authorization_webhook_cache_unauthorized_ttl: float | None = None
    """Seconds; None: half a minute."""
    authorization_dry_run: tuple[str, ...] = ()
    """Where would-be denials are let through: namespaces, `user:NAME`, `group:NAME`, `serviceaccount:NS:NAME`."""
    authentication_config: Path | None = None
    authentication_token_webhook_config_file: Path | None = None
    authentication_token_webhook_version: str = "v1beta1"
    authentication_token_webhook_cache_ttl: float = 120.0
    oidc_issuer_url: str = ""
    oidc_client_id: str = ""
    oidc_ca_file: Path | None = None
    oidc_username_claim: str = ""
    """Empty: sub."""
    oidc_username_prefix: str = ""
    oidc_groups_claim: str = ""
    oidc_groups_prefix: str = ""
    oidc_required_claim: tuple[str, ...] = ()
    """Each KEY=VALUE."""
    oidc_signing_algs: tuple[str, ...] = ()
    """Empty: RS256."""
    client_ca_file: Path | None = None
    """Whose client certificates count; None: the cluster's own CA's."""
    requestheader_client_ca_file: Path | None = None
    requestheader_allowed_names: tuple[str, ...] | None = None
    """None: kubeadm's front proxy, or every name with a CA file of your own."""
    requestheader_username_headers: tuple[str, ...] = ("X-Remote-User",)
    requestheader_uid_headers: tuple[str, ...] = ()
    requestheader_group_headers: tuple[str, ...] = ("X-Remote-Group",)
    requestheader_extra_headers_prefix: tuple[str, ...] = ("X-Remote-Extra-",)
    tls_cert_file: Path | None = None
    tls_private_key_file: Path | None = None
    token_auth_file: Path | None = None
    service_account_issuer: tuple[str, ...] = (DEFAULT_ISSUER,)
    service_account_key_file: tuple[Path, ...] = ()
    service_account_signing_key_file: Path | None = None
    service_account_jwks_uri: str = ""
    service_account_lookup: bool = True
    service_account_max_token_expiration: float = 0.0
    """Seconds; 0: no limit."""
    service_account_extend_token_expiration: bool = True
    api_audiences: tuple[str, ...] = ()
    service_cluster_ip_range: str = DEFAULT_SERVICE_RANGE
    enable_bootstrap_token_auth: bool = False
    legacy_service_account_token_clean_up_period: float = 365 * 24 * 3600.0
    """Seconds; only where token_secrets is manual."""
    anonymous_auth: bool | None = None
    """None: on, unless the authentication configuration says otherwise."""
    node: str = "none"
    """simulated: a Node that runs Pods in appearance; none: Pods stay Pending."""
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    admission_control_config_file: Path | None = None
    event_ttl: float = 3600.0
    passages: int = 1000
    """How many passages the ring keeps."""
    record_in_process: bool = False
    """Whether controllers and the node, which ask within the process, leave passages, too."""
    audit: AuditOptions = field(default_factory=AuditOptions)
    extra_names: tuple[str, ...] = field(default=())
    """Further names and addresses for the serving certificate."""

    def __post_init__(self) -> None:
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
