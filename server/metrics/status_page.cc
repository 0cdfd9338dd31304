#include "server/metrics/status_page.h"

namespace syncline::metrics {
namespace {

constexpr char kPage[] = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Syncline</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5d6778; --paper: #f6f7f9; --card: #fff; --line: #dde1e8;
  --good: #1a7f4b; --busy: #2459c4; --warn: #9a6200; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b5; --paper: #14171d; --card: #1d2129;
  --line: #323844; --good: #5ec98f; --busy: #8ab0ff; --warn: #f0b860; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; align-items: baseline; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
h2 span, .soft { color: var(--soft); font-weight: normal; }
.good { color: var(--good); } .busy { color: var(--busy); } .warn { color: var(--warn); } .bad { color: var(--bad); }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0;
  padding: .7rem .9rem; }
article > div { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; }
article strong { overflow-wrap: anywhere; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; margin-top: .5rem; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-size: .8rem; font-weight: normal; text-align: left; }
td, th { padding: .25rem .8rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
td + td, th + th { padding-right: 0; text-align: right; padding-left: .8rem; }
td:nth-child(2), th:nth-child(2), td:last-child, th:last-child { text-align: left; }
td:last-child, th:last-child { padding-left: 1.6rem; }
th:nth-child(1) { width: 22%; } th:nth-child(n+2) { width: 10%; } th:last-child { width: 28%; }
tr + tr td { border-top: 1px solid var(--line); }
@media (max-width: 44rem) {
  thead { display: none; }
  tr { display: block; border-top: 1px solid var(--line); padding: .4rem 0; }
  tr + tr td { border: 0; }
  td, td + td, td:last-child { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0; text-align: right; }
  td:nth-child(2), td:last-child { text-align: right; }
  td::before { content: attr(data-name); color: var(--soft); flex: none; }
  td:empty { display: none; }
}
</style>
</head>
<body>
<header><h1>Syncline</h1><span id="state" role="status">connecting</span><span id="server" class="soft"></span></header>
<p id="error" class="bad" hidden></p>
<main id="syncs"></main>
<noscript>This page needs JavaScript. <a href="/status.json">/status.json</a> and <code>syncline list</code> show the
same data.</noscript>
<script>
'use strict';
const seen = new Map();  // per stream, the counts of the last 15 seconds, for its rate
const whole = new Intl.NumberFormat('en');
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
};
const word = (value, prefix) => (value || '').replace(prefix, '').toLowerCase().replaceAll('_', ' ');
const count = value => Number(value || 0);
const number = value => whole.format(count(value));
const counted = (value, one, many) => number(value) + ' ' + (count(value) === 1 ? one : many);
const bytes = value => {
  let left = count(value), unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  for (; left >= 1024 && unit < units.length - 1; unit++) left /= 1024;
  return (unit === 0 ? left : left.toFixed(1)) + ' ' + units[unit];
};
const age = (then, now) => {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(then)) / 1000));
  if (!Number.isFinite(seconds)) return 'unknown time';
  if (seconds < 60) return seconds + ' s';
  if (seconds < 7200) return Math.round(seconds / 60) + ' min';
  if (seconds < 172800) return Math.round(seconds / 3600) + ' h';
  return Math.round(seconds / 86400) + ' days';
};
const colour = {running: 'busy', starting: 'busy', open: 'busy', finalizing: 'busy', finished: 'good',
  completed: 'good', interrupted: 'warn', incomplete: 'warn', cancelled: 'warn', failed: 'bad'};
const sections = [['Running', ['starting', 'running']], ['Interrupted', ['interrupted']],
  ['Finished', ['finished', 'cancelled']]];

function rate(key, records, now) {
  const looks = (seen.get(key) || []).filter(look => now - look.now <= 15000);
  looks.push({records, now});
  seen.set(key, looks);
  const each = (records - looks[0].records) * 1000 / (now - looks[0].now);
  return each > 0 && Number.isFinite(each) ? number(Math.round(each)) + '/s' : '';
}

function row(sync, stream, asked) {
  const now = Date.parse(asked);
  const name = [stream.descriptor?.namespace, stream.descriptor?.name].filter(part => part).join('.');
  const records = count(stream.records_written);
  const state = word(stream.state, 'STREAM_STATE_');
  const notes = [];
  if (stream.outcome) notes.push(word(stream.outcome, 'OUTCOME_'));
  if (count(stream.records_rejected)) notes.push(number(stream.records_rejected) + ' rejected');
  if (count(stream.values_nulled)) notes.push(counted(stream.values_nulled, 'value', 'values') + ' nulled');
  if (count(stream.values_truncated)) notes.push(counted(stream.values_truncated, 'value', 'values') + ' truncated');
  if (stream.error?.message) notes.push(stream.error.message);
  if (stream.last_error?.message) notes.push('failed ' + age(stream.last_error_at, asked) + ' ago: ' + stream.last_error.message);
  const cells = [['stream', name], ['state', state, colour[state]], ['records', number(records)],
    ['rate', rate(sync.sync_id + '\n' + name, records, now)], ['bytes', bytes(stream.bytes)],
    ['generation', number(stream.generation_id)],
    ['notes', notes.join(', '), stream.error?.message || stream.last_error?.message ? 'bad' : count(stream.records_rejected) ? 'warn' : '']];
  const line = make('tr');
  for (const [title, text, look] of cells) {
    const cell = make('td');
    if (text) cell.append(make('span', text, look));
    cell.dataset.name = title;
    line.append(cell);
  }
  return line;
}

function card(sync, status) {
  const state = word(sync.state, 'SYNC_STATE_');
  const card = make('article');
  const head = make('div');
  head.append(make('strong', sync.sync_id));
  const failed = (sync.streams || []).filter(stream => stream.state === 'STREAM_STATE_FAILED').length;
  let words = state;
  if (failed) words += ', ' + counted(failed, 'stream', 'streams') + ' failed';
  if (state === 'interrupted') words += ', last progress ' + age(sync.last_progress_at, status.now) + ' ago';
  else if (sync.finished_at) words += ', ' + age(sync.finished_at, status.now) + ' ago';
  else words += ' for ' + age(sync.started_at, status.now);
  head.append(make('span', words, failed ? 'bad' : colour[state]));
  card.append(head);
  const table = make('table');
  const titles = make('tr');
  for (const title of ['stream', 'state', 'records', 'rate', 'bytes', 'generation', 'notes']) titles.append(make('th', title));
  const top = make('thead');
  top.append(titles);
  const body = make('tbody');
  for (const stream of (sync.streams || []).slice(0, 200)) body.append(row(sync, stream, status.now));
  table.append(top, body);
  card.append(table);
  if ((sync.streams || []).length > 200) card.append(make('p', 'and ' + (sync.streams.length - 200) + ' more streams', 'soft'));
  return card;
}

function draw(status) {
  const server = status.server;
  const state = document.getElementById('state');
  state.textContent = server.ready ? 'ready' : 'not ready: ' + server.reason;
  state.className = server.ready ? 'good' : 'bad';
  document.getElementById('server').textContent = 'version ' + server.version + ', up for ' +
    age(server.started_at, status.now) + ', ' + counted(server.open_streams, 'open call', 'open calls') + ', ' +
    counted(server.connections, 'connection', 'connections') + ', ' + bytes(server.buffered_bytes) + ' buffered';
  const error = document.getElementById('error');
  error.hidden = !status.error;
  error.textContent = status.error || '';
  const main = make('main');
  main.id = 'syncs';
  for (const [title, states] of sections) {
    const syncs = (status.syncs || []).filter(sync => states.includes(word(sync.state, 'SYNC_STATE_')));
    if (syncs.length === 0 && title !== 'Running') continue;
    const heading = make('h2', title + ' ');
    heading.append(make('span', syncs.length === 0 ? 'nothing' : number(syncs.length)));
    main.append(heading, ...syncs.map(sync => card(sync, status)));
  }
  if ((status.syncs || []).length === status.limit) {
    main.append(make('p', 'Only the newest ' + status.limit + ' syncs are shown; syncline list shows all.', 'soft'));
  }
  document.getElementById('syncs').replaceWith(main);
}

// Excludes a token that the page's own address may contain, because browsers do not fetch such
// URLs.
const source = new URL('status.json', location.origin + location.pathname);

async function look() {
  try {
    const answer = await fetch(source, {cache: 'no-store'});
    if (!answer.ok) throw new Error('the server returned ' + answer.status);
    draw(await answer.json());
  } catch (error) {
    const state = document.getElementById('state');
    state.textContent = 'no response: ' + error.message;
    state.className = 'bad';
  }
  setTimeout(look, document.hidden ? 10000 : 2000);
}
look();
</script>
</body>
</html>
)html";

// The page cannot load or request anything from other hosts, and cannot be framed.
constexpr char kPolicy[] =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src "
    "'self'; "
    "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

}  // namespace

HttpResponse StatusPage() {
  return {.content_type = "text/html; charset=utf-8",
          .body = kPage,
          .headers = {{"Cache-Control", "no-store"},
                      {"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace syncline::metrics
