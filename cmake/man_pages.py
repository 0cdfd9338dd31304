"""Manual pages out of the tables of flags."""

import textwrap
from collections import Counter


def _text(text):
    """`text`, one line, as roff: nothing in it is a request or an escape, and minus signs can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def _paragraph(text):
    """Lines that are short after escaping, too."""
    return "\n".join(map(_text, textwrap.wrap(text, 70, break_long_words=False, break_on_hyphens=False)))


def _flag(flag):
    value = f" \\fI{_text(flag.value)}\\fR" if flag.value else ""
    return [".TP", f"\\fB\\-\\-{_text(flag.name)}\\fR{value}", _paragraph(flag.help)]


def _head(program, summary, version, date):
    return [
        f'.TH {program.upper()} 1 "{date}" "syncline {version}" "User Commands"',
        ".SH NAME",
        f"{_text(program)} \\- {_text(summary)}",
    ]


def _exit_status(codes):
    lines = [".SH EXIT STATUS"]
    for code, meaning in codes:
        lines += [".TP", f".B {code}", _text(meaning)]
    return lines


def _see_also(page):
    return [".SH SEE ALSO", f".BR {_text(page)} (1)", ".PP", "The manual is in /usr/share/doc/syncline."]


def client_page(client, date):
    uses = Counter(flag for verb in client.verbs for flag in verb.flags)
    common = [flag for flag, count in uses.items() if count * 2 > len(client.verbs)]
    lines = _head("syncline", "load streams of records into PostgreSQL", client.version, date)
    lines += [".SH SYNOPSIS", ".B syncline", ".I VERB", "[\\fIARGUMENTS\\fR] [\\fIFLAGS\\fR]"]
    lines += [".SH DESCRIPTION", _paragraph(client.summary), ".PP"]
    lines += ["Data goes to stdout, words to stderr.", "\\fB\\-\\-name value\\fR and"]
    lines += ["\\fB\\-\\-name=value\\fR are the same,", "and dashes may stand for underscores in names."]
    lines += [".SH VERBS"]
    for verb in client.verbs:
        lines += [f".SS {_text(' '.join([verb.name] + verb.arguments))}", _paragraph(verb.summary)]
        if verb.details:
            lines += [".PP", _paragraph(verb.details)]
        for flag in verb.flags:
            if flag not in common:
                lines += _flag(flag)
        if any(flag in common for flag in verb.flags):
            lines += [".PP", "It also takes the common flags below."]
    takers = [verb.name for verb in client.verbs if any(flag in common for flag in verb.flags)]
    lines += [".SH COMMON FLAGS", _paragraph(f"Flags of {', '.join(takers[:-1])} and {takers[-1]}.")]
    for flag in common:
        lines += _flag(flag)
    lines += [".SH ENVIRONMENT"]
    lines += [_paragraph("A variable in brackets stands in for the flag that it describes; the flag wins.")]
    lines += _exit_status(client.exit_codes) + _see_also("syncline-server")
    return "\n".join(lines) + "\n"


def server_page(server, date):
    lines = _head("syncline-server", server.summary.rstrip("."), server.version, date)
    lines += [".SH SYNOPSIS", ".B syncline\\-server", "[\\fIFLAGS\\fR]", ".SH DESCRIPTION"]
    lines += [_paragraph("A gRPC service: callers start a sync, stream records and complete each stream.")]
    for command, meaning in server.examples:
        lines += [".TP", f".B {_text(command)}", _text(meaning)]
    lines += [".PP", _paragraph(server.notes), ".SH FLAGS"]
    for flag in server.flags:
        lines += _flag(flag)
    lines += [".SH REQUESTS", "With one of these the server prints something and exits."]
    for flag in server.requests:
        lines += _flag(flag)
    lines += [".SH ENVIRONMENT"]
    lines += [_paragraph("Without a flag that names the database, the variables of libpq count (PGHOST and others).")]
    lines += [".SH SIGNALS", ".TP", ".BR SIGTERM \", \" SIGINT"]
    lines += [
        _paragraph(
            "New calls are refused and open ones end with their durable offset, within --drain_deadline. A second "
            "signal ends the process at once; whatever was acknowledged is committed."
        )
    ]
    lines += _exit_status([("0", "drained, or printed what was asked for"), ("1", "failed"), ("2", "wrong usage")])
    lines += _see_also("syncline")
    return "\n".join(lines) + "\n"
