// The verbs and their flags; cli.cc reads a command line by it.
#include "client/cli.h"
#include "client/commands/commands.h"

namespace syncline::client {
namespace {

std::vector<Flag> ConnectionFlags() {
  return {
      {"server",
       FlagKind::kText,
       "HOST:PORT",
       "127.0.0.1:50051",
       "the server's address; ipv4:A:PORT,B:PORT or dns:///NAME:PORT for several replicas",
       {},
       "SYNCLINE_SERVER"},
      {"token_file",
       FlagKind::kText,
       "FILE",
       "",
       "file with the token to present",
       {},
       "SYNCLINE_TOKEN_FILE"},
      {"tls", FlagKind::kSwitch, "", "", "use TLS, trusting the system's certificates"},
      {"tls_ca_file",
       FlagKind::kText,
       "FILE",
       "",
       "use TLS, trusting these certificates (PEM)",
       {},
       "SYNCLINE_TLS_CA_FILE"},
      {"tls_cert_file",
       FlagKind::kText,
       "FILE",
       "",
       "own certificate for mutual TLS (PEM)",
       {},
       "SYNCLINE_TLS_CERT_FILE"},
      {"tls_key_file",
       FlagKind::kText,
       "FILE",
       "",
       "key of --tls_cert_file (PEM)",
       {},
       "SYNCLINE_TLS_KEY_FILE"},
      {"tls_server_name", FlagKind::kText, "NAME", "",
       "name in the server's certificate, when it is not the address"},
      {"timeout", FlagKind::kDuration, "TIME", "30s",
       "longest wait for an answer of calls that only ask; 0 waits for ever"},
  };
}

Flag OutputFlag() {
  return {"output", FlagKind::kChoice, "", "text", "text or json", {"text", "json"}};
}

std::vector<Flag> SendingFlags() {
  return {
      {"sync_id", FlagKind::kText, "ID", "",
       "key of this run: given again with the same input, the run goes on where it stopped"},
      {"retry_for", FlagKind::kDuration, "TIME", "5m",
       "how long to try again when the server cannot be reached; 0 never"},
      {"replay_window_bytes", FlagKind::kCount, "BYTES", "134217728",
       "most bytes held of what was sent from stdin and is not yet committed"},
      {"allow_rejected", FlagKind::kSwitch, "", "",
       "exit 0 instead of 3 when records were rejected"},
  };
}

std::vector<Flag> Join(std::vector<Flag> flags, const std::vector<Flag>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Flag ConfigFlag() {
  return {"config", FlagKind::kText, "FILE", "", "the connector's configuration (JSON)", {}, "",
          true};
}

std::vector<Flag> LoadFlags() {
  return {
      {"table",
       FlagKind::kText,
       "SCHEMA.NAME",
       "",
       "the table to load; it is created when missing",
       {},
       "",
       true},
      {"mode",
       FlagKind::kChoice,
       "",
       "append",
       "append adds rows, overwrite replaces the table at the end, dedup keeps the newest row of "
       "each primary key",
       {"append", "overwrite", "dedup"}},
      {"primary_key", FlagKind::kText, "A,B", "", "columns of the primary key, for --mode dedup"},
      {"cursor", FlagKind::kText, "C", "", "column that says which row is newer, for --mode dedup"},
      {"format",
       FlagKind::kChoice,
       "",
       "",
       "jsonl or csv; taken from the file's name when not given",
       {"jsonl", "csv"}},
      {"delimiter", FlagKind::kText, "CHARACTER", ",", "what separates fields of a CSV file"},
      {"schema", FlagKind::kText, "FILE", "", "JSON Schema of a record; inferred when not given"},
      {"infer_bytes", FlagKind::kCount, "BYTES", "1073741824",
       "how much of a regular file the schema is inferred from"},
      {"infer_records", FlagKind::kCount, "N", "1000",
       "how many records at the head of other input, such as stdin, it is inferred from"},
      {"connection_id", FlagKind::kText, "ID", "",
       "owner of the table: other connections may then not load it"},
      {"writer_id", FlagKind::kText, "ID", "",
       "name of this writer among several that load one stream"},
      {"keep_open", FlagKind::kSwitch, "", "", "do not complete the stream: another writer will"},
      {"schema_policy",
       FlagKind::kChoice,
       "",
       "",
       "what becomes of differences between the input and the table: keep (the default) adds and "
       "widens columns and drops none, mirror also drops columns that the stream no longer has, "
       "freeze refuses every difference",
       {"keep", "mirror", "freeze"}},
      {"strict", FlagKind::kSwitch, "", "",
       "fail when a record is rejected, a value becomes NULL or is cut, a field is not stored, or "
       "the definition of an existing table would change"},
      OutputFlag(),
  };
}

// What must hold before a table is changed.
std::vector<Flag> GuardFlags() {
  return {
      {"validate_only", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: load, print what publishing would do, and discard what was sent"},
      {"min_rows", FlagKind::kCount, "N", "",
       "for overwrite and dedup: the table must have so many rows afterwards"},
      {"max_shrink", FlagKind::kText, "SHARE", "",
       "for overwrite and dedup: the table may lose at most this share of its rows, 0 to 1"},
      {"not_null", FlagKind::kText, "C=SHARE,..", "",
       "for overwrite and dedup: in each column at least this share of the rows must not be NULL"},
      {"unique_key", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: each --primary_key must occur once"},
      {"max_rejected", FlagKind::kCount, "N", "",
       "at most so many records may be rejected; 0 for overwrite without --allow_rejected"},
      {"max_nulled", FlagKind::kCount, "N", "",
       "at most so many values may become NULL because they did not fit"},
      {"allow_empty", FlagKind::kSwitch, "", "",
       "for overwrite: replace the table although the input holds no record"},
  };
}

std::vector<Verb> MakeVerbs() {
  const std::vector<Flag> connection = ConnectionFlags();
  const std::vector<Flag> asking = Join({OutputFlag()}, connection);
  return {
      {"load",
       {"FILE"},
       "load a JSONL or CSV file into a table",
       "FILE may be - for stdin. Blank lines are skipped. Interrupted or failed, run it again "
       "with\n"
       "the same --sync_id: what is committed already is not sent again. Without --schema the "
       "table's\n"
       "own types hold, and columns that it does not have are added. An overwrite with rejected\n"
       "records, cut input or no record at all leaves the table as it was and exits 1.",
       Join(Join(Join(LoadFlags(), GuardFlags()), SendingFlags()), connection),
       RunLoad},
      {"list",
       {},
       "list syncs, newest first",
       "",
       Join({{"limit", FlagKind::kCount, "N", "50", "how many"}}, asking),
       RunList},
      {"status", {"SYNC"}, "show one sync", "", asking, RunStatus},
      {"rejected",
       {"SYNC"},
       "show the records of one sync that could not be loaded",
       "Shows reasons, counts and the first records of each. With --output jsonl the records as "
       "they "
       "were\n"
       "sent, so that they can be mended and loaded again; with --output json one object per "
       "record.",
       Join({{"output",
              FlagKind::kChoice,
              "",
              "text",
              "text, json or jsonl",
              {"text", "json", "jsonl"}}},
            connection),
       RunRejected},
      {"watch",
       {"SYNC"},
       "follow one sync until it ends",
       "Prints what has happened already, then what happens. With --output json one event a line.",
       Join({{"after", FlagKind::kCount, "SEQUENCE", "0", "only checkpoints after this one"},
             {"retry_for", FlagKind::kDuration, "TIME", "5m",
              "how long to try again when the server cannot be reached; 0 never"}},
            asking),
       RunWatch},
      {"cancel",
       {"SYNC"},
       "end one sync for good",
       "Nothing is finalised; staged rows stay for the next sync of the same tables.",
       asking,
       RunCancel},
      {"spec", {}, "Airbyte destination: print the specification", "", {}, RunSpec},
      {"check", {}, "Airbyte destination: check a configuration", "", {ConfigFlag()}, RunCheck},
      {"write",
       {},
       "Airbyte destination: load messages from stdin",
       "Reads Airbyte messages on stdin and prints STATE messages on stdout once all that they "
       "cover\n"
       "is committed.",
       Join(
           {ConfigFlag(),
            {"catalog", FlagKind::kText, "FILE", "", "the configured catalog (JSON)", {}, "", true},
            {"strict", FlagKind::kSwitch, "", "",
             "complete no stream of which a record was rejected, a value changed or a field left "
             "out, and none that would change its table"}},
           SendingFlags()),
       RunWrite},
  };
}

}  // namespace

const std::vector<Verb>& Verbs() {
  static const std::vector<Verb>& verbs = *new std::vector<Verb>(MakeVerbs());
  return verbs;
}

}  // namespace syncline::client
