"""Starts a server as the recorded one was and replays the recorded conversations against it, folder by folder.

Prints each folder's totals. The exit code says whether the replay worked, not whether every answer was equal:
a server that crashes, drops connections, or does worse than the floor in scripts/replay-floor.json fails.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLOOR = HERE / "replay-floor.json"
LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def start(pki: Path) -> tuple[subprocess.Popen[str], str]:
    """The server with the settings the recordings were made with, and its URL."""
    arguments = [
        *(sys.executable, "-m", "sekisho", "serve", "--secure-port=0", "--token-secrets=manual"),
        *(f"--pki-dir={pki}", f"--token-auth-file={pki / 'tokens.csv'}", "--authorization-mode=Node,RBAC"),
        *("--enable-admission-plugins=NodeRestriction", "--enable-bootstrap-token-auth", "--node=none"),
        *("--service-cluster-ip-range=10.96.0.0/16", "--store=memory"),
    ]
    server = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline() if server.stdout else ""
    found = re.search(r"https://\S+", line)
    if found is None:
        sys.exit("the server did not start")
    time.sleep(0.5)
    return server, found[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("conformance", type=Path)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    folders = args.folders or sorted(p.name for p in (args.conformance / "scenarios").iterdir() if p.is_dir())
    floor = json.loads(FLOOR.read_text()) if FLOOR.exists() else {}
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        pki = Path(temporary) / "pki"
        subprocess.run(["bash", args.conformance / "pki.sh", pki], check=True, stdout=subprocess.DEVNULL)
        server, url = start(pki)
        try:
            for folder in folders:
                passed, lost, output = replay(args, url, pki, folder)
                print(output if args.verbose else _short(output), flush=True)
                print(f"{folder}: {passed} passed, {lost} failed", flush=True)
                if server.poll() is not None:
                    print("the server stopped", flush=True)
                    return 1
                if passed < floor.get(folder, 0):
                    print(f"{folder}: fewer than the {floor[folder]} of before", flush=True)
                    failed = True
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)
    return 1 if failed else 0


def replay(args: argparse.Namespace, url: str, pki: Path, folder: str) -> tuple[int, int, str]:
    command = [sys.executable, str(args.conformance / "conformance.py"), "replay", "--server", url]
    command += ["--pki", str(pki), "-j", "8", str(args.conformance / "scenarios" / folder)]
    if args.verbose:
        command.append("-v")
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    totals = LAST_LINE.findall(output)
    if not totals:
        return 0, 0, output
    return int(totals[-1][0]), int(totals[-1][1]), output


def _short(output: str) -> str:
    """Only the files in which something differs."""
    rows = re.findall(r"^ *(\d+)/(\d+) +(\S+)$", output, re.M)
    return "\n".join(f"  {ok}/{of} {name}" for ok, of, name in rows if ok != of)


if __name__ == "__main__":
    sys.exit(main())
