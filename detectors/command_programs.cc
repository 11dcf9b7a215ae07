#include "detectors/command_programs.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct ProgramRow {
  std::string_view name;
  Program program;
};
constexpr ProgramRow kPrograms[] = {
    {"ab", Program::kFetches},
    {"aria2c", Program::kFetches},
    {"axel", Program::kFetches},
    {"certutil", Program::kFetches},
    {"curl", Program::kFetches},
    {"curlie", Program::kFetches},
    {"elinks", Program::kFetches},
    {"fetch", Program::kFetches},
    {"ftp", Program::kFetches},
    {"get", Program::kFetches},  // libwww-perl's GET
    {"grpcurl", Program::kFetches},
    {"hey", Program::kFetches},
    {"http", Program::kFetches},  // HTTPie
    {"https", Program::kFetches},
    {"httpie", Program::kFetches},
    {"invoke-restmethod", Program::kFetches},
    {"invoke-webrequest", Program::kFetches},
    {"irm", Program::kFetches},
    {"iwr", Program::kFetches},
    {"links", Program::kFetches},
    {"lwp-request", Program::kFetches},
    {"lynx", Program::kFetches},
    {"nc", Program::kFetches},
    {"nc.openbsd", Program::kFetches},
    {"nc.traditional", Program::kFetches},
    {"ncat", Program::kFetches},
    {"netcat", Program::kFetches},
    {"nmap", Program::kFetches},
    {"openssl", Program::kFetches},
    {"ping", Program::kFetches},
    {"rsync", Program::kFetches},
    {"scp", Program::kFetches},
    {"socat", Program::kFetches},
    {"ssh", Program::kFetches},
    {"telnet", Program::kFetches},
    {"tftp", Program::kFetches},
    {"w3m", Program::kFetches},
    {"websocat", Program::kFetches},
    {"wget", Program::kFetches},
    {"wget2", Program::kFetches},
    {"wrk", Program::kFetches},
    {"xh", Program::kFetches},
    // On Google Cloud the metadata address is the resolver, too; on Azure the
    // WireServer's is.
    {"dig", Program::kOnlyMentions},
    {"drill", Program::kOnlyMentions},
    {"host", Program::kOnlyMentions},
    {"kdig", Program::kOnlyMentions},
    {"nslookup", Program::kOnlyMentions},
    {"ag", Program::kOnlyMentions},
    {"egrep", Program::kOnlyMentions},
    {"fgrep", Program::kOnlyMentions},
    {"grep", Program::kOnlyMentions},
    {"rg", Program::kOnlyMentions},
    {"ip6tables", Program::kFirewall},
    {"iptables", Program::kFirewall},
    {"nft", Program::kFirewall},
    {"ufw", Program::kFirewall},
};

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

Program ProgramOf(std::string_view word) {
  size_t slash = word.find_last_of("/\\");
  if (slash != word.npos) word.remove_prefix(slash + 1);
  if (absl::EndsWithIgnoreCase(A(word), ".exe")) word.remove_suffix(4);
  for (const ProgramRow& row : kPrograms) {
    if (absl::EqualsIgnoreCase(A(row.name), A(word))) return row.program;
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
  return std::find(std::begin(kDataOptions), std::end(kDataOptions), word) !=
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
