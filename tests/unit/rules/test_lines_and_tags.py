"""Lines of pg_hba.conf and tags of members, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.hba_rules import (
    parse_line,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.member_rules import (
    tag_problems,
)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# a comment",
        "local all all peer map=admins",
        "local replication postgres peer # trailing",
        "host all all localhost scram-sha-256",
        "host all all 127.0.0.1/32 trust",
        "host all all ::1/128 trust",
        "hostssl all all 10.0.0.0 255.0.0.0 scram-sha-256",
        "hostssl all all fd00::/8 cert clientcert=verify-full",
        'hostssl "my db",other +group,bob .example.com scram-sha-256',
        "hostssl /^db\\d+$ all samenet scram-sha-256",
        "hostnossl all all all reject",
        "include_dir /etc/hba.d",
    ],
)
def test_right_lines_of_pg_hba(line: str) -> None:
    parse_line(line)


@pytest.mark.parametrize(
    "line, said",
    [
        ("hosts all all all md5", "unknown connection type"),
        ("hostssl all all 10.0.0.1", "at least 5 fields"),
        ("hostssl all all 10.0.0.0/33 md5", "is not a network"),
        ("hostssl all all 10.0.0/8 md5", "is not a network"),
        ("hostssl all all 10.0.0.1 md5", "neither a network"),
        ("hostssl all all 10.0.0.0 255.0.0.0", "no authentication method"),
        ("hostssl all all all scram", "unknown authentication method"),
        ("hostssl all all all peer", "local lines only"),
        ("host all all all cert", "hostssl lines only"),
        ("hostssl all all all md5 clientcert", "not name=value"),
        ("host all all all md5 clientcert=verify-full", "on hostssl lines"),
        ("hostssl all all all md5 clientcert=1", "verify-ca or verify-full"),
        ("local all all", "at least 4 fields"),
        ("hostssl all all ho$t md5", "neither an address"),
        ('local "all all peer', "cannot be read"),
        ("include", "one path"),
    ],
)
def test_wrong_lines_of_pg_hba(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        parse_line(line)


@pytest.mark.parametrize(
    "tags, reasons",
    [
        ({"nofailover": True, "clonefrom": True}, []),
        ({"nofailover": True, "failover_priority": 0}, []),
        ({"nofailover": False, "failover_priority": 2}, []),
        ({"nofailover": True, "failover_priority": 1}, ["conflicting_tags"]),
        ({"nofailover": False, "failover_priority": 0}, ["conflicting_tags"]),
        ({"nosync": True, "sync_priority": 3}, ["conflicting_tags"]),
        ({"sync_priority": -1}, ["conflicting_tags"]),
        ({"nofailover": "false"}, ["bad_tag"]),
        ({"region": "main"}, []),
    ],
)
def test_tags(tags: dict[str, Any], reasons: list[str]) -> None:
    assert [problem.reason for problem in tag_problems(tags)] == reasons
