#include "server/postgres/connection/conninfo.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ParsedOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

// libpq's own words about a string that it cannot parse repeat parts of it, which may be those of a
// password; only the name of an option that it does not know is passed on.
std::string WithoutParts(absl::string_view text) {
  // What is missing is quoted, too, before the part that it is missing in.
  const std::string unquoted =
      absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"\"=\"", "="}, {"\"]\"", "]"}});
  const absl::string_view error = unquoted;
  if (absl::StartsWith(error, "invalid connection option \"")) return unquoted;
  const size_t first = error.find('"');
  const size_t last = error.rfind('"');
  if (first == absl::string_view::npos || first == last) return unquoted;
  return absl::StrCat(error.substr(0, first), "(left out)", error.substr(last + 1));
}

absl::StatusOr<ParsedOptions> Parse(const std::string& conninfo) {
  char* error = nullptr;
  ParsedOptions options(PQconninfoParse(conninfo.c_str(), &error));
  const std::string why = WithoutParts(error == nullptr ? "out of memory" : error);
  PQfreemem(error);
  if (options != nullptr) return options;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the connection string cannot be parsed: ", why),
                   {.reason = "DB_CONNINFO"});
}

absl::string_view ValueOf(const ParsedOptions& options, absl::string_view keyword) {
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->keyword == keyword) return option->val == nullptr ? "" : option->val;
  }
  return "";
}

std::string Quoted(absl::string_view value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// One line, without the password should some library ever repeat it.
std::string Sanitized(absl::string_view message, absl::string_view password) {
  std::string text(message);
  if (!password.empty()) text = absl::StrReplaceAll(text, {{password, "********"}});
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

// The server's answer among libpq's words in verbose form: "FATAL:  28P01: password authentication
// failed ...". The severity may be translated, the code between the colons is not.
std::string SqlStateIn(absl::string_view message) {
  for (size_t at = message.find(":  "); at != absl::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const absl::string_view code = message.substr(at + 3, 5);
    const bool is_code = code.size() == 5 && std::all_of(code.begin(), code.end(), [](char c) {
                           return absl::ascii_isupper(static_cast<unsigned char>(c)) ||
                                  absl::ascii_isdigit(static_cast<unsigned char>(c));
                         });
    if (is_code && absl::StartsWith(message.substr(at + 8), ": ")) return std::string(code);
  }
  return "";
}

// Connects again, step by step, because only so libpq can be asked for the code. Empty when there
// is none.
std::string AskForSqlState(const std::string& conninfo, absl::Duration time_left) {
  const absl::Time deadline = absl::Now() + time_left;
  std::unique_ptr<PGconn, FinishConnection> connection(PQconnectStart(conninfo.c_str()));
  if (connection == nullptr) return "";
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection.get()) != CONNECTION_BAD && next != PGRES_POLLING_FAILED &&
         next != PGRES_POLLING_OK) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left_ms <= 0) return "";
    pollfd ready = {};
    ready.fd = PQsocket(connection.get());
    ready.events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (poll(&ready, 1, static_cast<int>(left_ms)) == 0) return "";
    next = PQconnectPoll(connection.get());
  }
  return SqlStateIn(PQerrorMessage(connection.get()));
}

}  // namespace

const char kSessionSettings[] =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';"
    "SET bytea_output = 'hex'; SET standard_conforming_strings = on;"
    "SET client_min_messages = warning;"
    // Our transactions never pause: one that does belongs to a frozen process, and holds the rows
    // that whoever takes its writers over waits for.
    "SELECT set_config('idle_in_transaction_session_timeout', '15s', false)"
    " WHERE current_setting('idle_in_transaction_session_timeout') = '0';"
    // A merge or a wait for a lock that nobody is left to hear of ends, and so lets go of what it
    // holds, instead of running to its end.
    "SELECT set_config('client_connection_check_interval', '5s', false)"
    " WHERE current_setting('client_connection_check_interval', true) = '0';"
    // What a server has begun ends within about 30 s, too, when the network takes it away and no
    // end of the connection arrives. Both are 0 on a Unix socket, and a stricter value of the owner
    // stays.
    "SELECT set_config('tcp_keepalives_idle', '15', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false)"
    " WHERE current_setting('tcp_keepalives_idle')::int > 15;"
    "SELECT set_config('tcp_user_timeout', '30s', false)"
    " WHERE current_setting('tcp_user_timeout') = '0';"
    // Stronger settings (remote_apply) and the owner's choice between local and remote stay as they
    // are.
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

absl::StatusOr<std::string> CompleteConninfo(absl::string_view conninfo,
                                             absl::Duration connect_timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(const ParsedOptions options, Parse(std::string(conninfo)));
  const std::string timeout_s =
      absl::StrCat(std::max<int64_t>(2, absl::ToInt64Seconds(connect_timeout)));
  // A dead peer is noticed within about 30 s: idle + interval * count when reading,
  // tcp_user_timeout when writing.
  const std::vector<std::pair<absl::string_view, absl::string_view>> defaults = {
      {"connect_timeout", timeout_s},   {"keepalives", "1"},       {"keepalives_idle", "15"},
      {"keepalives_interval", "5"},     {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"},
      {"application_name", "syncline"},
  };
  std::string complete = "client_encoding='UTF8'";
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    // Every encoder and every result of ours is UTF-8: this one is not the user's choice.
    if (option->val == nullptr || absl::string_view(option->keyword) == "client_encoding") continue;
    absl::StrAppend(&complete, " ", option->keyword, "=", Quoted(option->val));
  }
  for (const auto& [keyword, value] : defaults) {
    if (ValueOf(options, keyword).empty()) {
      absl::StrAppend(&complete, " ", keyword, "=", Quoted(value));
    }
  }
  return complete;
}

absl::Status ConnectError(const std::string& complete_conninfo, absl::string_view message,
                          absl::Duration time_left) {
  std::string password;
  if (absl::StatusOr<ParsedOptions> options = Parse(complete_conninfo); options.ok()) {
    password = std::string(ValueOf(*options, "password"));
  }
  const std::string text =
      absl::StrCat("cannot connect to the database: ", Sanitized(message, password));
  // Two spaces follow the severity in every message of a server; libpq's own words have none.
  const bool server_refused = absl::StrContains(message, ":  ");
  const std::string sqlstate =
      server_refused ? AskForSqlState(complete_conninfo, time_left) : std::string();
  if (absl::StartsWith(sqlstate, "28")) {
    return WithMetadata(DatabaseAuthFailed(text), "sqlstate", sqlstate);
  }
  if (!sqlstate.empty()) return StatusFromSqlState(sqlstate, text);
  // A required password that nobody gave is found by libpq, not by the server.
  if (absl::StrContains(message, "no password supplied")) return DatabaseAuthFailed(text);
  return DatabaseUnreachable(text);
}

}  // namespace syncline::postgres
