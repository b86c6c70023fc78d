"""CPU time of the server for one request over TLS, beside uvicorn that answers the same bytes.

Usage: python bench/http.py [--requests N] [--rounds N] [--list N] [--only get,list,...]

Both servers run in processes of their own on 127.0.0.1; what is counted is the CPU time of these processes, as the
kernel accounts it, while one client keeps eight connections busy. The caller is a certificate user with a Role
bound to it. Rounds alternate between the two servers, the best round of each counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from sekisho.credentials import pki, pkifolder
from sekisho.credentials.certificates import issue_client, load_private_key

CONNECTIONS = 8
NAMESPACE = "bench"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"

BARE = """
import sys
import uvicorn

responses = {}

async def app(scope, receive, send):
    more = True
    while more:
        more = (await receive()).get("more_body")
    headers, body = responses[scope["method"] + scope["path"]]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

key, certificate, authority, port, answers = sys.argv[1:]
import json
for name, (headers, body) in json.load(open(answers)).items():
    responses[name] = ([(k.encode(), v.encode()) for k, v in headers], body.encode())
import ssl
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="critical", access_log=False, http="httptools",
    loop="uvloop", server_header=False, ssl_keyfile=key, ssl_certfile=certificate, ssl_ca_certs=authority,
    ssl_cert_reqs=ssl.CERT_OPTIONAL, lifespan="off", ws="none")
"""


@dataclass
class Case:
    """Requests of one kind; `body` gives the n-th one's body."""

    name: str
    method: str
    path: str
    body: Callable[[int], bytes] = lambda n: b""

    def request(self, n: int) -> bytes:
        body = self.body(n)
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\n"
        head += "Accept: application/json\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


def config_map(name: str, n: int) -> bytes:
    labels = {"app": "bench", "n": str(n)}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    data = {f"key-{i}": f"value {n} of {i} " * 3 for i in range(8)}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}).encode()


def pod(name: str) -> bytes:
    container = {
        "name": "main",
        "image": "registry.example.com/app:1",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": f"E{i}", "value": f"value-{i}"} for i in range(5)],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": "bench"}}
    spec = {"automountServiceAccountToken": False, "containers": [container]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).encode()


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Client:
    """Blocking keep-alive connections; `burst` has one request on its way on each of them."""

    def __init__(self, port: int, context: ssl.SSLContext, count: int = CONNECTIONS) -> None:
        self._sockets = []
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(context.wrap_socket(plain, server_hostname="127.0.0.1"))

    def call(self, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        self._sockets[0].sendall(request)
        return self._read(self._sockets[0])

    def burst(self, requests: list[bytes]) -> None:
        used = self._sockets[: len(requests)]
        for connection, request in zip(used, requests, strict=True):
            connection.sendall(request)
        for connection in used:
            code, _, body = self._read(connection)
            if code not in (200, 201):
                raise SystemExit(f"unexpected answer {code}: {body[:300]!r}")

    @staticmethod
    def _read(connection: ssl.SSLSocket) -> tuple[int, list[tuple[str, str]], bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [(k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines)]
        length = int(dict(headers)["content-length"])
        parts, size = [body], len(body)
        while size < length:
            parts.append(connection.recv(262144))
            size += len(parts[-1])
        return int(first.split()[1]), headers, b"".join(parts)

    def close(self) -> None:
        for connection in self._sockets:
            connection.close()


def client_context(folder: Path, user: str, groups: tuple[str, ...]) -> ssl.SSLContext:
    authority = pki.Authority(
        x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()),
        load_private_key((folder / "ca.key").read_bytes()),
    )
    pair = issue_client(authority, user, groups, now=time.time())
    certificate, key = folder / f"bench-{user}.crt", folder / f"bench-{user}.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key or b"")
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(certificate, key)
    return context


@contextlib.contextmanager
def sekisho(folder: Path) -> Iterator[tuple[int, int]]:
    """A server in memory: its port and process id."""
    command = [
        sys.executable,
        "-m",
        "sekisho",
        "serve",
        "--secure-port=0",
        f"--pki-dir={folder}",
        "--store=memory",
    ]
    with running([*command, "--token-secrets=manual"], subprocess.PIPE) as process:
        line = process.stdout.readline().decode()  # type: ignore[union-attr]
        yield int(line.split("https://")[1].split()[0].rsplit(":", 1)[1]), process.pid


@contextlib.contextmanager
def bare_uvicorn(folder: Path, answers: dict[str, object]) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "answers.json").write_text(json.dumps(answers))
    files = [str(folder / name) for name in ("apiserver.key", "apiserver.crt", "ca.crt")]
    command = [sys.executable, "-c", BARE, *files, str(port), str(folder / "answers.json")]
    with running(command, None) as process:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port, process.pid


@contextlib.contextmanager
def running(command: list[str], stdout: int | None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=stdout)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def prepare(admin: Client, items: int) -> None:
    def post(path: str, obj: object) -> None:
        body = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        code, _, answer = admin.call(Case("", "POST", path, lambda n: body).request(0))
        if code != 201:
            raise SystemExit(f"{path}: {answer[:300]!r}")

    post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    rules = [{"apiGroups": [""], "resources": ["pods", "configmaps", "secrets"], "verbs": ["*"]}]
    version = "rbac.authorization.k8s.io/v1"
    post(f"{RBAC}/roles", {"apiVersion": version, "kind": "Role", "metadata": {"name": "r"}, "rules": rules})
    binding = {
        "apiVersion": version,
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "subjects": [{"kind": "User", "name": "bench", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"},
    }
    post(f"{RBAC}/rolebindings", binding)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    code, _, _ = admin.call(
        Case("", "POST", f"{CORE}/serviceaccounts", lambda n: json.dumps(account).encode()).request(0)
    )
    if code not in (201, 409):
        raise SystemExit(f"service account: {code}")
    for i in range(items):
        post(f"{CORE}/pods", pod(f"pod-{i}"))
    for i in range(CONNECTIONS):
        post(f"{CORE}/configmaps", config_map(f"put-{i}", 0))


CASES = (
    Case("get", "GET", f"{CORE}/pods/pod-0"),
    Case("list", "GET", f"{CORE}/pods"),
    Case("create", "POST", f"{CORE}/configmaps", lambda n: config_map(f"post-{n}-{time.monotonic_ns()}", n)),
    Case("update", "PUT", f"{CORE}/configmaps/put-%d", lambda n: config_map(f"put-{n % CONNECTIONS}", n)),
)


def requests_of(case: Case, count: int) -> list[list[bytes]]:
    """In bursts; the n-th of a burst updates the n-th object."""
    flat = [case.request(n).replace(b"%d", b"%d" % (n % CONNECTIONS)) for n in range(count)]
    return [flat[i : i + CONNECTIONS] for i in range(0, count, CONNECTIONS)]


def measure(pid: int, client: Client, bursts: list[list[bytes]]) -> float:
    """Microseconds of CPU for one request."""
    start = cpu_seconds(pid)
    for burst in bursts:
        client.burst(burst)
    return (cpu_seconds(pid) - start) / sum(map(len, bursts)) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--list", type=int, default=500, dest="items", help="objects in the list")
    parser.add_argument("--only", default="get,list,create,update")
    options = parser.parse_args()
    cases = [case for case in CASES if case.name in options.only.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pkifolder.load_or_create(folder, pki.ServingNames(), time.time())
        with sekisho(folder) as (port, pid):
            prepare(Client(port, client_context(folder, "admin", ("system:masters",)), 1), options.items)
            context = client_context(folder, "bench", ())
            client = Client(port, context)
            answers: dict[str, object] = {}
            for case in cases:
                request = case.request(0).replace(b"%d", b"0")
                _, headers, body = client.call(request)
                answers[case.method + case.path.replace("%d", "0")] = (headers, body.decode())
                for i in range(1, CONNECTIONS):
                    answers[case.method + case.path.replace("%d", str(i))] = (headers, body.decode())
            for headers, _ in answers.values():  # type: ignore[misc]
                headers[:] = [h for h in headers if h[0] != "date"]
            with bare_uvicorn(folder, answers) as (bare_port, bare_pid):
                compare(options, cases, (pid, client), (bare_pid, Client(bare_port, context)))


def compare(
    options: argparse.Namespace, cases: list[Case], ours: tuple[int, Client], bare: tuple[int, Client]
) -> None:
    print("request".ljust(10), "sekisho us".rjust(12), "uvicorn us".rjust(12), "ratio".rjust(8))
    for case in cases:
        count = options.requests if case.name != "list" else max(options.requests // 10, CONNECTIONS)
        best = [float("inf"), float("inf")]
        for _ in range(options.rounds):
            for side, (pid, client) in enumerate((ours, bare)):
                best[side] = min(best[side], measure(pid, client, requests_of(case, count)))
        row = (f"{best[0]:.1f}", f"{best[1]:.1f}", f"{best[0] / best[1]:.2f}")
        print(case.name.ljust(10), row[0].rjust(12), row[1].rjust(12), row[2].rjust(8))


if __name__ == "__main__":
    main()
