#!/bin/sh
# Makes the certificate of the tests of TLS: self-signed, for localhost, of no worth anywhere else.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout server.key -out server.crt
