"""Writes manual pages and completions of the two programs, made from their --help.

cli_documents.py --server BINARY --client BINARY --output DIRECTORY
"""

import argparse
import os
import pathlib
import time

import completions
import man_pages
from cli_tables import read_client, read_server


def main():
    parser = argparse.ArgumentParser()
    for name in ("server", "client", "output"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    client = read_client(options.client)
    server = read_server(options.server)
    # Packages are the same whenever they are built: dpkg-buildpackage sets the variable.
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    documents = {
        "man/syncline.1": man_pages.client_page(client, date),
        "man/syncline-server.1": man_pages.server_page(server, date),
        "bash/syncline": completions.bash_client(client),
        "bash/syncline-server": completions.bash_server(server),
        "zsh/_syncline": completions.zsh_client(client),
        "zsh/_syncline-server": completions.zsh_server(server),
        "fish/syncline.fish": completions.fish_client(client),
        "fish/syncline-server.fish": completions.fish_server(server),
    }
    for name, text in documents.items():
        path = pathlib.Path(options.output, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
