#include "client/sources/foreign_format.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace syncline::client {
namespace {

constexpr absl::string_view kDuckdb = "load it with DuckDB: duckdb -json -c \"";
constexpr absl::string_view kPipe = " | syncline load - --table ...";

struct Signature {
  size_t offset;
  absl::string_view bytes;
  absl::string_view name;    // with its article
  absl::string_view advice;  // $1 is the file
  bool in_duckdb = false;    // the advice is a query for DuckDB
  bool letters = false;      // text may begin with the same bytes
};

// A string with NULs.
template <size_t n>
constexpr absl::string_view Bytes(const char (&text)[n]) {
  return absl::string_view(text, n - 1);
}

constexpr absl::string_view kExtract = "extract it and load the files that it contains";
constexpr absl::string_view kExport = "export the data as CSV or JSON and load that";

const Signature kSignatures[] = {
    {0, "PAR1", "a Parquet file", "FROM '$1'", true, true},
    {0, "ORC", "an ORC file",
     "convert it to Parquet (pyarrow.orc reads it) and load that with DuckDB", false, true},
    {0, Bytes("Obj\x01"), "an Avro file",
     "INSTALL avro FROM community; LOAD avro; FROM read_avro('$1')", true},
    {0, Bytes("SQLite format 3\0"), "an SQLite database",
     "load one of its tables: duckdb -json $1 -c 'FROM ...' | syncline load - --table ..."},
    {8, "DUCK", "a DuckDB database",
     "load one of its tables: duckdb -json $1 -c 'FROM ...' | syncline load - --table ...", false,
     true},
    {0, "ARROW1", "an Arrow file",
     "INSTALL nanoarrow FROM community; LOAD nanoarrow; FROM read_arrow('$1')", true, true},
    {0, "FEA1", "a Feather file",
     "convert it to Parquet (pyarrow.feather reads it) and load that with DuckDB", false, true},
    {0, "PGDMP", "a dump of pg_dump", "restore it with pg_restore", false, true},
    {0, Bytes("\xD0\xCF\x11\xE0"), "an Excel file of the old format (.xls) or another OLE document",
     "save it as CSV in UTF-8 and load that"},
    {0, Bytes("Rar!\x1A"), "a RAR archive", kExtract},
    {0, Bytes("7z\xBC\xAF\x27\x1C"), "a 7-Zip archive", kExtract},
    {257, "ustar", "a tar archive", kExtract, false, true},
    {0, Bytes("\x04\x22\x4D\x18"), "an lz4 file", "lz4 -dc $1"},
    {0, Bytes("\x1F\x9D"), "a file of compress (.Z)", "gzip -dc $1"},
    {0, "LZIP", "an lzip file", "lzip -dc $1", false, true},
    {0, Bytes("\xFF\x06\0\0sNaPpY"), "a Snappy file", "decompress it and load the result"},
    {0, Bytes("\x89HDF\r\n"), "an HDF5 file", kExport},
    {0, Bytes("\x93NUMPY"), "a NumPy file", kExport},
    {0, "%PDF-", "a PDF document", kExport},
    {0, "<?xml", "an XML document", "convert it to JSON and load that"},
    {0, "<!DOCTYPE", "an HTML document",
     "check where it came from: downloads that fail are often such pages"},
    {0, "<!doctype", "an HTML document",
     "check where it came from: downloads that fail are often such pages"},
    {0, "<html", "an HTML document",
     "check where it came from: downloads that fail are often such pages"},
};

std::string Quoted(const std::string& file) {
  return absl::StrCat("'", absl::StrReplaceAll(file, {{"'", "'\\''"}}), "'");
}

// A ZIP archive, which office programs also use.
std::string ZipAdvice(absl::string_view head, const std::string& file) {
  const auto contains = [head](absl::string_view text) { return absl::StrContains(head, text); };
  if (absl::EndsWithIgnoreCase(file, ".xlsx") || contains("xl/") ||
      (contains("[Content_Types].xml") && !absl::EndsWithIgnoreCase(file, ".docx"))) {
    return absl::StrCat("an Excel file; ", kDuckdb, "INSTALL excel; LOAD excel; FROM read_xlsx('",
                        file, "')\"", kPipe);
  }
  if (contains("opendocument")) {
    return "an OpenDocument file; save it as CSV in UTF-8 and load that";
  }
  return absl::StrCat("a ZIP archive; load a file that it contains: unzip -p ", Quoted(file),
                      " NAME", kPipe);
}

// Text has no other control characters than white space, separators and escapes.
bool HasBinaryByte(absl::string_view head) {
  return std::any_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x09 || (byte > 0x0D && byte < 0x1B);
  });
}

bool IsBinary(absl::string_view head) {
  constexpr size_t kMaxNuls = 8;
  return static_cast<size_t>(std::count(head.begin(), head.end(), '\0')) > kMaxNuls;
}

}  // namespace

absl::Status RefuseForeignFormat(absl::string_view head, const std::string& file,
                                 bool has_encoding) {
  const std::string name = file == "-" ? "FILE" : file;
  const auto refuse = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("this is ", what));
  };
  if (absl::StartsWith(head, Bytes("PK\x03\x04")) || absl::StartsWith(head, Bytes("PK\x05\x06"))) {
    return refuse(ZipAdvice(head, name));
  }
  for (const Signature& signature : kSignatures) {
    if (head.size() < signature.offset ||
        !absl::StartsWith(head.substr(signature.offset), signature.bytes)) {
      continue;
    }
    if (signature.letters && !HasBinaryByte(head)) continue;
    std::string advice = absl::StrReplaceAll(signature.advice, {{"$1", name}});
    if (signature.in_duckdb) advice = absl::StrCat(kDuckdb, advice, "\"", kPipe);
    if (absl::StrContains(signature.advice, " -dc ")) {
      advice = absl::StrCat("load it with ", advice, kPipe);
    }
    return refuse(absl::StrCat(signature.name, "; ", advice));
  }
  if (!has_encoding && IsBinary(head)) {
    return refuse("binary data of an unknown format; only JSON and CSV text can be loaded");
  }
  return absl::OkStatus();
}

}  // namespace syncline::client
