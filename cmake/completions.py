"""Completions for bash, zsh and fish out of the tables of flags."""

import re


def _quoted(text):
    """For bash, zsh and the like, in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


# --- bash -------------------------------------------------------------------------------------------------------------

_BASH_HEAD = """\
# bash completion of {program}; made from its --help.
{function}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} flag=${{COMP_WORDS[COMP_CWORD - 1]}} verb={verb}
  # --name=value arrives as three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $flag == = ]]; then
    flag=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  COMPREPLY=()
  case "$verb $flag" in
"""


_BASH_FILES = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")'


def _bash_values(verb, flags):
    """The cases of the flags that take a value, so that nothing else is offered behind them."""
    cases = {}
    for flag in flags:
        if flag.choices:
            action = _bash_words(flag.choices)
        elif flag.takes_file:
            action = _BASH_FILES
        elif flag.takes_directory:
            action = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word")'
        else:
            action = ":"
        if flag.value:
            cases.setdefault(action, []).append(f'"{verb} --{flag.name}"')
    return [f"    {' | '.join(names)}) {action}; return ;;" for action, names in cases.items()]


def _bash_words(words):
    return f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(words)}" -- "$word")'


def _names(flags):
    return [f"--{flag.name}" for flag in flags]


def bash_client(client):
    lines = [_BASH_HEAD.format(program="syncline", function="_syncline", verb="${COMP_WORDS[1]}").rstrip("\n")]
    for verb in client.verbs:
        lines += _bash_values(verb.name, verb.flags)
    lines += ["  esac", "  if ((COMP_CWORD == 1)); then"]
    names = [verb.name for verb in client.verbs]
    lines += ["    " + _bash_words(names + ["help", "--help", "--version"]), "    return", "  fi", "  case $verb in"]
    for verb in client.verbs:
        words = _bash_words(_names(verb.flags) + ["--help"])
        if verb.takes_files:
            words = f"[[ $word == -* ]] || {{ {_BASH_FILES}; return; }}\n      {words}"
        lines.append(f"    {verb.name})\n      {words} ;;")
    lines.append("    help)\n      " + _bash_words(names) + " ;;")
    lines += ["  esac", "}", "complete -F _syncline syncline"]
    return "\n".join(lines) + "\n"


def bash_server(server):
    flags = server.flags + server.requests
    lines = [_BASH_HEAD.format(program="syncline-server", function="_syncline_server", verb="").rstrip("\n")]
    lines += _bash_values("", flags)
    lines += ["  esac", "  " + _bash_words(_names(flags)), "}", "complete -F _syncline_server syncline-server"]
    return "\n".join(lines) + "\n"


# --- zsh --------------------------------------------------------------------------------------------------------------


def _zsh_flag(flag):
    text = re.sub(r"([\[\]:\\])", r"\\\1", flag.help)
    if not flag.value:
        return _quoted(f"--{flag.name}[{text}]")
    if flag.choices:
        return _quoted(f"--{flag.name}=[{text}]:value:({' '.join(flag.choices)})")
    action = "_files" if flag.takes_file else "_files -/" if flag.takes_directory else ""
    value = flag.value.replace(":", "\\:")
    return _quoted(f"--{flag.name}=[{text}]:{value}:{action}")


def _zsh_arguments(specs, indent):
    return f" \\\n{indent}  ".join(["_arguments"] + specs)


def zsh_client(client):
    lines = ["#compdef syncline", "# Made from syncline --help.", "_syncline() {"]
    lines += ["  local state", "  local -a verbs=("]
    lines += [f"    {_quoted(verb.name + ':' + verb.summary.replace(':', chr(92) + ':'))}" for verb in client.verbs]
    lines += ["    'help:show the help of a verb'", "  )"]
    lines += ["  _arguments -C '(- *)--help[show help]' '(- *)--version[show the version]' '1: :->verb' '*:: :->rest'"]
    lines += ["  case $state in", "    verb) _describe verb verbs ;;", "    rest)", "      case $words[1] in"]
    for verb in client.verbs:
        specs = [_zsh_flag(flag) for flag in verb.flags] + ["'--help[show help]'"]
        if verb.takes_files:
            specs.append("'*:FILE:_files'")
        else:
            specs += [f"'{n}:{name}:'" for n, name in enumerate(verb.arguments, 1)]
        lines += [f"        {verb.name})", f"          {_zsh_arguments(specs, ' ' * 10)}", "          ;;"]
    lines += ["        help) _describe verb verbs ;;", "      esac", "      ;;", "  esac", "}", '_syncline "$@"']
    return "\n".join(lines) + "\n"


def zsh_server(server):
    specs = [_zsh_flag(flag) for flag in server.flags + server.requests]
    return f"#compdef syncline-server\n# Made from syncline-server --help.\n{_zsh_arguments(specs, '')}\n"


# --- fish -------------------------------------------------------------------------------------------------------------


def _fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_flag(program, flag, condition=""):
    line = f"complete -c {program}{condition} -l {flag.name}"
    if flag.choices:
        line += f" -x -a {_fish_quoted(' '.join(flag.choices))}"
    elif flag.takes_file:
        line += " -r -F"
    elif flag.takes_directory:
        line += " -x -a '(__fish_complete_directories)'"
    elif flag.value:
        line += " -x"
    return f"{line} -d {_fish_quoted(flag.help)}"


def fish_client(client):
    first = f"not __fish_seen_subcommand_from {' '.join(verb.name for verb in client.verbs)} help"
    lines = ["# Made from syncline --help.", "complete -c syncline -f"]
    lines += [f"complete -c syncline -n '{first}' -l version -d 'show the version'"]
    lines += ["complete -c syncline -l help -d 'show help'"]
    for verb in client.verbs:
        lines.append(f"complete -c syncline -n '{first}' -a {verb.name} -d {_fish_quoted(verb.summary)}")
    for verb in client.verbs:
        condition = f" -n '__fish_seen_subcommand_from {verb.name}'"
        if verb.takes_files:
            lines.append(f"complete -c syncline{condition} -F")
        lines += [_fish_flag("syncline", flag, condition) for flag in verb.flags]
    return "\n".join(lines) + "\n"


def fish_server(server):
    lines = ["# Made from syncline-server --help.", "complete -c syncline-server -f"]
    lines += [_fish_flag("syncline-server", flag) for flag in server.flags + server.requests]
    return "\n".join(lines) + "\n"
