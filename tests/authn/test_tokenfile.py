from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.authn.tokenfile import TokenFile, TokenFileError, parse


def test_columns() -> None:
    users = parse('t1,u1,i1\nt2,u2,i2,"a,b",more\nt3,u3,i3,\n\n"t,4",u4,i4\n,empty,x\nt1,later,i5\n')
    assert users["t1"].name == "later"
    assert users["t2"].groups == ("a", "b")
    assert users["t3"].groups == ("",)
    assert users["t,4"].uid == "i4"
    assert len(users) == 4


def test_too_few_columns(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("t,u\n")
    with pytest.raises(TokenFileError) as caught:
        TokenFile.load(path)
    assert str(caught.value) == (
        f"token file '{path}' must have at least 3 columns (token, user name, user uid), found 2"
    )
    with pytest.raises(TokenFileError, match="no such file or directory"):
        TokenFile.load(tmp_path / "absent")
