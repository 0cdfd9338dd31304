// The table of verbs and their flags, by which cli.cc parses a command line.
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
       "address of the server; ipv4:A:PORT,B:PORT or dns:///NAME:PORT for several replicas",
       {},
       "SYNCLINE_SERVER"},
      {"token_file",
       FlagKind::kText,
       "FILE",
       "",
       "file that contains the bearer token",
       {},
       "SYNCLINE_TOKEN_FILE"},
      {"tls", FlagKind::kSwitch, "", "", "use TLS and trust the system's certificate authorities"},
      {"tls_ca_file",
       FlagKind::kText,
       "FILE",
       "",
       "use TLS and trust these certificate authorities (PEM)",
       {},
       "SYNCLINE_TLS_CA_FILE"},
      {"tls_cert_file",
       FlagKind::kText,
       "FILE",
       "",
       "client certificate for mutual TLS (PEM)",
       {},
       "SYNCLINE_TLS_CERT_FILE"},
      {"tls_key_file",
       FlagKind::kText,
       "FILE",
       "",
       "private key of --tls_cert_file (PEM)",
       {},
       "SYNCLINE_TLS_KEY_FILE"},
      {"tls_server_name", FlagKind::kText, "NAME", "",
       "name in the server's certificate, if it differs from the address"},
      {"timeout", FlagKind::kDuration, "TIME", "30s",
       "deadline for read-only calls; 0 disables it"},
  };
}

Flag OutputFlag() {
  return {"output", FlagKind::kChoice, "", "text", "text or json", {"text", "json"}};
}

std::vector<Flag> SendingFlags() {
  return {
      {"sync_id", FlagKind::kText, "ID", "",
       "idempotency key: run again with the same key and input to resume"},
      {"retry_for", FlagKind::kDuration, "TIME", "5m",
       "how long to retry while the server cannot be reached; 0 disables retries"},
      {"replay_window_bytes", FlagKind::kCount, "BYTES", "134217728",
       "maximum unacknowledged bytes from stdin kept for replay"},
      {"allow_rejected", FlagKind::kSwitch, "", "",
       "exit with 0 instead of 3 if records were rejected"},
  };
}

std::vector<Flag> Join(std::vector<Flag> flags, const std::vector<Flag>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Flag ConfigFlag() {
  return {"config", FlagKind::kText, "FILE", "", "configuration of the connector (JSON)", {}, "",
          true};
}

std::vector<Flag> LoadFlags() {
  return {
      {"table",
       FlagKind::kText,
       "SCHEMA.NAME",
       "",
       "table to load; created if it does not exist",
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
      {"cursor", FlagKind::kText, "C", "",
       "column whose greater value marks the newer row, for --mode dedup"},
      {"format",
       FlagKind::kChoice,
       "",
       "",
       "format of FILE; by default derived from its name",
       {"jsonl", "csv"}},
      {"delimiter", FlagKind::kText, "CHARACTER", ",", "field separator of a CSV file"},
      {"schema", FlagKind::kText, "FILE", "", "JSON Schema of a record; inferred by default"},
      {"infer_bytes", FlagKind::kCount, "BYTES", "1073741824",
       "maximum bytes of a regular file from which the schema is inferred"},
      {"infer_records", FlagKind::kCount, "N", "1000",
       "maximum records of other input, such as stdin, from which it is inferred"},
      {"connection_id", FlagKind::kText, "ID", "",
       "owner of the table; other connections then cannot load it"},
      {"writer_id", FlagKind::kText, "ID", "", "name of this writer when several load one stream"},
      {"keep_open", FlagKind::kSwitch, "", "",
       "leave the stream open for other writers, one of which completes it"},
      {"strict", FlagKind::kSwitch, "", "",
       "fail if a record is rejected, a value becomes NULL or is truncated, a field is not stored, "
       "or the definition of an existing table would change"},
      OutputFlag(),
  };
}

// Flags about the definition of the table and the way to replace it.
std::vector<Flag> DefinitionFlags() {
  return {
      {"schema_policy",
       FlagKind::kChoice,
       "",
       "",
       "how the table follows the input: keep (the default) adds and widens columns and drops "
       "none, mirror also drops columns that the stream no longer has, freeze refuses every "
       "difference",
       {"keep", "mirror", "freeze"}},
      {"replace_strategy",
       FlagKind::kChoice,
       "",
       "",
       "for overwrite: swap exchanges the table, in_place changes its rows, auto (the default) "
       "takes the swap unless something prevents it",
       {"auto", "swap", "in_place"}},
      {"meta",
       FlagKind::kChoice,
       "",
       "",
       "the meta columns of the table: full (the default), compact (_airbyte_generation_id only) "
       "or "
       "none; fixed by the table's first load; dedup needs full",
       {"full", "compact", "none"}},
  };
}

// Flags that state what must hold before a table is changed.
std::vector<Flag> GuardFlags() {
  return {
      {"validate_only", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: load, print what publishing would do, and discard what was sent"},
      {"min_rows", FlagKind::kCount, "N", "",
       "for overwrite and dedup: the table must have at least this many rows afterwards"},
      {"max_shrink", FlagKind::kText, "SHARE", "",
       "for overwrite and dedup: the table may lose at most this share of its rows, 0 to 1"},
      {"not_null", FlagKind::kText, "C=SHARE,..", "",
       "for overwrite and dedup: in each column at least this share of the rows must not be NULL"},
      {"unique_key", FlagKind::kSwitch, "", "",
       "for overwrite and dedup: no two rows may have the same --primary_key"},
      {"max_rejected", FlagKind::kCount, "N", "",
       "maximum number of rejected records; default 0 for overwrite without --allow_rejected"},
      {"max_nulled", FlagKind::kCount, "N", "",
       "maximum number of values that become NULL because they do not fit"},
      {"allow_empty", FlagKind::kSwitch, "", "",
       "for overwrite: replace the table even if the input contains no record"},
  };
}

std::vector<Verb> MakeVerbs() {
  const std::vector<Flag> connection = ConnectionFlags();
  const std::vector<Flag> asking = Join({OutputFlag()}, connection);
  return {
      {"load",
       {"FILE"},
       "load a JSONL or CSV file into a table",
       "FILE may be - for stdin. Blank lines are skipped. To resume a load that was interrupted\n"
       "or failed, run it again with the same --sync_id; committed records are not resent.\n"
       "Without --schema the types of an existing table are kept, and columns that it lacks are\n"
       "added. An overwrite with rejected records, truncated input or no records leaves the table\n"
       "unchanged and exits with 1.",
       Join(Join(Join(Join(LoadFlags(), DefinitionFlags()), GuardFlags()), SendingFlags()),
            connection),
       RunLoad},
      {"list",
       {},
       "list syncs, newest first",
       "",
       Join({{"limit", FlagKind::kCount, "N", "50", "maximum number of syncs"}}, asking),
       RunList},
      {"status", {"SYNC"}, "show one sync and its streams", "", asking, RunStatus},
      {"rejected",
       {"SYNC"},
       "show the rejected records of one sync",
       "Shows reasons, counts and the first records of each reason. --output jsonl prints the\n"
       "records as they were sent, so that you can correct and load them again; --output json\n"
       "prints one object per record.",
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
       "Prints past events first, then new ones. --output json prints one event per line.",
       Join({{"after", FlagKind::kCount, "SEQUENCE", "0", "print only checkpoints after this one"},
             {"retry_for", FlagKind::kDuration, "TIME", "5m",
              "how long to retry while the server cannot be reached; 0 disables retries"}},
            asking),
       RunWatch},
      {"cancel",
       {"SYNC"},
       "cancel one sync permanently",
       "Nothing is published; staged rows are kept for the next sync of the same tables.",
       asking,
       RunCancel},
      {"spec", {}, "Airbyte destination: print the specification", "", {}, RunSpec},
      {"check", {}, "Airbyte destination: check a configuration", "", {ConfigFlag()}, RunCheck},
      {"write",
       {},
       "Airbyte destination: load messages from stdin",
       "Reads Airbyte messages from stdin and prints each STATE message on stdout once all\n"
       "records before it are committed.",
       Join({ConfigFlag(),
             {"catalog", FlagKind::kText, "FILE", "", "configured catalog (JSON)", {}, "", true},
             {"strict", FlagKind::kSwitch, "", "",
              "complete no stream in which a record was rejected, a value changed or a field was "
              "not stored, and start none that would change its table"}},
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
