"""The file that sets up admission plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.admission import configuration, plugins
from sekisho.admission.configuration import AdmissionConfigError

KNOWN = ("PodSecurity", "ResourceQuota")
HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "admission.yaml"
    path.write_text(text)
    return path


def test_in_place_before_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "quota.yaml").write_text("kind: Quota")
    path = write(
        tmp_path,
        f"{HEAD}plugins:\n"
        "- {name: PodSecurity, path: quota.yaml, configuration: {kind: X}}\n"
        "- {name: ResourceQuota, path: quota.yaml}\n",
    )
    assert configuration.read(path, KNOWN) == {
        "PodSecurity": b'{"kind":"X"}',
        "ResourceQuota": b"kind: Quota",
    }
    assert configuration.read(None, KNOWN) == {}
    assert configuration.read(write(tmp_path, f"{HEAD}plugins: [{{name: PodSecurity}}]"), KNOWN) == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("kind: Foo\napiVersion: v1", 'no kind "Foo" is registered for version "v1"'),
        (f"{HEAD}plugin: []", 'strict decoding error: unknown field "plugin"'),
        (f"{HEAD}plugins: [{{name: Nope}}]", 'unknown admission plugin in .*: "Nope"'),
        (f"{HEAD}plugins: [{{name: PodSecurity, path: absent}}]", "absent: no such file or directory"),
        (
            f"{HEAD}plugins: [{{name: PodSecurity, configuration: {{kind: Foo, apiVersion: v1}}}}]",
            """couldn't init admission plugin "PodSecurity": no kind "Foo" is registered for version "v1\"""",
        ),
    ],
)
def test_files_that_are_no_good(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(AdmissionConfigError, match=error):
        plugins.check_configuration(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AdmissionConfigError, match=r"unable to read .*open .*absent: no such file"):
        plugins.check_configuration(tmp_path / "absent")
