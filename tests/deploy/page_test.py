"""Checks the status page in a real Chromium while a real server loads: the visible text and layout on a desktop and a
phone, in light and dark mode. scripts/page-test starts it, with a PostgreSQL.

  page_test.py --chromium BINARY --server BINARY --client BINARY --psql BINARY --dsn DSN --directory SCRATCH
               --screenshots DIRECTORY
"""

import argparse
import base64
import os
import re
import sys

from checks import check, reserve_port, summary
from devtools import Browser
from page_loads import RECORDS_A_SECOND, Loads, Server

MARKUP = "<img src=x onerror=console.error(1)>"
# Widths in CSS pixels: a desktop, a phone, and the narrowest phone in use.
SIZES = {"desktop": (1280, 800, False), "phone": (390, 844, True), "small phone": (320, 568, True)}

STATE = "document.getElementById('state')?.innerText"

# Returns the visible text: the cards of each section with their rows.
SECTIONS = """
(() => {
  const sections = {};
  let title = '';
  for (const element of document.querySelectorAll('#syncs > h2, #syncs > article')) {
    if (element.tagName === 'H2') {
      title = element.firstChild.textContent.trim();
      sections[title] = [];
      continue;
    }
    sections[title].push({
      title: element.querySelector('strong').innerText,
      head: element.querySelector('div').innerText,
      rows: [...element.querySelectorAll('tbody tr')].map(
        row => Object.fromEntries([...row.children].map(cell => [cell.dataset.name, cell.innerText])))
    });
  }
  return sections;
})()
"""

# Returns the lowest contrast between a text and its background, as defined by WCAG, and the text.
CONTRAST = """
(() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  let worst = [100, ''];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.getClientRects().length === 0) continue;
    const both = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (contrast < worst[0]) worst = [contrast, element.textContent.slice(0, 40)];
  }
  return worst;
})()
"""

# Returns the elements that extend beyond the right edge.
BEYOND = """
[...document.querySelectorAll('body *')].filter(element => element.getClientRects().length > 0 &&
  element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map(element => element.tagName + ' ' + element.textContent.slice(0, 40))
"""


def number(text):
    return int(re.sub(r"\D", "", text) or 0)


def sync(tab, section, title):
    """Returns the card of a sync in a section, or None."""
    cards = tab.run(SECTIONS).get(section, [])
    return next((card for card in cards if card["title"] == title), None)


def check_token(server, guest, tab):
    for path in ("", "status.json"):
        check(f"/{path} without a token is refused", server.answer(path)[0] == 401)
    wrong = base64.b64encode(b"me:not-the-token").decode()
    check("the page with a wrong token is refused", server.answer("", f"Basic {wrong}")[0] == 401)
    check("the page with a bearer token is served", server.answer("", f"Bearer {server.token}")[0] == 200)
    guest.open(server.page)
    check("the browser is asked for the token", guest.asked > 0)
    text = guest.run("document.body.innerText")
    check("without it only instructions are shown", text.startswith("a token is required"), text.strip())
    # A background tab polls less often.
    tab.call("Page.bringToFront")
    tab.password = server.token
    tab.open(server.page)
    check("with the token as password the page opens", tab.run("document.title") == "Syncline")


def check_running(tab):
    check("the server is ready", tab.wait_until(lambda: tab.run(STATE) == "ready", 20))
    check("a running sync is shown", tab.wait_until(lambda: sync(tab, "Running", "clicks-2026-11-26"), 20))

    def stream():
        return sync(tab, "Running", "clicks-2026-11-26")["rows"][0]

    check("its stream is named", stream()["stream"] == "shop.clicks", stream()["stream"])
    counts = []

    def grows():
        counts.append(number(stream()["records"]))
        return len(set(counts)) >= 4

    grown = tab.wait_until(grows, 30)
    check("its records increase on the page", grown and counts == sorted(counts), sorted(set(counts)))
    check("its rate is shown", tab.wait_until(lambda: stream()["rate"].endswith("/s"), 10))
    tab.wait(8)
    rate = number(stream()["rate"])
    near = 0.5 < rate / RECORDS_A_SECOND < 1.6
    check("its rate is about right", near, f"{rate} of {RECORDS_A_SECOND} per second")


def check_sections(tab):
    check("Running, Interrupted and Finished", list(tab.run(SECTIONS)) == ["Running", "Interrupted", "Finished"])
    check("only the running sync is under Running", len(tab.run(SECTIONS)["Running"]) == 1)
    interrupted = sync(tab, "Interrupted", "stock-2026-11-25")
    since = re.search(r"interrupted, last progress ([78]) min ago", interrupted["head"])
    check("the interrupted sync shows its last progress", since, since and since[0] or interrupted["head"])
    check("its loaded records are shown", number(interrupted["rows"][0]["records"]) > 0)
    replaced = sync(tab, "Finished", "nightly-customers-2026-11-25")["rows"][0]
    check("a finished stream has its records", replaced["records"] == "20,000", replaced["records"])
    check("a replaced table has its generation", replaced["generation"] == "2", replaced["generation"])
    check("a replaced table was swapped", "swapped" in replaced["notes"], replaced["notes"])
    untidy = sync(tab, "Finished", "web-orders-2026-11-25")["rows"][0]["notes"]
    check("rejected records are counted", "3 rejected" in untidy, untidy)
    check("values that became NULL are counted", "12 values nulled" in untidy, untidy)
    billing = sync(tab, "Finished", "airbyte-billing-2026-11-25")
    rows = billing["rows"] if billing else []
    states = {row["stream"].removeprefix("shop."): (row["state"], row["notes"]) for row in rows}
    failed_state, why = states.get("invoices", ("", ""))
    check("the stream that could not start has failed", failed_state == "failed", states)
    check("its error is shown", "view" in why, why)
    check("its sync shows that a stream failed", billing and "1 stream failed" in billing["head"])
    check("the other stream has completed", states.get("payments", ("",))[0] == "completed")


def check_looks(tab, directory):
    backgrounds = set()
    for size, (width, height, phone) in SIZES.items():
        for dark in (False, True):
            name = f"{size}, {'dark' if dark else 'light'}"
            tab.look_like(width, height, phone, dark)
            tab.wait(0.5)
            wide = tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            check(f"{name}: nothing extends beyond the edge", wide <= 0 and not tab.run(BEYOND), tab.run(BEYOND) or "")
            worst, text = tab.run(CONTRAST)
            check(f"{name}: every text has a contrast of at least 4.5", worst >= 4.5, f"{worst:.1f}, {text!r}")
            backgrounds.add(tab.run("getComputedStyle(document.body).backgroundColor"))
            if name in ("desktop, light", "phone, dark"):
                path = f"{directory}/status-page{'-phone' if phone else ''}.png"
                tab.screenshot(path)
                size_of = os.path.getsize(path)
                check(f"{name}: the screenshot is saved", 5000 < size_of < 200_000, f"{path}, {size_of} bytes")
    check("dark and light differ", len(backgrounds) == 2, sorted(backgrounds))
    tab.look_like(*SIZES["desktop"], False)


def check_quiet(server, tab):
    own = re.compile(re.escape(server.page).replace("//", "//([^@/]*@)?") + r"|data:")
    strange = [url for url in tab.requests if not own.match(url)]
    check("no other host is used", tab.requests and not strange, strange or f"{len(tab.requests)} requests")
    check("the console has no errors", not tab.faults, tab.faults or "")


def check_address_with_password(server, tab):
    tab.open(server.page.replace("//", f"//me:{server.token}@"))
    check(
        "a URL that contains the token works, too",
        tab.wait_until(lambda: tab.run(STATE) == "ready", 10),
        tab.run(STATE),
    )


def check_ends(loads, server, tab):
    check("the running load ends", loads.end_running() == 0)
    moved = tab.wait_until(lambda: sync(tab, "Finished", "clicks-2026-11-26"), 20)
    check("a sync that ends moves to Finished without a reload", moved)
    loads.finish(MARKUP, "shop.markup", [loads.record(1)])
    check("a name with markup is shown as text", tab.wait_until(lambda: sync(tab, "Finished", MARKUP), 20))
    check_quiet(server, tab)
    server.stop()
    gone = tab.wait_until(lambda: tab.run(STATE).startswith("no response"), 20)
    check("the page reports that the server does not answer", gone, tab.run(STATE))
    check("and keeps the last data", sync(tab, "Finished", "clicks-2026-11-26"))


def check_not_ready(options, browser):
    server = Server(options, "no-database", f"host=127.0.0.1 port={reserve_port()} user=nobody dbname=nothing")
    tab = browser.tab()
    tab.password = server.token
    try:
        tab.open(server.page)
        tab.wait(4)
        state = tab.run(STATE)
        check("without a database the page says why", state.startswith("not ready: ") and len(state) > 20, state)
        tab.look_like(*SIZES["small phone"], True)
        tab.wait(0.5)
        check("and fits a phone", not tab.run(BEYOND), tab.run(BEYOND) or "")
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    for name in ("chromium", "server", "client", "psql", "dsn", "directory", "screenshots"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    browser = server = None
    try:
        browser = Browser(options.chromium, options.directory)
        server = Server(options, "server", options.dsn)
        loads = Loads(options, server)
        tab = browser.tab()
        tab.look_like(*SIZES["desktop"], False)
        loads.finish_all()
        loads.fail_one_stream()
        loads.interrupt()
        loads.keep_running()
        check_token(server, browser.tab(), tab)
        check_running(tab)
        check_sections(tab)
        check_looks(tab, options.screenshots)
        check_address_with_password(server, tab)
        check_ends(loads, server, tab)
        check_not_ready(options, browser)
    finally:
        for thing in (server, browser):
            if thing:
                thing.stop() if isinstance(thing, Server) else thing.close()
    return summary("page-test")


if __name__ == "__main__":
    sys.exit(main())
