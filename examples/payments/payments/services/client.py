"""The frontend: a page, and the synthetic payment, which crosses all services."""

from __future__ import annotations

import uuid

import aiohttp
from aiohttp import web

from payments.web import Runtime, answer, body_of, runtime_of

#: More than the payment's own budget.
_PATIENCE = aiohttp.ClientTimeout(total=10)
_PAGE = """<!doctype html><meta charset="utf-8"><title>Payments</title>
<h1>Payments</h1>
<form>
  <input name="person" value="alice"> <input name="password" type="password" placeholder="password">
  <button>Pay a coffee</button>
</form>
<pre></pre>
<script>
const said = document.querySelector("pre"), say = text => said.textContent += text + "\\n";
document.querySelector("form").onsubmit = async event => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.target));
  const send = (path, body, headers) => fetch("/v1/api/" + path, {method: "POST",
    headers: {"Content-Type": "application/json", ...headers}, body: JSON.stringify(body)})
    .then(answer => answer.json());
  const {token, message} = await send("identity/tokens", given);
  if (!token) return say(message);
  const paid = await send("payment/payments", {sku: "coffee", quantity: 1},
    {Authorization: "Bearer " + token, "Idempotency-Key": crypto.randomUUID()});
  say(JSON.stringify(paid));
  const query = new URLSearchParams({token, payment: paid.payment});
  new WebSocket("wss://" + location.host + "/v1/api/signal/ws?" + query).onmessage = news => say(news.data);
};
</script>
"""


async def _page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text=_PAGE, content_type="text/html")


async def _pay(request: web.Request) -> web.StreamResponse:
    """A payment from beginning to end: {person, password, sku, quantity} and, if one repeats it, its key."""
    peers = runtime_of(request).peers
    asked = await body_of(request, person=str, password=str, sku=str, quantity=int)
    who = {"person": asked["person"], "password": asked["password"]}
    token = (await peers.post("identity", "/tokens", who))["token"]
    headers = {"Authorization": f"Bearer {token}"}
    key = request.headers.get("Idempotency-Key") or str(uuid.uuid4())
    what = {"sku": asked["sku"], "quantity": asked["quantity"]}
    paid = await peers.post(
        *("payment-api", "/payments", what),
        headers={**headers, "Idempotency-Key": key},
        timeout=_PATIENCE,
    )
    state = await peers.get(
        "signal", f"/payments/{paid['payment']}", params={"wait": "2"}, headers=headers
    )
    return answer({**paid, "key": key, "state": state["state"]}, 201)


def set_up(app: web.Application, _runtime: Runtime) -> None:
    """Add the routes."""
    app.router.add_get("/", _page)
    app.router.add_post("/pay", _pay)
