#!/bin/sh
# Writes the golden bytes of binary COPY as PostgreSQL sends them: one file per type, one line per
# value.
#
#   SYNCLINE_TEST_DSN=... tests/golden/make_copy_golden.sh
#
# A line is the SQL expression, a tab, and in hexadecimal everything that
#   COPY (SELECT <expression>::<type>) TO STDOUT (FORMAT binary)
# sends. tests/unit/postgres/copy_golden_test.cc compares our encoders with it. Run this script again only to
# add values.
set -eu

: "${SYNCLINE_TEST_DSN:?set it to the connection string of a PostgreSQL}"
directory=$(dirname "$0")/copy
mkdir -p "$directory"

# golden FILE TYPE reads one SQL expression per line.
golden() {
  out=$directory/$1.txt
  version=$(psql "$SYNCLINE_TEST_DSN" -XAtc 'SHOW server_version')
  {
    echo "# Made by tests/golden/make_copy_golden.sh on PostgreSQL $version."
    echo "# COPY (SELECT <expression>::$2) TO STDOUT (FORMAT binary)"
  } > "$out"
  while IFS= read -r expression; do
    hex=$(psql "$SYNCLINE_TEST_DSN" -X -v ON_ERROR_STOP=1 \
      -c "COPY (SELECT $expression::$2) TO STDOUT (FORMAT binary)" | od -An -v -tx1 | tr -d ' \n')
    # A failed query returns no bytes: stop instead of writing an empty line.
    [ -n "$hex" ] || exit 1
    printf '%s\t%s\n' "$expression" "$hex" >> "$out"
  done
}

golden boolean boolean <<'SQL'
NULL
true
false
SQL

golden bigint bigint <<'SQL'
NULL
'0'
'1'
'-1'
'256'
'1234567890123'
'9223372036854775807'
'-9223372036854775808'
SQL

golden varchar varchar <<'SQL'
NULL
''
'a'
'O''Brien'
E'tab\tline\nreturn\rbackslash\\.'
'\N'
E'gr\u00fc\u00df \U0001F600'
repeat('x',300)
SQL

golden numeric numeric <<'SQL'
NULL
'0'
'-0'
'0.0'
'0.00'
'-0.00'
'0e5'
'0e-5'
'0.000e2'
'1'
'-1'
'9'
'10'
'9999'
'10000'
'10001'
'100000000'
'00042'
'0001.50'
'1.5'
'-1.5'
'0.1'
'0.01'
'0.001'
'0.0001'
'0.00001'
'0.00010000'
'123.4500'
'1234.5678'
'12345.67890'
'9999.9999'
'10000.0001'
'50000.0000000000000001'
'1e3'
'1E3'
'1e+3'
'1e4'
'1e-5'
'1E-5'
'-2.50e-3'
'2.50e1'
'2.50e2'
'2.50e3'
'12345678901234.56e-10'
'0.000012e4'
'0.000012e10'
'1234567890123456'
'12345678901234567'
'123456789012345678'
'18446744073709551616'
'123456789012.3456'
'1234567890123456.7'
'0.1234567890123456'
'0.00000000000001'
'99999999999999999999'
'123456789012345678901234567890.000100'
'-123456789012345678901234567890123456789012345678901234567890.123456789012345678901234567890'
'10000000000000000000000000000000000000000'
'0.00000000000000000000000000000000000000010'
'1e131071'
'-9.99e131071'
'1e-16383'
'1.5e-16382'
'0e-16383'
SQL

golden date date <<'SQL'
NULL
'2000-01-01'
'1999-12-31'
'1970-01-01'
'2024-02-29'
'0001-01-01'
'9999-12-31'
'4713-01-01 BC'
'5874897-12-31'
SQL

golden timestamp timestamp <<'SQL'
NULL
'2000-01-01 00:00:00'
'1999-12-31 23:59:59.999999'
'1970-01-01 00:00:00'
'2024-02-29 12:34:56.789012'
'4713-01-01 00:00:00 BC'
'294276-12-31 23:59:59.999999'
SQL

golden timestamptz timestamptz <<'SQL'
NULL
'2000-01-01 00:00:00+00'
'2000-01-01 00:00:00+02'
'1970-01-01 00:00:00-00:30'
'2024-02-29 12:34:56.789012+00'
'294276-12-31 23:59:59.999999+00'
SQL

golden time time <<'SQL'
NULL
'00:00:00'
'00:00:00.000001'
'12:34:56.789012'
'23:59:59.999999'
'24:00:00'
SQL

golden timetz timetz <<'SQL'
NULL
'00:00:00+00'
'12:34:56.789012+02'
'23:59:59.999999-03:30'
'24:00:00+15:59:59'
'00:00:00-15:59:59'
SQL

golden jsonb jsonb <<'SQL'
NULL
'null'
'true'
'0'
'""'
'{}'
'[]'
'{"a": [1, 2.50, "x"], "b": null}'
'123456789012345678901234567890.000100'
'"gr\\\\ \" \n /"'
SQL

# Writes the bytes of one row, the result of the query $2, to the file $1.
golden_row() {
  row="COPY ($2) TO STDOUT (FORMAT binary)"
  {
    echo "# Made by tests/golden/make_copy_golden.sh. $row"
    printf 'row\t%s\n' "$(psql "$SYNCLINE_TEST_DSN" -X -v ON_ERROR_STOP=1 -c "$row" | od -An -v -tx1 | tr -d ' \n')"
  } > "$directory/$1.txt"
}

# One row with all meta columns and two of the stream's, which shows the layout of a whole row. The
# raw id is that of record 7 of writer w1 of stream public.users of sync nightly.
golden_row row "SELECT '68dfaba5-a80f-8596-8c9e-c69924b8921e'::varchar, '2024-02-29 12:34:56.789012+00'::timestamptz, '{\"changes\": [], \"sync_id\": 1}'::jsonb, 7::bigint, 'a'::varchar, NULL::numeric"
# The same without _airbyte_meta.
golden_row row_without_meta "SELECT '68dfaba5-a80f-8596-8c9e-c69924b8921e'::varchar, '2024-02-29 12:34:56.789012+00'::timestamptz, 7::bigint, 'a'::varchar, NULL::numeric"
