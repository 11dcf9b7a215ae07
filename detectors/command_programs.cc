#include "detectors/command_programs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct ProgramRow {
  std::string_view name;
  CommandProgram program;
  // Wherever the word stands: as an argument of another program, too.
  bool anywhere;
};
constexpr ProgramRow kPrograms[] = {
    {"aria2c", CommandProgram::kFetches, true},
    {"axel", CommandProgram::kFetches, true},
    {"certutil", CommandProgram::kFetches, true},
    {"curl", CommandProgram::kFetches, true},
    {"curlie", CommandProgram::kFetches, true},
    {"elinks", CommandProgram::kFetches, true},
    {"ftp", CommandProgram::kFetches, true},
    {"grpcurl", CommandProgram::kFetches, true},
    {"httpie", CommandProgram::kFetches, true},
    {"invoke-restmethod", CommandProgram::kFetches, true},
    {"invoke-webrequest", CommandProgram::kFetches, true},
    {"irm", CommandProgram::kFetches, true},
    {"iwr", CommandProgram::kFetches, true},
    {"lwp-request", CommandProgram::kFetches, true},
    {"lynx", CommandProgram::kFetches, true},
    {"nc", CommandProgram::kFetches, true},
    {"nc.openbsd", CommandProgram::kFetches, true},
    {"nc.traditional", CommandProgram::kFetches, true},
    {"ncat", CommandProgram::kFetches, true},
    {"netcat", CommandProgram::kFetches, true},
    {"nmap", CommandProgram::kFetches, true},
    {"openssl", CommandProgram::kFetches, true},
    {"ping", CommandProgram::kFetches, true},
    {"rsync", CommandProgram::kFetches, true},
    {"scp", CommandProgram::kFetches, true},
    {"socat", CommandProgram::kFetches, true},
    {"ssh", CommandProgram::kFetches, true},
    {"telnet", CommandProgram::kFetches, true},
    {"tftp", CommandProgram::kFetches, true},
    {"w3m", CommandProgram::kFetches, true},
    {"websocat", CommandProgram::kFetches, true},
    {"wget", CommandProgram::kFetches, true},
    {"wget2", CommandProgram::kFetches, true},
    {"wrk", CommandProgram::kFetches, true},
    {"xh", CommandProgram::kFetches, true},
    // Ordinary words but in the place of a program.
    {"ab", CommandProgram::kFetches, false},
    {"fetch", CommandProgram::kFetches, false},
    {"get", CommandProgram::kFetches, false},  // libwww-perl
    {"hey", CommandProgram::kFetches, false},
    {"http", CommandProgram::kFetches, false},  // HTTPie
    {"https", CommandProgram::kFetches, false},
    {"links", CommandProgram::kFetches, false},
    // `curl -o grep http://...` does not grep.
    {"ag", CommandProgram::kOnlyMentions, false},
    {"egrep", CommandProgram::kOnlyMentions, false},
    {"fgrep", CommandProgram::kOnlyMentions, false},
    {"grep", CommandProgram::kOnlyMentions, false},
    {"rg", CommandProgram::kOnlyMentions, false},
    // On Google Cloud the metadata address is the resolver, too; on Azure the
    // WireServer's is.
    {"dig", CommandProgram::kOnlyMentions, false},
    {"drill", CommandProgram::kOnlyMentions, false},
    {"host", CommandProgram::kOnlyMentions, false},
    {"kdig", CommandProgram::kOnlyMentions, false},
    {"nslookup", CommandProgram::kOnlyMentions, false},
    {"ip6tables", CommandProgram::kFirewall, false},
    {"iptables", CommandProgram::kFirewall, false},
    {"nft", CommandProgram::kFirewall, false},
    {"ufw", CommandProgram::kFirewall, false},
};

// A bit for each row, by the lower-case first letter of its name.
constexpr std::array<uint64_t, 256> ProgramsByLetter() {
  static_assert(std::size(kPrograms) <= 64);
  std::array<uint64_t, 256> rows{};
  for (size_t i = 0; i < std::size(kPrograms); ++i) {
    rows[static_cast<unsigned char>(kPrograms[i].name[0])] |= uint64_t{1} << i;
  }
  return rows;
}
constexpr std::array<uint64_t, 256> kProgramsByLetter = ProgramsByLetter();

constexpr size_t LongestProgram() {
  size_t longest = 0;
  for (const ProgramRow& row : kPrograms) {
    longest = std::max(longest, row.name.size());
  }
  return longest;
}

// What may stand in front of the program of a simple command.
constexpr std::string_view kWrappers[] = {
    "ash",  "bash", "busybox", "command", "dash",    "doas",   "do",
    "else", "env",  "exec",    "export",  "if",      "nice",   "nohup",
    "sh",   "sudo", "then",    "time",    "timeout", "toybox", "xargs",
};

// Options of the fetching programs whose value is data and never a host.
constexpr std::string_view kDataOptions[] = {
    "-H",
    "-A",
    "-b",
    "-F",
    "--header",
    "--user-agent",
    "--cookie",
    "--form",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "--data-ascii",
    "--post-data",
    "--body-data",
    "--json",
};

}  // namespace

CommandProgram ProgramOf(std::string_view word, ProgramPlace place) {
  size_t slash = word.find_last_of("/\\");
  if (slash != word.npos) word.remove_prefix(slash + 1);
  if (absl::EndsWithIgnoreCase(A(word), ".exe")) word.remove_suffix(4);
  if (word.empty() || word.size() > LongestProgram())
    return CommandProgram::kOther;
  auto letter = static_cast<unsigned char>(word[0]);
  uint64_t rows = kProgramsByLetter[static_cast<unsigned char>(
      absl::ascii_tolower(letter))];
  for (; rows != 0; rows &= rows - 1) {
    const ProgramRow& row = kPrograms[std::countr_zero(rows)];
    if (!absl::EqualsIgnoreCase(A(row.name), A(word))) continue;
    bool counts = row.anywhere || place == ProgramPlace::kCommand;
    return counts ? row.program : CommandProgram::kOther;
  }
  return CommandProgram::kOther;
}

bool LeadsToProgram(std::string_view word) {
  size_t slash = word.rfind('/');
  std::string_view name = slash == word.npos ? word : word.substr(slash + 1);
  bool is_wrapper = std::find(std::begin(kWrappers), std::end(kWrappers),
                              name) != std::end(kWrappers);
  bool is_number =
      !word.empty() && absl::ascii_isdigit(static_cast<unsigned char>(word[0]));
  return is_wrapper || is_number || word.starts_with('-') ||
         word.find('=') != word.npos;
}

bool IsDataOption(std::string_view word) {
  return word.starts_with('-') &&
         std::find(std::begin(kDataOptions), std::end(kDataOptions), word) !=
             std::end(kDataOptions);
}

bool IsNoProxyAssignment(std::string_view word) {
  if (word.starts_with("--env=")) word.remove_prefix(6);
  size_t equals = word.substr(0, 64).find('=');
  if (equals == word.npos) return false;
  std::string_view name = word.substr(0, equals);
  return absl::EqualsIgnoreCase(A(name), "no_proxy") ||
         absl::EqualsIgnoreCase(A(name), "--noproxy") ||
         absl::EqualsIgnoreCase(A(name), "--no-proxy");
}

}  // namespace oddverb
