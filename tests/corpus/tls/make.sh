#!/bin/sh
# Creates the certificates of the TLS tests: the server's, a caller's, and one that neither side
# trusts. Each is self-signed and not used anywhere else.
set -eu
cd "$(dirname "$0")"
for name in server client outsider; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout $name.key -out $name.crt
done
