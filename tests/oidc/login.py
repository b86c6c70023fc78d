"""A credential plugin for kubectl: logs in at the OpenID provider as a browser would (authorization code with PKCE),
and prints the ID token as an ExecCredential.

    login.py ISSUER CA-FILE CLIENT-ID REDIRECT-URI USER [API-VERSION]
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import sys
import time
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx


def login(issuer: str, ca: str, client_id: str, redirect: str, user: str) -> str:
    """The ID token."""
    context = ssl.create_default_context(cafile=ca)
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with httpx.Client(verify=context, trust_env=False, timeout=20) as browser:
        known = browser.get(f"{issuer}/.well-known/openid-configuration").raise_for_status().json()
        code = _code(
            browser,
            known["authorization_endpoint"],
            {
                "client_id": client_id,
                "response_type": "code",
                "redirect_uri": redirect,
                "scope": "openid profile email",
                "code_challenge": challenge,
                "code_challenge_method": "S256",
                "state": secrets.token_urlsafe(8),
            },
            redirect,
            user,
        )
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": client_id,
            "code_verifier": verifier,
        }
        answer = browser.post(known["token_endpoint"], data=form).raise_for_status()
    return str(answer.json()["id_token"])


def _code(browser: httpx.Client, url: str, query: dict[str, str], redirect: str, user: str) -> str:
    """Follow the redirects, signing in and consenting on the way, until one leads back to us."""
    answer = browser.get(url, params=query)
    prompts = iter(("login", "consent"))
    for _ in range(20):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(redirect):
                return parse_qs(urlsplit(target).query)["code"][0]
            answer = browser.get(target)
        else:
            answer.raise_for_status()
            answer = browser.post(answer.url, data={"prompt": next(prompts), "login": user, "password": "x"})
    raise SystemExit("the provider leads nowhere")


def main() -> None:
    issuer, ca, client_id, redirect, user = sys.argv[1:6]
    version = sys.argv[6] if len(sys.argv) > 6 else "client.authentication.k8s.io/v1"
    token = login(issuer, ca, client_id, redirect, user)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300))
    status = {"token": token, "expirationTimestamp": expires}
    print(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))


if __name__ == "__main__":
    main()
