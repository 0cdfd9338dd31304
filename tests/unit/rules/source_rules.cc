#include "tests/unit/rules/source_rules.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/unit/rules/source_text.h"

namespace syncline::testing {
namespace {

using Names = std::set<std::string>;

// Modules of ours that a module may include, besides itself. "proto" means generated messages.
const std::map<std::string, Names>& ModuleIncludes() {
  static const auto* const table = new std::map<std::string, Names>{
      {"base", {}},
      {"model", {"base"}},
      {"config", {"base", "model"}},
      {"metrics", {"base"}},
      {"postgres", {"base", "model"}},
      {"write", {"base", "model", "postgres"}},
      {"dataflow", {"base", "model", "write", "proto"}},
      {"sync", {"base", "model", "dataflow", "write"}},
      {"rpc", {"base", "model", "sync", "proto"}},
      {"client", {"base", "proto"}},
      // Runs a server inside the client's process.
      {"direct", {"base", "proto", "client", "config", "app"}},
  };
  return *table;
}

// Rooms (subdirectories) of a module, each with the rooms of the same module that it may include,
// besides itself. Files of a module that are in no room may include all of them.
const std::map<std::string, Names>& RoomIncludes() {
  static const auto* const table = new std::map<std::string, Names>{
      {"postgres/connection", {}},
      {"postgres/embedded", {}},
      {"postgres/sql", {}},
      {"postgres/copy", {}},
      {"postgres/dependents", {"postgres/connection", "postgres/sql"}},
      {"postgres/ledger", {"postgres/connection", "postgres/sql"}},
      {"postgres/table", {"postgres/connection", "postgres/sql", "postgres/dependents"}},
      {"postgres/swap",
       {"postgres/connection", "postgres/sql", "postgres/dependents", "postgres/table"}},
      {"dataflow/text", {}},
      {"dataflow/coercion", {"dataflow/text"}},
      {"dataflow/parse", {"dataflow/text", "dataflow/coercion"}},
  };
  return *table;
}

// Modules that may include a third party's headers, by prefix of the header's name. Headers that
// are not listed (the standard library, absl) are always allowed.
struct ThirdParty {
  const char* prefix;
  Names modules;
};
const std::vector<ThirdParty>& ThirdParties() {
  static const auto* const table = new std::vector<ThirdParty>{
      {"grpcpp/", {"rpc", "client"}},
      {"grpc/", {"rpc", "client"}},
      {"google/rpc/", {"rpc", "client"}},
      {"google/protobuf/", {"rpc", "client", "dataflow"}},
      {"pqxx", {"postgres"}},
      {"libpq-fe.h", {"postgres"}},
      {"libpq/", {"postgres"}},
      {"simdjson", {"dataflow", "sync", "client"}},
      {"utf8proc", {"model", "dataflow"}},
      {"prometheus/", {"metrics"}},
      {"microhttpd.h", {"metrics"}},
      {"openssl/", {"base"}},
      {"absl/flags/", {"config", "client"}},
      {"archive", {"client"}},
      {"isa-l/", {"client"}},
      {"iconv.h", {"client"}},
  };
  return *table;
}

// Returns the module of `path`: a directory of server/, "app" for files directly in server/,
// "client", "direct", "base", or "tests" for everything that is not shipped. Returns an empty
// string for a directory of server/ without rules.
std::string GetModule(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  if (parts[0] == "base") return "base";
  if (parts[0] == "client") return parts.size() > 2 && parts[1] == "direct" ? "direct" : "client";
  if (parts[0] != "server") return "tests";
  if (parts.size() == 2) return "app";
  return ModuleIncludes().count(parts[1]) > 0 ? parts[1] : "";
}

// Returns the module of an included header of ours, or an empty string for third-party and system
// headers.
std::string GetModuleOfInclude(const std::string& header) {
  if (absl::StartsWith(header, "syncline/v1/")) return "proto";
  const std::vector<std::string> parts = absl::StrSplit(header, '/');
  if (parts[0] == "server") return parts.size() == 2 ? "app" : parts[1];
  return parts[0] == "base" || parts[0] == "client" || parts[0] == "tests" ? parts[0] : "";
}

// Returns "postgres/swap" for "server/postgres/swap/swap.h", or an empty string for a file that is
// in no room.
std::string GetRoom(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  return parts.size() > 3 && parts[0] == "server" ? absl::StrCat(parts[1], "/", parts[2]) : "";
}

class Checker {
 public:
  explicit Checker(const std::string& path) : path_(path), module_(GetModule(path)) {}

  std::vector<std::string> Check(absl::string_view content) {
    CheckName();
    if (absl::EndsWith(path_, "CMakeLists.txt") || absl::EndsWith(path_, ".cmake")) {
      CheckCMake(content);
    } else {
      CheckCode(content);
    }
    return std::move(violations_);
  }

 private:
  void Report(int line, absl::string_view rule) {
    violations_.push_back(absl::StrCat(path_, ":", line, ": ", rule));
  }

  bool Shipped() const { return module_ != "tests"; }

  void CheckName() {
    if (module_.empty()) {
      Report(
          1,
          "server/ has no such module; docs/architecture.md lists the modules and their includes");
    }
    if (absl::StartsWith(path_, "server/postgres/") && RoomIncludes().count(GetRoom(path_)) == 0 &&
        !absl::EndsWith(path_, "CMakeLists.txt")) {
      Report(1, "a file of server/postgres must be in one of its rooms");
    }
    const std::string stem = path_.substr(0, path_.rfind('.'));
    for (const absl::string_view part : absl::StrSplit(stem, absl::ByAnyChar("/_-"))) {
      static const auto* const kForbidden =
          new Names{"util", "utils", "common", "helper", "helpers", "misc"};
      if (kForbidden->count(std::string(part)) > 0) {
        Report(1, absl::StrCat("a file must be named by its concept, not \"", part, "\""));
      }
    }
  }

  void CheckCMake(absl::string_view content) {
    static const auto* const kGlob = new std::regex(R"(^[^#]*file\s*\(\s*GLOB)", std::regex::icase);
    int line = 0;
    for (const absl::string_view text : absl::StrSplit(content, '\n')) {
      ++line;
      if (std::regex_search(text.begin(), text.end(), *kGlob)) {
        Report(line, "CMake must list sources by name, without GLOB");
      }
    }
  }

  void CheckCode(absl::string_view content) {
    int line = 0;
    static const auto* const kInclude = new std::regex(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
    for (const absl::string_view text : absl::StrSplit(content, '\n')) {
      ++line;
      std::match_results<absl::string_view::const_iterator> match;
      if (std::regex_search(text.begin(), text.end(), match, *kInclude)) {
        CheckInclude(line, match[1].str());
      }
    }
    if (absl::EndsWith(path_, ".h") && !absl::StrContains(content, "#pragma once")) {
      Report(1, "a header must have #pragma once");
    }
    CheckReasons(content);
    const SourceText source = ReadSource(content);
    line = 0;
    for (const std::string& code : source.code) CheckLine(++line, code);
    for (const SourceText::Literal& literal : source.literals) {
      CheckLiteral(literal.line, literal.text);
    }
  }

  void CheckInclude(int line, const std::string& header) {
    if (!Shipped() || module_ == "app" || module_.empty()) return;
    const std::string target = GetModuleOfInclude(header);
    if (!target.empty() && target != module_ && header != "server/metrics/metrics.h") {
      const Names& allowed = ModuleIncludes().at(module_);
      if (allowed.count(target) == 0) {
        Report(line, absl::StrCat(module_, " may not include ", target, " (", header,
                                  "); it may include ", absl::StrJoin(allowed, ", ")));
      }
      if (absl::EndsWith(header, ".grpc.pb.h") && module_ != "rpc" && module_ != "client") {
        Report(line, "generated services are allowed only in rpc and client");
      }
    }
    CheckRoom(line, header);
    for (const ThirdParty& party : ThirdParties()) {
      if (absl::StartsWith(header, party.prefix) && party.modules.count(module_) == 0) {
        Report(line, absl::StrCat(module_, " may not include ", header, ": only ",
                                  absl::StrJoin(party.modules, ", ")));
      }
    }
  }

  void CheckRoom(int line, const std::string& header) {
    const auto room = RoomIncludes().find(GetRoom(path_));
    if (room == RoomIncludes().end()) return;
    const std::string target = GetRoom(header);
    if (target.empty() || target == room->first || RoomIncludes().count(target) == 0 ||
        GetModuleOfInclude(header) != module_ || room->second.count(target) > 0) {
      return;
    }
    Report(line, absl::StrCat(room->first, " may not include ", target, " (", header,
                              "); it may include ", absl::StrJoin(room->second, ", ")));
  }

  void CheckLine(int line, const std::string& code) {
    static const auto* const kUsingNamespace = new std::regex(R"(\busing\s+namespace\b)");
    static const auto* const kThread =
        new std::regex(R"(\bstd::(jthread|thread|async)\b|\bpthread_create\b)");
    static const auto* const kSettings = new std::regex(R"(\bABSL_FLAG\b|\b(secure_)?getenv\b)");
    static const auto* const kClientCli =
        new std::regex(R"(^client/(main|cli|flags)\b.*|^client/cli_.*)");
    if (std::regex_search(code, *kUsingNamespace)) Report(line, "no using namespace");
    if (!Shipped()) return;
    CheckQualifiers(line, code);
    // It replaces pthread_create by a function that reports failures, and starts no thread.
    const bool replaces = path_ == "server/thread_failure.cc";
    if (module_ != "base" && !replaces && std::regex_search(code, *kThread)) {
      Report(line, "threads may be started only by base (Thread, ThreadPool)");
    }
    if (module_ != "config" && !std::regex_match(path_, *kClientCli) &&
        std::regex_search(code, *kSettings)) {
      Report(line, "flags and environment may be read only by server/config and the client's cli");
    }
  }

  // A type of another module can arrive through a header that may be included.
  void CheckQualifiers(int line, const std::string& code) {
    static const auto* const kQualifier =
        new std::regex(R"((?:^|[^:\w]|syncline::)(config|postgres|write|dataflow|sync|rpc)::)");
    const auto allowed = ModuleIncludes().find(module_);
    if (allowed == ModuleIncludes().end()) return;
    for (std::sregex_iterator it(code.begin(), code.end(), *kQualifier), end; it != end; ++it) {
      const std::string target = (*it)[1].str();
      if (target != module_ && allowed->second.count(target) == 0) {
        Report(line, absl::StrCat(module_, " may not use names of ", target));
      }
    }
  }

  // Every reason of an error is a constant of base/reasons.h.
  void CheckReasons(absl::string_view content) {
    static const auto* const kReason =
        new std::regex(R"re((?:\breason = |StatusCode::k[A-Za-z]+,\s*)"[A-Z][A-Z_0-9]+")re");
    if (!Shipped()) return;
    std::match_results<absl::string_view::const_iterator> match;
    for (auto at = content.begin(); std::regex_search(at, content.end(), match, *kReason);
         at = match[0].second) {
      Report(static_cast<int>(1 + std::count(content.begin(), match[0].first, '\n')),
             "a reason must be a constant of base/reasons.h");
    }
  }

  void CheckLiteral(int line, const std::string& text) {
    static const auto* const kStatement = new std::regex(
        R"(\b(SELECT|INSERT INTO|DELETE FROM|TRUNCATE TABLE|LISTEN|NOTIFY|SET LOCAL|RETURNING)\s)"
        R"(|\bUPDATE\s+\S+\s+SET\b|\bCOPY\s+\S+.*\b(FROM|TO)\b|^\s*(BEGIN|COMMIT|ROLLBACK)\s*;?\s*$)"
        R"(|\b(CREATE|ALTER|DROP|LOCK)\s+(TABLE|SCHEMA|INDEX|UNIQUE|VIEW|SEQUENCE|TYPE|ROLE|OR\s+REPLACE)\b)");
    static const auto* const kQuietStatement = new std::regex(
        R"(\bselect\s.*\sfrom\s|\binsert\s+into\s|\bdelete\s+from\s)", std::regex::icase);
    if (!Shipped() || module_ == "postgres") return;
    if (path_ == "client/table_definition.cc") return;  // text for the user, never executed
    if (std::regex_search(text, *kStatement) || std::regex_search(text, *kQuietStatement)) {
      Report(line, "SQL is allowed only in server/postgres");
    }
  }

  const std::string path_;
  const std::string module_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> CheckSource(const std::string& path, absl::string_view content) {
  return Checker(path).Check(content);
}

}  // namespace syncline::testing
