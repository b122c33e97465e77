"""The page's only style sheet. Light and dark by what the reader prefers; one column on a phone.

Every pair of a text's colour and its ground has a contrast of at least 4.5 in both schemes.
"""

STYLE = """
:root { color-scheme: light dark;
  --ground: #f5f6f8; --card: #ffffff; --line: #dfe3e8; --text: #1b2129; --quiet: #57616e; --track: #e4e8ed;
  --accent: #1f5fbf; --good: #18753c; --warn: #8a5200; --bad: #b3261e;
  --good-tint: #e3f4e9; --warn-tint: #fdf0d9; --bad-tint: #fce8e6; --accent-tint: #e5eefb; --quiet-tint: #eceff3; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #12161b; --card: #1b2128; --line: #313a45; --text: #e6eaef; --quiet: #a3aebb; --track: #303945;
  --accent: #7fb2ff; --good: #6dd394; --warn: #f0b75c; --bad: #ff9a90;
  --good-tint: #173325; --warn-tint: #3a2c12; --bad-tint: #44211e; --accent-tint: #1b2f4d; --quiet-tint: #29313b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
footer { padding: 1rem 1.25rem 3rem; color: var(--quiet); font-size: .875rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .1rem 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .75rem; display: flex; align-items: baseline; gap: .6rem; }
h2 .count { font-size: .875rem; font-weight: 500; color: var(--quiet); }
h3 { font-size: 1rem; margin: 0; font-weight: 600; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .875em; }
.kicker { margin: 0; color: var(--quiet); font-size: .8125rem; letter-spacing: .06em; text-transform: uppercase; }
.summary { font-size: 1.125rem; font-weight: 600; margin: .25rem 0 0; }
.card > :last-child { margin-bottom: 0; }
pre { margin: .5rem 0; padding: .5rem .7rem; border-radius: .5rem; background: var(--quiet-tint); font-size: .8125rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: none; color: inherit; text-decoration: underline wavy var(--warn); text-underline-offset: .2em; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
.chip { display: inline-block; border-radius: 999px; padding: .05rem .6rem; font-size: .8125rem; font-weight: 600;
  background: var(--quiet-tint); color: var(--quiet); white-space: nowrap; vertical-align: baseline; }
.chip.good { background: var(--good-tint); color: var(--good); }
.chip.warn { background: var(--warn-tint); color: var(--warn); }
.chip.bad { background: var(--bad-tint); color: var(--bad); }
.chip.accent { background: var(--accent-tint); color: var(--accent); }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin: .75rem 0 0; padding: 0; list-style: none; }
.tiles { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr));
  margin: 1.25rem 0 0; padding: 0; list-style: none; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.1; font-variant-numeric: tabular-nums; }
.tile span { color: var(--quiet); font-size: .8125rem; }
.tile.good b { color: var(--good); } .tile.warn b { color: var(--warn); }
.tile.bad b { color: var(--bad); } .tile.accent b { color: var(--accent); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.1rem;
  margin: 0 0 .75rem; }
.card.warn { border-left: 4px solid var(--warn); } .card.bad { border-left: 4px solid var(--bad); }
.head { display: flex; gap: .7rem; align-items: baseline; }
.symbol { flex: none; width: 1.7rem; height: 1.7rem; border-radius: .5rem; text-align: center; font-weight: 700;
  line-height: 1.7rem; font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; align-self: start; }
.symbol.good { background: var(--good-tint); color: var(--good); }
.symbol.warn { background: var(--warn-tint); color: var(--warn); }
.symbol.bad { background: var(--bad-tint); color: var(--bad); }
.symbol.accent { background: var(--accent-tint); color: var(--accent); }
.values { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .25rem 1.25rem; margin: .8rem 0 0; }
.values dt { color: var(--quiet); } .values dd { margin: 0; font-variant-numeric: tabular-nums; }
.values .was { color: var(--quiet); text-decoration: line-through; text-decoration-thickness: 1px; }
.values .will { font-weight: 600; }
.why { margin: .5rem 0 0; padding: 0; list-style: none; color: var(--quiet); font-size: .9375rem; }
.why li { margin-top: .2rem; }
details { margin-top: .6rem; } summary { cursor: pointer; color: var(--accent); font-size: .875rem; }
details ul { margin: .4rem 0 0; padding-left: 1.1rem; }
.stand { display: grid; grid-template-columns: 7.5rem 1fr; gap: .1rem 1rem; padding: .6rem 0 0; margin-top: .6rem;
  border-top: 1px solid var(--line); }
.stand p { margin: 0; }
.gpus { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .75rem; margin: 0; padding: 0;
  list-style: none; }
.gpus .card { margin: 0; }
.measure { margin: .8rem 0 0; }
.measure .label { display: flex; justify-content: space-between; gap: .75rem; font-size: .875rem; }
.measure .label b { font-weight: 600; font-variant-numeric: tabular-nums; text-align: right; }
.scale { display: block; width: 100%; height: auto; margin-top: .25rem; overflow: visible; }
.scale .track { fill: var(--track); } .scale .fill { fill: var(--accent); } .scale .over { fill: var(--bad); }
.scale .under { fill: var(--good); } .scale .moved { fill: var(--accent); opacity: .3; }
.scale .is { stroke: var(--card); stroke-width: 2; }
.scale .was { fill: var(--card); stroke: var(--quiet); stroke-width: 2; }
.scale line { stroke: var(--quiet); stroke-width: 1.5; } .scale line.limit { stroke: var(--bad); stroke-width: 2; }
.scale text { fill: var(--quiet); font-size: 11px; } .scale text.limit { fill: var(--bad); font-weight: 600; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; font-size: .9375rem; }
.facts dt { color: var(--quiet); } .facts dd { margin: 0; }
@media (max-width: 40rem) {
  header { padding-top: 1.25rem; } header, main, footer { padding-left: .9rem; padding-right: .9rem; }
  h1 { font-size: 1.4rem; } .tiles { grid-template-columns: repeat(3, 1fr); gap: .5rem; }
  .tile { padding: .55rem .65rem; } .values, .facts { grid-template-columns: 1fr; gap: 0; }
  .values dd, .facts dd { margin-bottom: .5rem; } .stand { grid-template-columns: 1fr; }
  .gpus { grid-template-columns: 1fr; } }
@media print { body { background: none; } .card, .tile { break-inside: avoid; } }
"""
