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
  Program program;
  // Wherever the word stands: as an argument of another program, too.
  bool anywhere;
};
constexpr ProgramRow kPrograms[] = {
    {"aria2c", Program::kFetches, true},
    {"axel", Program::kFetches, true},
    {"certutil", Program::kFetches, true},
    {"curl", Program::kFetches, true},
    {"curlie", Program::kFetches, true},
    {"elinks", Program::kFetches, true},
    {"ftp", Program::kFetches, true},
    {"grpcurl", Program::kFetches, true},
    {"httpie", Program::kFetches, true},
    {"invoke-restmethod", Program::kFetches, true},
    {"invoke-webrequest", Program::kFetches, true},
    {"irm", Program::kFetches, true},
    {"iwr", Program::kFetches, true},
    {"lwp-request", Program::kFetches, true},
    {"lynx", Program::kFetches, true},
    {"nc", Program::kFetches, true},
    {"nc.openbsd", Program::kFetches, true},
    {"nc.traditional", Program::kFetches, true},
    {"ncat", Program::kFetches, true},
    {"netcat", Program::kFetches, true},
    {"nmap", Program::kFetches, true},
    {"openssl", Program::kFetches, true},
    {"ping", Program::kFetches, true},
    {"rsync", Program::kFetches, true},
    {"scp", Program::kFetches, true},
    {"socat", Program::kFetches, true},
    {"ssh", Program::kFetches, true},
    {"telnet", Program::kFetches, true},
    {"tftp", Program::kFetches, true},
    {"w3m", Program::kFetches, true},
    {"websocat", Program::kFetches, true},
    {"wget", Program::kFetches, true},
    {"wget2", Program::kFetches, true},
    {"wrk", Program::kFetches, true},
    {"xh", Program::kFetches, true},
    // Ordinary words but in the place of a program.
    {"ab", Program::kFetches, false},
    {"fetch", Program::kFetches, false},
    {"get", Program::kFetches, false},  // libwww-perl
    {"hey", Program::kFetches, false},
    {"http", Program::kFetches, false},  // HTTPie
    {"https", Program::kFetches, false},
    {"links", Program::kFetches, false},
    // `curl -o grep http://...` does not grep.
    {"ag", Program::kOnlyMentions, false},
    {"egrep", Program::kOnlyMentions, false},
    {"fgrep", Program::kOnlyMentions, false},
    {"grep", Program::kOnlyMentions, false},
    {"rg", Program::kOnlyMentions, false},
    // On Google Cloud the metadata address is the resolver, too; on Azure the
    // WireServer's is.
    {"dig", Program::kOnlyMentions, false},
    {"drill", Program::kOnlyMentions, false},
    {"host", Program::kOnlyMentions, false},
    {"kdig", Program::kOnlyMentions, false},
    {"nslookup", Program::kOnlyMentions, false},
    {"ip6tables", Program::kFirewall, false},
    {"iptables", Program::kFirewall, false},
    {"nft", Program::kFirewall, false},
    {"ufw", Program::kFirewall, false},
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

Program ProgramOf(std::string_view word, ProgramPlace place) {
  size_t slash = word.find_last_of("/\\");
  if (slash != word.npos) word.remove_prefix(slash + 1);
  if (absl::EndsWithIgnoreCase(A(word), ".exe")) word.remove_suffix(4);
  if (word.empty() || word.size() > LongestProgram()) return Program::kOther;
  auto letter = static_cast<unsigned char>(word[0]);
  uint64_t rows = kProgramsByLetter[static_cast<unsigned char>(
      absl::ascii_tolower(letter))];
  for (; rows != 0; rows &= rows - 1) {
    const ProgramRow& row = kPrograms[std::countr_zero(rows)];
    if (!absl::EqualsIgnoreCase(A(row.name), A(word))) continue;
    bool counts = row.anywhere || place == ProgramPlace::kCommand;
    return counts ? row.program : Program::kOther;
  }
  return Program::kOther;
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
