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
#include "base/reasons.h"
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

// Returns libpq's message about a malformed connection string without the parts of the string that
// it quotes, which may belong to a password. Only the name of an unknown option is kept.
std::string RedactQuotedParts(absl::string_view text) {
  // libpq also quotes the missing character, before the part of the string that lacks it.
  const std::string unquoted =
      absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"\"=\"", "="}, {"\"]\"", "]"}});
  const absl::string_view error = unquoted;
  if (absl::StartsWith(error, "invalid connection option \"")) return unquoted;
  const size_t first = error.find('"');
  const size_t last = error.rfind('"');
  if (first == absl::string_view::npos || first == last) return unquoted;
  return absl::StrCat(error.substr(0, first), "(omitted)", error.substr(last + 1));
}

absl::StatusOr<ParsedOptions> Parse(const std::string& conninfo) {
  char* error = nullptr;
  ParsedOptions options(PQconninfoParse(conninfo.c_str(), &error));
  const std::string why = RedactQuotedParts(error == nullptr ? "out of memory" : error);
  PQfreemem(error);
  if (options != nullptr) return options;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the connection string cannot be parsed: ", why),
                   {.reason = reason::kDbConninfo});
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

// Returns `message` as one line, without the password in case a library repeats it.
std::string Sanitized(absl::string_view message, absl::string_view password) {
  std::string text(message);
  if (!password.empty()) text = absl::StrReplaceAll(text, {{password, "********"}});
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

// Returns the SQLSTATE of the server in libpq's verbose message, such as "FATAL:  28P01: password
// authentication failed ...", or an empty string. The severity may be translated; the code is not.
std::string FindSqlState(absl::string_view message) {
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

// Connects again and returns the SQLSTATE of the failure, or an empty string if there is none. It
// connects step by step, because only then verbose messages can be enabled before the failure.
std::string FetchSqlState(const std::string& conninfo, absl::Duration time_left) {
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
  return FindSqlState(PQerrorMessage(connection.get()));
}

}  // namespace

absl::StatusOr<std::string> CompleteConninfo(absl::string_view conninfo,
                                             absl::Duration connect_timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(const ParsedOptions options, Parse(std::string(conninfo)));
  const std::string timeout_s =
      absl::StrCat(std::max<int64_t>(2, absl::ToInt64Seconds(connect_timeout)));
  // A dead peer is detected within about 30 s: by idle + interval * count while reading, and by
  // tcp_user_timeout while writing.
  std::vector<std::pair<absl::string_view, absl::string_view>> defaults = {
      {"connect_timeout", timeout_s},   {"keepalives", "1"},       {"keepalives_idle", "15"},
      {"keepalives_interval", "5"},     {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"},
      {"application_name", "syncline"},
  };
  // Of several hosts, libpq would otherwise take a standby that comes first.
  if (absl::StrContains(ValueOf(options, "host"), ",") ||
      absl::StrContains(ValueOf(options, "hostaddr"), ",")) {
    defaults.emplace_back("target_session_attrs", "read-write");
  }
  std::string complete = "client_encoding='UTF8'";
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    // All encoders and results use UTF-8, so the user cannot choose this one.
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
  // In every message of a server two spaces follow the severity; libpq's own messages have none.
  const bool server_refused = absl::StrContains(message, ":  ");
  const std::string sqlstate =
      server_refused ? FetchSqlState(complete_conninfo, time_left) : std::string();
  if (absl::StartsWith(sqlstate, "28")) {
    return WithMetadata(DatabaseAuthFailed(text), "sqlstate", sqlstate);
  }
  if (!sqlstate.empty()) return StatusFromSqlState(sqlstate, text);
  // A missing password is detected by libpq, not by the server.
  if (absl::StrContains(message, "no password supplied")) return DatabaseAuthFailed(text);
  return DatabaseUnreachable(text);
}

}  // namespace syncline::postgres
