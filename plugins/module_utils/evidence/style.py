# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Style sheet of the reports. Every pair of text and ground has a contrast of at least 4.5 to 1."""

from __future__ import annotations

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f6f6f3; --card: #ffffff; --ink: #1b2430; --soft: #566172; --line: #e2e4e0;
  --track: #eceee9; --ack: #0f766e; --fail: #c2362b; --gap: #f3dcae;
  --gap-ink: #7a4b00; --pass: #146c43; --pass-ground: #e0f1e7; --bad: #a6231b;
  --bad-ground: #fbe4e1; --open: #7a4b00; --open-ground: #fbeed3; --mark: #3d4a5c;
  --t0: #2f6f9f; --t1: #5b9bc4; --t2: #3f7f78; --t3: #8a7bb5; --t4: #b08a4a; --t5: #7d8b99;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --card: #1a2028; --ink: #e6eaef; --soft: #a3aebb; --line: #2c3540;
    --track: #262e38; --ack: #4fc3b3; --fail: #f08379; --gap: #4a3a17;
    --gap-ink: #f2cf8a; --pass: #7ddba5; --pass-ground: #173526; --bad: #ffa79f;
    --bad-ground: #431d1a; --open: #f2cf8a; --open-ground: #3a2e14; --mark: #b6c2d0;
    --t0: #5c9fd0; --t1: #86bde0; --t2: #5fb0a6; --t3: #a99bd6; --t4: #cfa962; --t5: #8e9cab;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 56px; }
header { margin-bottom: 24px; }
.eyebrow { color: var(--soft); font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
.headline { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 4px; font-weight: 650; }
p { margin: 0; }
.lead, .note { color: var(--soft); font-size: 14px; }
.lead { margin: 8px 0 0; }
.note { margin: 0 0 14px; }
dl + .note, table + .note, .scroll + .note, .note + .note:last-child { margin: 12px 0 0; }
.pill {
  display: inline-block; border-radius: 999px; padding: 3px 12px; font-size: 14px;
  font-weight: 650; white-space: nowrap; background: var(--open-ground); color: var(--open);
}
.pill.passed { background: var(--pass-ground); color: var(--pass); }
.pill.failed { background: var(--bad-ground); color: var(--bad); }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 20px 22px; margin: 0 0 16px; min-width: 0;
}
.grid { display: grid; gap: 16px; margin-bottom: 16px; grid-template-columns: 1fr 1fr; }
.grid .card { margin: 0; }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px; margin-bottom: 16px; }
.figures .card { margin: 0; padding: 16px 20px; }
.figure-name { color: var(--soft); font-size: 14px; }
.figure { font-size: 36px; line-height: 1.15; font-weight: 680; letter-spacing: -0.02em; margin: 2px 0; }
.figure.passed { color: var(--pass); }
.figure.failed { color: var(--bad); }
.scroll { overflow-x: auto; margin: 0 -4px; padding: 0 4px; }
table { width: 100%; border-collapse: collapse; font-size: 15px; }
th { text-align: left; font-weight: 550; color: var(--soft); font-size: 13px; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
td.soft, .soft { color: var(--soft); }
.small { font-size: 13px; }
.leader td:first-child { font-weight: 650; }
.mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
.break { overflow-wrap: anywhere; }
.dot {
  display: inline-block; width: 21px; height: 21px; border-radius: 50%; background: var(--mark);
  color: var(--card); text-align: center; font-size: 12px; line-height: 21px; font-weight: 650;
}
.stack { display: flex; height: 16px; border-radius: 5px; overflow: hidden; gap: 2px; }
.stack span { min-width: 2px; }
.lane { position: relative; background: var(--track); border-radius: 5px; height: 16px; margin: 4px 0 12px; }
.lane .fill { height: 100%; border-radius: 5px; background: var(--ack); min-width: 3px; }
.lane .fill.failed { background: var(--fail); }
.lane-name { display: flex; justify-content: space-between; gap: 12px; font-size: 14px; }
.t0 { background: var(--t0); } .t1 { background: var(--t1); } .t2 { background: var(--t2); }
.t3 { background: var(--t3); } .t4 { background: var(--t4); } .t5 { background: var(--t5); }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; color: var(--soft); margin: 0 0 6px; }
.legend .swatch { margin-right: 6px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--soft); }
.swatch.acks { background: var(--ack); }
.swatch.fails { background: var(--fail); }
.swatch.gap { background: var(--gap); }
svg .acks, svg .cut { fill: var(--ack); }
svg .fails, svg text.fails { fill: var(--fail); }
svg .gap { fill: var(--gap); }
svg text.gap-text { fill: var(--gap-ink); font-weight: 650; font-size: 14px; }
.place { width: 34px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.second { margin-top: 22px; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .grid-line { stroke: var(--line); }
svg .mark-line { stroke: var(--mark); stroke-dasharray: 3 3; }
svg .mark { fill: var(--mark); }
svg text.mark-text { fill: var(--card); font-size: 12px; font-weight: 650; }
.narrow { display: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 18px; margin: 0; font-size: 15px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
ul { margin: 0; padding-left: 20px; } li { margin: 3px 0; }
a { color: var(--t0); }
footer { color: var(--soft); font-size: 13px; margin-top: 20px; overflow-wrap: anywhere; }
@media (max-width: 760px) {
  main { padding: 20px 14px 40px; }
  h1 { font-size: 24px; }
  .grid { grid-template-columns: minmax(0, 1fr); }
  .figures { grid-template-columns: 1fr 1fr; gap: 10px; }
  .figures .card { padding: 12px 14px; }
  .figure { font-size: 27px; }
  .card { padding: 16px 14px; border-radius: 12px; }
  .wide { display: none; } .narrow { display: block; }
  .roomy { display: none; }
  th, td { padding-right: 9px; }
  .dense td, .dense .mono { font-size: 13px; }
  .dense th, .dense td { padding-right: 7px; }
  dl { gap: 6px 12px; }
}
@media print { body { background: #fff; } .card { break-inside: avoid; } }
"""
