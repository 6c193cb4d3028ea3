# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Jinja2 template of the plot and of the table of events below it."""

from __future__ import annotations

SVG = """{% macro svg(p, kind) %}
{% set right = p.size.width - p.size.right %}
{% set foot = p.size.height - p.size.bottom %}
<svg class="{{ kind }}" viewBox="0 0 {{ p.size.width }} {{ p.size.height }}" role="img"
 aria-labelledby="plot-title-{{ kind }} plot-desc-{{ kind }}">
<title id="plot-title-{{ kind }}">Acknowledged payments over time</title>
<desc id="plot-desc-{{ kind }}">{{ plot_text }}</desc>
{% if p.gap %}
<rect class="gap" x="{{ p.gap[0] | px }}" y="{{ p.size.top }}"
 width="{{ [p.gap[1] - p.gap[0], 1] | max | px }}" height="{{ foot - p.size.top }}"/>
{% endif %}
{% for level in p.levels %}
<line class="grid-line" x1="{{ p.size.left }}" x2="{{ right }}"
 y1="{{ level.place | px }}" y2="{{ level.place | px }}"/>
<text x="{{ p.size.left - 6 }}" y="{{ (level.place + 4) | px }}" text-anchor="end">
{{- level.label }}</text>
{% endfor %}
{% if p.most_failed %}
<text class="fails" x="{{ p.size.left - 6 }}" y="{{ foot - 1 }}" text-anchor="end">
{{- p.most_failed }}</text>
{% endif %}
<path class="acks" d="{{ p.acknowledged }}"/>
<path class="cut" d="{{ p.cut }}"/>
<path class="fails" d="{{ p.failed }}"/>
<line class="axis" x1="{{ p.size.left }}" x2="{{ right }}"
 y1="{{ p.size.base + 1 }}" y2="{{ p.size.base + 1 }}"/>
{% for mark in p.markers %}
<line class="mark-line" x1="{{ mark.place | px }}" x2="{{ mark.place | px }}"
 y1="{{ 12 + mark.row * 21 }}" y2="{{ foot }}"/>
{% endfor %}
{% for mark in p.markers %}
<circle class="mark" cx="{{ mark.place | px }}" cy="{{ 12 + mark.row * 21 }}" r="9.5"/>
<text class="mark-text" x="{{ mark.place | px }}" y="{{ 16.3 + mark.row * 21 }}"
 text-anchor="middle">{{ mark.label }}</text>
{% endfor %}
{% if p.gap and gap_label %}
<rect class="gap" x="{{ p.label_left | px }}" y="{{ p.label_y - 15 }}" rx="4"
 width="{{ p.label_width | px }}" height="21"/>
<text class="gap-text" x="{{ (p.label_left + p.label_width / 2) | px }}" y="{{ p.label_y }}"
 text-anchor="middle">{{ gap_label }}</text>
{% endif %}
{% for tick in p.ticks %}
<line class="axis" x1="{{ tick.place | px }}" x2="{{ tick.place | px }}"
 y1="{{ foot }}" y2="{{ foot + 4 }}"/>
<text x="{{ tick.place | px }}" y="{{ foot + 17 }}" text-anchor="middle">{{ tick.label }}</text>
{% endfor %}
<text x="{{ right }}" y="{{ p.size.height - 3 }}" text-anchor="end">
{{- "seconds from " ~ origin_name }}</text>
</svg>
{% endmacro %}
{% macro caption(p, kind) %}
{% if p %}
<p class="note {{ kind }}">Acknowledged payments per {{ (p.step_seconds * 1000) | count }} ms, written
from outside through the load balancer; {{ rate }} a second fall due.
{% if p.highest > p.limit %}
Arrows: bars of up to {{ p.highest | count }}, payments that had waited.
{% endif %}
</p>
{% endif %}
{% endmacro %}
"""

PLOT = (
    SVG
    + """<section class="card">
<h2>What a customer saw</h2>
{{ caption(wide, "wide") }}
{{ caption(narrow, "narrow") }}
<div class="legend" aria-hidden="true">
<span><i class="swatch acks"></i>acknowledged</span>
<span><i class="swatch fails"></i>failed attempts</span>
<span><i class="swatch gap"></i>without acknowledgement</span>
</div>
{% if wide %}
{{ svg(wide, "wide") }}
{{ svg(narrow, "narrow") }}
{% else %}
<p>There is nothing to plot: the probe's record is empty.</p>
{% endif %}
{% if moments %}
<div class="scroll">
<table>
<thead><tr>
<th class="place"><span class="hidden">Number</span></th><th>Event</th>
<th class="number">From {{ origin_name }}</th><th class="number">Took</th>
<th class="roomy number">At</th>
</tr></thead>
<tbody>
{% for m in moments %}
<tr>
<td class="place"><span class="dot">{{ loop.index }}</span></td>
<td>{{ m.name | words }}{% if m.note %} <span class="soft small">{{ m.note }}</span>{% endif %}</td>
<td class="number">{{ m.offset | seconds }}</td>
<td class="number">{{ m.took | seconds if m.took is not none }}</td>
<td class="roomy soft small number">{{ m.at | moment }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
{% if not_reported %}
<p class="note">Not reported: {{ not_reported }}.</p>
{% endif %}
</section>
"""
)
