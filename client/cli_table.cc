// The table of verbs and their flags, by which cli.cc parses a command line.
#include "client/cli.h"
#include "client/commands/commands.h"
#include "client/load_flags.h"

namespace syncline::client {
namespace {

std::vector<Flag> ConnectionFlags() {
  return {
      {"server",
       FlagKind::kText,
       "HOST:PORT",
       "127.0.0.1:50051",
       "address of the server, by default with port 50051; ipv4:A:PORT,B:PORT or "
       "dns:///NAME:PORT for several replicas",
       {},
       "SYNCLINE_SERVER"},
      {"postgres_dsn", FlagKind::kText, "DSN", "",
       "without a server: run the service in this process, for this database; no password here"},
      {"postgres_dsn_file", FlagKind::kText, "FILE", "",
       "the same with a file that contains the connection string"},
      {"embedded_postgres", FlagKind::kText, "DIR", "",
       "the same with a private PostgreSQL in this directory, which runs as long as this process"},
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

Flag RetryFlag() {
  return {"retry_for", FlagKind::kDuration, "TIME", "5m",
          "how long to retry while the server or its database cannot be reached; 0 disables "
          "retries; without this flag, one that was never reached is given up within 10s"};
}

std::vector<Flag> SendingFlags() {
  return {
      {"sync_id", FlagKind::kText, "ID", "",
       "idempotency key: run again with the same key and input to resume"},
      RetryFlag(),
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

std::vector<Flag> ListFlags() {
  return {
      {"limit", FlagKind::kCount, "N", "50", "maximum number of syncs"},
      {"state",
       FlagKind::kChoice,
       "",
       "",
       "only syncs in this state",
       {"starting", "running", "finished", "cancelled", "interrupted"}},
      {"table", FlagKind::kText, "SCHEMA.NAME", "", "only syncs that load this table"},
      {"since", FlagKind::kText, "TIME", "",
       "only syncs that started within this time, such as 24h or 7d, or since a date"},
  };
}

Verb SingerVerb() {
  return {"singer",
          {},
          "Singer target: load messages from stdin",
          "Reads Singer messages from stdin and prints the value of a STATE message on stdout once "
          "all\n"
          "records before it are committed; a newer one may stand for older ones. The program is "
          "also\n"
          "installed as target-syncline, for Meltano. The configuration has the members of the "
          "Airbyte\n"
          "destination, and load_method, add_record_metadata and hard_delete.",
          {{"config", FlagKind::kText, "FILE", "", "configuration of the target (JSON)"},
           {"about", FlagKind::kSwitch, "", "", "print capabilities and settings"},
           {"format", FlagKind::kChoice, "", "text", "of --about: text or json", {"text", "json"}},
           {"version", FlagKind::kSwitch, "", "", "print the version"},
           RetryFlag(),
           {"replay_window_bytes", FlagKind::kCount, "BYTES", "134217728",
            "maximum unacknowledged bytes from stdin kept for replay"}},
          RunSinger};
}

Verb LoadVerb(const std::vector<Flag>& connection) {
  return {
      "load",
      {"FILE..."},
      "load JSON or CSV files into a table",
      "FILE may be - for stdin, a directory, or a pattern such as 'data/*.csv.gz'. Format,\n"
      "compression (gzip, zstd, bzip2, xz), encoding and CSV dialect are found by the first "
      "bytes;\n"
      "a line about each file states what was found. Blank lines are skipped. To resume a load\n"
      "that was interrupted or failed, run it again with the same --sync_id; committed records "
      "are\n"
      "not resent. Without --schema the types of an existing table are kept, and columns that it\n"
      "lacks are added. An overwrite with rejected records, truncated input or no records leaves\n"
      "the table unchanged and exits with 1.",
      Join(Join(Join(Join(Join(LoadFlags(), DefinitionFlags()), InputFlags()), GuardFlags()),
                SendingFlags()),
           connection),
      RunLoad};
}

std::vector<Verb> MakeVerbs() {
  const std::vector<Flag> connection = ConnectionFlags();
  const std::vector<Flag> asking = Join({OutputFlag()}, connection);
  return {
      LoadVerb(connection),
      {"list", {}, "list syncs, newest first", "", Join(ListFlags(), asking), RunList},
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
             RetryFlag()},
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
      SingerVerb(),
      {"version", {}, "print the version", "", {}, RunVersion},
  };
}

}  // namespace

const std::vector<Verb>& Verbs() {
  static const std::vector<Verb>& verbs = *new std::vector<Verb>(MakeVerbs());
  return verbs;
}

}  // namespace syncline::client
