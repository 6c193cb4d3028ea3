# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Jinja2 templates of the reports. Escaping is on for every value (see html.py)."""

from __future__ import annotations

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ heading }}</title>
<style>{{ css }}</style>
</head>
<body>
<main>
"""

SUMMARY = """<header>
<p class="eyebrow">{{ r.kind | words }} &middot; {{ r.id }}</p>
<div class="headline">
<h1>{{ r.title }}</h1><span class="pill {{ r.verdict }}">{{ r.verdict }}</span>
</div>
<p class="lead">{{ sentence }}</p>
</header>
<section class="figures" aria-label="Results">
{% for f in figures %}
<div class="card">
<div class="figure-name">{{ f.name }}</div>
<div class="figure {{ f.outcome }}">{{ f.value }}</div>
<div class="soft small">{{ f.note }}</div>
</div>
{% endfor %}
</section>
"""

PROMISES = """<div class="grid">
<section class="card">
<h2>Promises</h2>
<table>
<thead><tr>
<th>Promise</th><th class="number">Measured</th><th class="number">At most</th>
<th class="number">Outcome</th>
</tr></thead>
<tbody>
{% for c in r.checks %}
<tr>
<td>{{ c.name }}{% if c.reason %}<br><span class="soft small">{{ c.reason }}</span>{% endif %}</td>
<td class="number">{{ c.measured | measured(c.unit) }}</td>
<td class="number">{{ c.limit | measured(c.unit) }}</td>
<td class="number"><span class="pill {{ c.outcome }}">{{ c.outcome }}</span></td>
</tr>
{% endfor %}
</tbody>
</table>
</section>
<section class="card">
<h2>Payments</h2>
<dl>
<dt>acknowledged</dt><dd>{{ r.acknowledged | count }}</dd>
<dt>of these missing</dt><dd>{{ r.rpo_rows | count }}</dd>
<dt>present, never acknowledged</dt><dd>{{ r.unacknowledged_present | count }}</dd>
<dt>booked twice</dt><dd>{{ r.duplicates | count }}</dd>
<dt>WAL not carried over</dt><dd>{{ r.rpo_bytes | size }}</dd>
<dt>failed attempts</dt>
<dd>{{ r.probe.failed_attempts | count }} of {{ r.probe.attempts | count }}</dd>
{% if r.probe.latency_ms %}
<dt>latency p50, p99</dt>
<dd>{{ r.probe.latency_ms.p50 }} ms, {{ r.probe.latency_ms.p99 }} ms</dd>
{% endif %}
</dl>
{% if r.probe.errors %}
<p class="note">Causes of failed attempts:
{% for name, number in r.probe.errors.items() %}
{{ name | words | replace(":", " ") }} {{ number | count }}{{ "." if loop.last else "," }}
{% endfor %}
</p>
{% endif %}
{% if missing_keys %}
<p class="note">Missing payments: <span class="mono break">{{ missing_keys }}</span></p>
{% endif %}
</section>
</div>
"""

BOUND = """<div class="grid">
<section class="card">
<h2>Computed bound</h2>
{% if r.bound_seconds is none %}
<p class="note">Not known: {{ r.unknown.bound_seconds }}.</p>
{% else %}
<p class="note">The worst case of every part, up to the first acknowledged write.</p>
{% if r.rto_seconds is not none %}
<div class="lane-name"><span>measured</span><span>{{ r.rto_seconds | seconds }}</span></div>
<div class="lane">
<div class="fill {{ 'failed' if r.rto_seconds > r.bound_seconds }}"
 style="width:{{ (100 * r.rto_seconds / lane) | px }}%"></div>
</div>
{% endif %}
<div class="lane-name"><span>bound</span><span>{{ r.bound_seconds | seconds }}</span></div>
<div class="lane">
<div class="stack" style="width:{{ (100 * r.bound_seconds / lane) | px }}%">
{% for t in r.bound_terms %}
<span class="t{{ loop.index0 % 6 }}" style="flex:{{ t.seconds | px }}"></span>
{% endfor %}
</div>
</div>
<table>
<tbody>
{% for t in r.bound_terms %}
<tr>
<td><i class="swatch t{{ loop.index0 % 6 }}"></i>{{ t.term }}<br>
<span class="soft small">{{ t.source }}</span></td>
<td class="number">{{ t.seconds | seconds }}</td>
</tr>
{% endfor %}
</tbody>
</table>
{% endif %}
</section>
<section class="card">
<h2>Availability spent</h2>
{% if r.slo_budget is none %}
<p class="note">Not known: {{ r.unknown.rto_seconds }}.</p>
{% else %}
<p class="note">{{ r.slo_budget.spent_seconds | seconds }} without acknowledgements against an
objective of {{ objective }}.</p>
{% for b in r.slo_budget.periods %}
<div class="lane-name">
<span>{{ "a " if loop.first }}{{ b.period }} ({{ b.budget_seconds | seconds }})</span>
<span>{{ b.spent_share | share }}</span>
</div>
<div class="lane">
<div class="fill {{ 'failed' if b.spent_share > 1 }}"
 style="width:{{ ([b.spent_share, 1] | min * 100) | px }}%"></div>
</div>
{% endfor %}
{% endif %}
{% if context %}
<h2 class="second">Context</h2>
<dl>
{% for name, value in context %}
<dt>{{ name | words }}</dt><dd>{{ value }}</dd>
{% endfor %}
</dl>
{% endif %}
</section>
</div>
"""

TOPOLOGY = """{% macro cluster(t, name, reason) %}
<section class="card">
<h2>{{ name }}</h2>
{% if t is none %}
<p class="note">Not known: {{ reason }}.</p>
{% else %}
<p class="note">Leader {{ t.leader or "none" }},
timeline {{ t.timeline if t.timeline is not none else "not known" }}</p>
<div class="scroll">
<table class="dense">
<thead><tr>
<th>Member</th><th>Role, state</th><th class="number">Timeline</th>
<th class="number">Lag</th><th class="number">LSN</th>
</tr></thead>
<tbody>
{% for m in t.members %}
<tr class="{{ 'leader' if m.name == t.leader }}">
<td>{{ m.name }}</td>
<td>{{ m.role | words if m.role else "?" }}<br>
<span class="soft small">{{ m.state or "?" }}</span></td>
<td class="number">{{ m.timeline | count }}</td>
<td class="number">{{ m.lag | size }}</td>
<td class="number mono">{{ m.lsn or "" }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
</section>
{% endmacro %}
<div class="grid">
{{ cluster(r.topology_before, "Before", r.unknown.topology_before) }}
{{ cluster(r.topology_after, "After", r.unknown.topology_after) }}
</div>
{% if r.probe.servers %}
<section class="card">
<h2>Who acknowledged</h2>
<div class="scroll">
<table class="dense">
<thead><tr>
<th>Server</th><th class="number">Timeline</th><th class="number">Payments</th>
<th class="roomy">First</th><th class="roomy">Last</th><th class="number">Last LSN</th>
</tr></thead>
<tbody>
{% for s in r.probe.servers %}
<tr>
<td>{{ s.server or "local socket" }}</td><td class="number">{{ s.timeline | count }}</td>
<td class="number">{{ s.acknowledged | count }}</td>
<td class="roomy soft small">{{ s.first_ack | moment }}</td>
<td class="roomy soft small">{{ s.last_ack | moment }}</td>
<td class="number mono">{{ s.last_lsn or "" }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
{% endif %}
"""

END = """{% if r.unknown %}
<section class="card">
<h2>Not known</h2>
<ul>
{% for name, reason in r.unknown.items() %}
<li>{{ name | label }}: {{ reason }}</li>
{% endfor %}
</ul>
</section>
{% endif %}
<footer>
{% if r.probe.started_at %}
Probe from {{ r.probe.started_at | moment }} to {{ r.probe.ended_at | moment }}.
{% endif %}
Acknowledgements by the client's clock, events by the clock of whoever reported them.
{% for file in r.evidence_files %}
{{ file.name }} ({{ file.bytes | size }}), SHA-256 <span class="mono">{{ file.sha256 }}</span>.
{% endfor %}
</footer>
"""

FOOT = """</main>
</body>
</html>
"""

INDEX = """<header><h1>Drills</h1></header>
<section class="card">
<div class="scroll">
<table>
<thead><tr>
<th>Drill</th><th class="roomy">Kind</th><th class="number">RTO</th>
<th class="number roomy">Bound</th><th class="number">Lost</th><th class="number">Verdict</th>
</tr></thead>
<tbody>
{% for r in reports %}
<tr>
<td><a href="{{ r.directory | urlencode }}/report.html">{{ r.title }}</a><br>
<span class="soft small break">{{ r.id }}</span></td>
<td class="roomy">{{ r.kind | words }}</td>
<td class="number">{{ r.rto_seconds | seconds }}</td>
<td class="number roomy">{{ r.bound_seconds | seconds }}</td>
<td class="number">{{ r.rpo_rows | count }}</td>
<td class="number"><span class="pill {{ r.verdict }}">{{ r.verdict }}</span></td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
"""
