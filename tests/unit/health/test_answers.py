"""What answers are taken for: HTTP, Redis, PostgreSQL, DNS, PromQL, Kubernetes."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.health import (
    cluster,
    promql,
    sql,
    streams,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.certificate import (
    judge_days,
    left,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
    explain,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.names import (
    judge_records,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.web import (
    Expected,
    Http,
    judge_answer,
)


def refusal(judge: Callable[..., Any], *given: Any) -> tuple[str, str]:
    with pytest.raises(FailedError) as failed:
        judge(*given)
    return failed.value.reason, str(failed.value)


OK = '{"status": "ok", "parts": [{"name": "db", "state": "up"}]}'


def test_an_answer_as_expected() -> None:
    judge_answer(Expected(), 204, {}, None)
    judge_answer(Expected(status=(401, 403)), 403, {}, None)
    wanted = {"status": "ok", "parts[?state != 'up'] | length(@)": 0, "missing": None}
    judge_answer(
        Expected(json=wanted, text="st.t", headers={"x-VERSION": r"^1\."}),
        200,
        {"X-Version": "1.2"},
        OK,
    )


@pytest.mark.parametrize(
    "expected, status, body, reason, words",
    [
        (Expected(), 302, "", "status", "status 302 instead of 2xx"),
        (Expected(status=(200, 204)), 500, "", "status", "status 500 instead of 200 or 204"),
        (Expected(json={"status": "up"}), 200, OK, "body", 'status is "ok", expected "up"'),
        (Expected(json={"parts[0].state": True}), 200, OK, "body", 'is "up", expected true'),
        (Expected(json={"a": 1}), 200, "<html>", "body", "no JSON; it begins <html>"),
        (Expected(json={"length(a)": 1}), 200, OK, "body", "fails on the body"),
        (Expected(text="nowhere"), 200, "x" * 500, "body", "..."),
        (Expected(headers={"Server": "x"}), 200, "", "header", "the header Server is missing"),
        (Expected(headers={"X-V": "2"}), 200, "", "header", "the header X-V is 1, expected 2"),
    ],
)
def test_another_answer(
    expected: Expected, status: int, body: str, reason: str, words: str
) -> None:
    found = refusal(judge_answer, expected, status, {"X-V": "1"}, body)
    assert found[0] == reason
    assert words in found[1]
    assert len(found[1]) < 250


def test_days_of_a_certificate() -> None:
    found = left({"notAfter": "Jan  2 00:00:00 2030 GMT"}, 1893456000.0)
    assert found == pytest.approx(1)
    judge_days(found, 1)
    assert refusal(judge_days, found, 2)[0] == "certificate_ends"


def read(data: bytes) -> Any:
    async def inner() -> Any:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await streams.reply(reader)

    return asyncio.run(inner())


def test_the_protocol_of_redis() -> None:
    assert streams.command("AUTH", "pä") == b"*2\r\n$4\r\nAUTH\r\n$3\r\np\xc3\xa4\r\n"
    assert read(b"+PONG\r\n") == "PONG"
    assert read(b"*3\r\n$6\r\nmaster\r\n:12\r\n*1\r\n*-1\r\n") == ["master", 12, [None]]
    assert refusal(read, b"-NOAUTH Authentication required.\r\n")[0] == "authentication"
    assert refusal(read, b"-LOADING Redis is loading\r\n")[0] == "loading"
    assert refusal(read, b"HTTP/1.1 400 Bad Request\r\n")[0] == "answer"
    with pytest.raises(asyncio.IncompleteReadError) as cut:
        read(b"$6\r\nmas")
    assert explain(cut.value).reason == "closed"


def test_the_role_of_redis() -> None:
    replica = ["slave", "10.0.0.1", 6379, "connected", 5]
    assert streams.judge_role(["master", 0, []], "any") == {"role": "primary"}
    assert streams.judge_role(replica, "replica") == {"role": "replica"}
    assert refusal(streams.judge_role, replica, "primary")[0] == "role"
    replica[3] = "connecting"
    assert "10.0.0.1:6379 (connecting)" in refusal(streams.judge_role, replica, "any")[1]


def test_the_state_of_postgresql() -> None:
    assert sql.judge_state(("f", "0"), "primary", 5) == {"role": "primary", "lag": 0}
    assert sql.judge_state(("t", "1.25"), "any", None) == {"role": "standby", "lag": 1.25}
    assert refusal(sql.judge_state, ("f", "0"), "standby", None)[0] == "role"
    assert "30 s behind" in refusal(sql.judge_state, ("t", "30"), "any", 10)[1]
    assert "not known" in refusal(sql.judge_state, ("t", None), "any", 10)[1]
    assert sql.judge_value([("t", "x")], "t") == "t"
    assert "'f', expected 't'" in refusal(sql.judge_value, [("f",)], "t")[1]
    assert "no row" in refusal(sql.judge_value, [], None)[1]


def test_records_are_compared_as_sets() -> None:
    judge_records(["10.0.0.2", "10.0.0.1"], ["10.0.0.1", "10.0.0.2"])
    judge_records(["Web.Example.org."], ["web.example.org"])
    judge_records(["anything"], [])
    found = refusal(judge_records, ["10.0.0.1", "10.0.0.2"], ["10.0.0.1"])
    assert found == ("records", "the records are 10.0.0.1, 10.0.0.2, expected 10.0.0.1")


def vector(*values: str) -> str:
    series = [
        f'{{"metric":{{"__name__":"up","job":"j{n}"}},"value":[1,"{value}"]}}'
        for n, value in enumerate(values)
    ]
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{",".join(series)}]}}}}'


def test_values_of_promql() -> None:
    def query(**bounds: Any) -> promql.Promql:
        return promql.Promql(Http("http://h"), "up", **bounds)

    found = promql.samples(200, vector("1", "0.5"))
    assert found == [('up{job="j0"}', 1.0), ('up{job="j1"}', 0.5)]
    promql.judge_samples(found, query(minimum=0.5, maximum=1))
    promql.judge_samples([], query(empty=True))
    judge = promql.judge_samples
    assert refusal(judge, found, query(minimum=0.6)) == (
        "value",
        'up{job="j1"} is 0.5, expected at least 0.6',
    )
    assert refusal(judge, found, query(maximum=0.4))[1].endswith("expected at most 0.4")
    assert refusal(judge, [], query(maximum=1))[0] == "no_value"
    assert refusal(judge, found, query(empty=True))[0] == "value"
    for bounds in ({}, {"minimum": 0}, {"maximum": 0}):
        assert refusal(judge, [("", float("nan"))], query(**bounds))[0] == "value"
    scalar = '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'
    assert promql.samples(200, scalar) == [("", 2.0)]
    wrong = '{"status":"error","errorType":"bad_data","error":"parse error"}'
    assert refusal(promql.samples, 400, wrong) == ("query", "Prometheus says: parse error")
    assert refusal(promql.samples, 200, "<html>")[0] == "answer"


def job(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {},
        "status": status,
    }


def test_an_object_is_ready_has_failed_or_is_awaited() -> None:
    complete = {"type": "Complete", "status": "True"}
    cluster.judge_object(job(conditions=[complete]), None)
    assert refusal(cluster.judge_object, job(), None)[0] == "not_ready"
    broken = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    assert refusal(cluster.judge_object, job(conditions=[broken]), None)[0] == "failed"
    suspended = {**job(), "spec": {"suspend": True}}
    assert refusal(cluster.judge_object, suspended, None) == ("not_ready", "it is suspended")


@pytest.mark.parametrize(
    "error, reason",
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "refused"),
        (OSError(errno.ECONNREFUSED, "Multiple exceptions"), "refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "unreachable"),
        (OSError(errno.ETIMEDOUT, "x"), "timeout"),
        (socket.gaierror(-2, "Name or service not known"), "name"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "closed"),
        (asyncio.IncompleteReadError(b"", 5), "closed"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls"),
        (ValueError("a library's words"), "other"),
    ],
)
def test_what_the_network_says(error: Exception, reason: str) -> None:
    found = explain(error)
    assert found.reason == reason
    assert str(found)
