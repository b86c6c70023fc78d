from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from sekisho.credentials import kubeconfig
from sekisho.credentials.kubeconfig import Context, KubeconfigError

OURS = Context("sekisho", "https://127.0.0.1:6443", b"CA", b"CERT", b"KEY")
THEIRS = """\
# my clusters
apiVersion: v1
kind: Config
preferences: {}   # nothing
clusters:
# the work one
- cluster:
    server: https://work.example   # keep me
    insecure-skip-tls-verify: true
  name: work
contexts:
- context: {cluster: work, user: me}
  name: work
current-context: work # the default
users:
- name: me
  user:
    exec:
      command: aws
      args: [--date, 2024-01-01]
      apiVersion: client.authentication.k8s.io/v1
# the end
"""


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_new_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / ".kube" / "config"
    assert kubeconfig.add([path], OURS) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    data = yaml.safe_load(path.read_text())
    assert data["current-context"] == "sekisho"
    assert data["kind"] == "Config"
    assert data["users"][0]["user"]["client-key-data"] == "S0VZ"
    assert yaml.safe_load(OURS.render()) == data
    assert not list(tmp_path.rglob("*.lock"))


def test_other_entries_and_comments_stay_byte_for_byte(tmp_path: Path) -> None:
    path = put(tmp_path / "c", THEIRS)
    kubeconfig.add([path], OURS)
    text = path.read_text()
    kept = [line for line in THEIRS.splitlines() if not line.startswith("current-context")]
    remaining = iter(text.splitlines())
    assert all(line in remaining for line in kept)
    assert "current-context: sekisho # the default" in text
    assert kubeconfig.remove([path], "sekisho") == [path]
    assert path.read_text() == THEIRS.replace("current-context: work", "current-context: ''")


def test_adding_twice_replaces(tmp_path: Path) -> None:
    path = put(tmp_path / "c", THEIRS)
    kubeconfig.add([path], OURS)
    kubeconfig.add([path], Context("sekisho", "https://127.0.0.1:7000", token="t"))
    data = kubeconfig.load([path])
    assert [c["name"] for c in data["clusters"]] == ["work", "sekisho"]
    assert data["clusters"][1]["cluster"] == {"server": "https://127.0.0.1:7000"}
    assert data["users"][1]["user"] == {"token": "t"}
    before = path.read_text()
    kubeconfig.add([path], Context("sekisho", "https://127.0.0.1:7000", token="t"))
    assert path.read_text() == before


def test_removing_the_last_entry_leaves_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    kubeconfig.add([path], OURS)
    kubeconfig.remove([path], "sekisho")
    data = yaml.safe_load(path.read_text())
    assert data["clusters"] == []
    kubeconfig.add([path], OURS)
    assert kubeconfig.load([path])["current-context"] == "sekisho"
    assert kubeconfig.remove([path], "absent") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "---\n",
        'apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ""\nkind: Config\nusers: null\n',
        "apiVersion: v1\nclusters: []\nkind: Config\nusers: []",
        '{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{}}]}',
        "clusters:\n  - name: a\n    cluster: {}\n  - name: b\n    cluster: &x\n      k: |\n        y\n",
        "clusters:\n-\n  name: a\n  cluster: {}\n",
        "users: [{name: a, user: {}}]\n",
        "clusters:\n- name: sekisho\n  cluster: {server: old}\n# between\n- name: z\n  cluster: {}\n",
    ],
)
def test_any_layout_is_added_to_and_taken_from(tmp_path: Path, text: str) -> None:
    path = put(tmp_path / "c", text)
    before = kubeconfig.load([path])
    kubeconfig.add([path], OURS)
    data = kubeconfig.load([path])
    assert data["current-context"] == "sekisho"
    for section in kubeconfig.SECTIONS:
        others = [i for i in before[section] if i["name"] != "sekisho"]
        assert [i for i in data[section] if i["name"] != "sekisho"] == others
        assert OURS.entries()[section] in data[section]
    kubeconfig.remove([path], "sekisho")
    after = kubeconfig.load([path])
    assert [i for i in before["clusters"] if i["name"] != "sekisho"] == after["clusters"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b: c", "not YAML: mapping values are not allowed in this context at line 1"),
        ("- a", "not a kubeconfig: it is no mapping"),
        ("hello", "not a kubeconfig: it is no mapping"),
        ("kind: Pod", "not a kubeconfig: its kind is Pod"),
        ("apiVersion: v2", "not a kubeconfig: its apiVersion is v2"),
        ("clusters: 5", "not a kubeconfig: clusters is no list"),
        ("users:\n- user: {}", "not a kubeconfig: an entry of users has no name"),
    ],
)
def test_what_is_no_kubeconfig_is_left_alone(tmp_path: Path, text: str, problem: str) -> None:
    path = put(tmp_path / "c", text)
    with pytest.raises(KubeconfigError) as caught:
        kubeconfig.add([path], OURS)
    assert str(caught.value) == f"{path}: {problem}"
    assert path.read_text() == text
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(KubeconfigError, match="not UTF-8"):
        kubeconfig.load([path])


def test_lists_of_files(tmp_path: Path) -> None:
    first, second, third = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    environ = {"KUBECONFIG": f"{first}:{second}::{third}:{first}", "HOME": str(tmp_path)}
    where = kubeconfig.paths(None, environ)
    assert where == [first, second, third]
    assert kubeconfig.paths("/x", environ) == [Path("/x")]
    assert kubeconfig.paths(None, {"HOME": "/h"}) == [Path("/h/.kube/config")]
    assert kubeconfig.add(where, OURS) == third
    third.unlink()
    put(second, THEIRS)
    put(
        third,
        "clusters:\n- name: sekisho\n  cluster: {server: stale}\n- name: work\n  cluster: {server: other}\n",
    )
    assert kubeconfig.add(where, OURS) == second
    merged = kubeconfig.load(where)
    assert merged["current-context"] == "sekisho"
    assert [c["name"] for c in merged["clusters"]] == ["work", "sekisho"]
    assert merged["clusters"][0]["cluster"]["server"] == "https://work.example"
    assert "stale" not in third.read_text()
    assert kubeconfig.remove(where, "sekisho") == [second]


def test_the_current_context_is_changed_where_it_stands(tmp_path: Path) -> None:
    first = put(tmp_path / "1", "kind: Config\n")
    second = put(tmp_path / "2", "current-context: work\n")
    kubeconfig.add([first, second], OURS)
    assert second.read_text() == "current-context: sekisho\n"
    assert "current-context" not in first.read_text()
    kubeconfig.add([first, second], Context("b", "https://b"), make_current=False)
    assert kubeconfig.load([first, second])["current-context"] == "sekisho"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = put(tmp_path / "real", THEIRS)
    link = tmp_path / "link"
    link.symlink_to(real)
    kubeconfig.add([link], OURS)
    assert link.is_symlink()
    assert "sekisho" in real.read_text()


def test_a_locked_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "c", THEIRS)
    (tmp_path / "c.lock").touch()
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(KubeconfigError, match=r"c\.lock"):
        kubeconfig.add([path], OURS)
