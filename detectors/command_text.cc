#include "detectors/command_text.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"
#include "detectors/command_programs.h"

namespace oddverb {
namespace {

// getaddrinfo() takes no longer host; with brackets, a zone and a port.
constexpr size_t kMaxHostBytes = 1100;
// A user's name and password in front of a host.
constexpr size_t kMaxUserInfoBytes = 512;
constexpr size_t kMaxHits = 32;
// What it costs to test the shortest host, in bytes that are looked at.
constexpr size_t kTestBytes = 8;

bool IsRunByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '-' || c == '_' || c == ':';
}
bool IsSlash(char c) { return c == '/' || c == '\\'; }
bool IsBlank(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c)) || c == '\0';
}
bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

// "/24" behind an address: a network, not a path.
bool IsPrefixLength(std::string_view behind) {
  if (!behind.starts_with('/')) return false;
  size_t end = 1;
  while (end < behind.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(behind[end]))) {
    ++end;
  }
  bool ends_there =
      end == behind.size() || !(IsRunByte(behind[end]) || behind[end] == '/');
  return end > 1 && end <= 4 && ends_there;
}

// Without its brackets, or with them.
bool IsAddress(std::string_view text) {
  if (text.find(':') == text.npos) return !ReadHost(text).empty();
  if (text.starts_with('[')) text.remove_prefix(1);
  if (text.ends_with(']')) text.remove_suffix(1);
  return IpAddress::Parse(text.substr(0, text.find('%'))).has_value();
}

// Where a host and its port stand in a word.
struct Place {
  size_t begin = 0;
  size_t end = 0;
};

class HostSearch {
 public:
  HostSearch(const MetadataTargets& targets, CommandTextKind kind,
             std::vector<HostHit>& hits)
      : targets_(targets), kind_(kind), hits_(hits) {
    EndCommand();
  }

  // Called for the words of a command in their order. Most are no host: either
  // too short, or none of their bytes `leads_to_host`, and only what a program
  // fetches needs none.
  void Word(std::string_view word, bool leads_to_host) {
    const bool may_hold_host =
        word.size() >= targets_.shortest_host() &&
        (leads_to_host || program_ == CommandProgram::kFetches);
    if (!IsProgramWord(word) && may_hold_host) {
      word_ = word;
      mentions_only_ = program_ == CommandProgram::kOnlyMentions ||
                       program_ == CommandProgram::kFirewall ||
                       IsNoProxyAssignment(word) || previous_ == "--noproxy";
      SearchRuns();
      if (program_ == CommandProgram::kFetches && !IsDataOption(previous_)) {
        SearchArgument();
      }
    }
    program_may_follow_ = program_may_follow_ && LeadsToProgram(word);
    previous_ = word;
  }
  void EndCommand() {
    program_ = CommandProgram::kOther;
    program_may_follow_ = kind_ != CommandTextKind::kPlain;
    previous_ = {};
  }
  bool full() const { return hits_.size() >= kMaxHits; }
  size_t looked_at() const { return looked_at_; }

 private:
  // Notes the program that `word` names.
  bool IsProgramWord(std::string_view word) {
    if (kind_ == CommandTextKind::kPlain) return false;
    if (program_ == CommandProgram::kFirewall && word == "DNAT") {
      program_ = CommandProgram::kOther;  // a redirection is no defence
      return true;
    }
    if (IsDataOption(previous_)) return false;
    CommandProgram named =
        ProgramOf(word, program_may_follow_ ? ProgramPlace::kCommand
                                            : ProgramPlace::kArgument);
    if (named == CommandProgram::kOther) return false;
    program_ = named;
    return true;
  }

  // Maximal runs of host bytes, or [...], and what stands in front of them.
  void SearchRuns() {
    for (size_t i = 0; i < word_.size();) {
      if (word_[i] == '[') {
        size_t close = BracketEnd(i);
        if (close != word_.npos) {
          size_t end = close + 1;
          while (end < word_.size() && IsRunByte(word_[end])) ++end;
          SearchRun({i, end});
          i = end;
          continue;
        }
      }
      if (!IsRunByte(word_[i])) {
        ++i;
        continue;
      }
      size_t end = i;
      while (end < word_.size() && IsRunByte(word_[end])) ++end;
      SearchRun({i, end});
      i = end;
    }
  }

  size_t BracketEnd(size_t open) {
    // Longer than any IPv6 address with zone ("%25eth0").
    constexpr size_t kMaxBracketBytes = 80;
    std::string_view rest = word_.substr(open + 1, kMaxBracketBytes);
    size_t close = rest.find_first_of("[],@/?#");
    if (close == rest.npos || rest[close] != ']') return word_.npos;
    // A list or a pattern otherwise.
    looked_at_ += close;
    if (!IsAddress(word_.substr(open + 1, close))) return word_.npos;
    return open + 1 + close;
  }

  void SearchRun(Place run) {
    if (run.end - run.begin > kMaxHostBytes) return;
    if (IsHostPlace(run.begin)) {
      SearchHost(run);
      return;
    }
    // "http:HOST" without slashes is a URL to browsers and to node.
    std::string_view text = word_.substr(run.begin, run.end - run.begin);
    for (std::string_view scheme : {"http:", "https:"}) {
      if (!absl::StartsWithIgnoreCase(A(text), A(scheme))) continue;
      SearchHost({run.begin + scheme.size(), run.end});
      return;
    }
    SearchWords(run);
  }

  // Whether a host is expected at `begin`.
  bool IsHostPlace(size_t begin) const {
    std::string_view before = word_.substr(0, begin);
    if (before.ends_with('@')) return true;
    if (before.empty() || !IsSlash(before.back())) return false;
    for (std::string_view device :
         {"/dev/tcp/", "/dev/udp/", "/inet/tcp/0/", "/inet4/tcp/0/"}) {
      if (before.ends_with(device)) return true;
    }
    // "://", and any other number of slashes of either kind, as curl and the
    // WHATWG URL standard read them.
    while (!before.empty() && IsSlash(before.back())) before.remove_suffix(1);
    return before.ends_with(':');
  }

  void SearchHost(Place run) {
    std::string_view text = word_.substr(run.begin, run.end - run.begin);
    if (IsUserInfo(run.end)) {
      SearchWords(run);
      return;
    }
    size_t host_bytes = HostBytes(text);
    std::string_view port = text.substr(host_bytes);
    if (port.starts_with(':')) port.remove_prefix(1);
    Test(text.substr(0, host_bytes), port, HostContext::kHost);
  }

  // "[...]" or IPv6 as it is, else up to the port.
  static size_t HostBytes(std::string_view text) {
    if (text.starts_with('[')) return text.find(']') + 1;
    size_t colon = text.find(':');
    if (colon == text.npos) return text.size();
    bool is_ipv6 = text.find(':', colon + 1) != text.npos &&
                   IpAddress::Parse(text).has_value();
    return is_ipv6 ? text.size() : colon;
  }

  // What is followed by '@' before the authority ends is a user's name.
  bool IsUserInfo(size_t end) {
    std::string_view rest = word_.substr(end, kMaxUserInfoBytes);
    size_t stop = rest.find_first_of("@/?#\\");
    looked_at_ += std::min(stop, rest.size());
    return stop != rest.npos && rest[stop] == '@';
  }

  // A run where no host is expected: only what can hardly be anything else.
  void SearchWords(Place run) {
    std::string_view text = word_.substr(run.begin, run.end - run.begin);
    looked_at_ += text.size();
    HostContext context = IsPrefixLength(word_.substr(run.end))
                              ? HostContext::kMention
                              : HostContext::kWord;
    if (std::count(text.begin(), text.end(), ':') >= 2) {
      std::string_view address = text.substr(0, HostBytes(text));
      // One in brackets was tested by BracketEnd().
      if (text.starts_with('[') || IsAddress(address)) {
        Test(address, "", context);
        return;
      }
    }
    while (!text.empty()) {
      size_t colon = text.find(':');
      std::string_view piece = text.substr(0, colon);
      text.remove_prefix(colon == text.npos ? text.size() : colon + 1);
      // A dot there ends a sentence.
      while (piece.ends_with('.')) piece.remove_suffix(1);
      bool has_dot = piece.find('.') != piece.npos;
      bool is_number =
          !piece.empty() &&
          absl::ascii_isdigit(static_cast<unsigned char>(piece[0]));
      if (!has_dot) continue;
      bool is_short =
          is_number && !HasFourNumericParts(piece) &&
          piece.find_first_not_of("0123456789abcdefABCDEFxX.") == piece.npos;
      if (!is_short) Test(piece, text.substr(0, text.find(':')), context);
    }
  }

  // The argument of a program that fetches: a URL without its scheme, or the
  // pieces of socat's TCP:HOST:PORT and curl's --resolve HOST:PORT:ADDRESS.
  void SearchArgument() {
    std::string_view argument = word_.substr(0, word_.find_first_of("/?#\\"));
    if (argument.starts_with('-')) {
      size_t equals = argument.find('=');
      if (equals == argument.npos || IsDataOption(argument.substr(0, equals))) {
        return;
      }
      argument.remove_prefix(equals + 1);
    }
    if (argument.size() > kMaxHostBytes) return;
    while (!argument.empty()) {
      size_t stop = argument.find_first_of(":,@");
      Test(argument.substr(0, stop), "", HostContext::kHost);
      argument.remove_prefix(stop == argument.npos ? argument.size()
                                                   : stop + 1);
    }
  }

  void Test(std::string_view host, std::string_view port, HostContext context) {
    if (host.empty() || full()) return;
    looked_at_ += host.size() + kTestBytes;
    std::optional<TargetMatch> match = targets_.Find(host);
    if (!match) return;
    if (match->target->proof != TargetProof::kWord &&
        context != HostContext::kHost) {
      return;
    }
    if (!MetadataTargets::ServesOn(*match->target, port)) return;
    if (mentions_only_ || port == "53") context = HostContext::kMention;
    Add({.target = match->target,
         .spelling = match->spelling,
         .context = context,
         .text = host});
  }

  void Add(const HostHit& hit) {
    for (HostHit& known : hits_) {
      if (known.target != hit.target || known.spelling != hit.spelling) {
        continue;
      }
      // One find, at its best.
      if (known.context < hit.context) known = hit;
      return;
    }
    hits_.push_back(hit);
  }

  const MetadataTargets& targets_;
  const CommandTextKind kind_;
  std::vector<HostHit>& hits_;
  CommandProgram program_ = CommandProgram::kOther;
  bool program_may_follow_ = false;
  bool mentions_only_ = false;
  std::string_view previous_;
  std::string_view word_;
  size_t looked_at_ = 0;
};

// Bytes that may divide words, as few do: see DivisionAt(). And those of which
// a word has one if a host is to be found in it: SearchRun() looks for a host
// behind '@', slashes or a scheme, else for dots and colons.
constexpr uint8_t kMayDivide = 1, kLeadsToHost = 2;
constexpr std::array<uint8_t, 256> kByteKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (char c : std::string_view("\0\t\n\v\f\r \"'`;|()<>&", 17)) {
    kinds[static_cast<unsigned char>(c)] |= kMayDivide;
  }
  for (char c : std::string_view("@/\\.:")) {
    kinds[static_cast<unsigned char>(c)] |= kLeadsToHost;
  }
  return kinds;
}();

bool LeadsToHost(std::string_view word) {
  return word.find_first_of("@/\\.:") != word.npos;
}

// Whether the byte at `i` divides words, and whether it ends a command.
struct Division {
  bool divides = false;
  bool ends_command = false;
};
inline Division DivisionAt(std::string_view text, size_t i) {
  char c = text[i];
  switch (c) {
    case '\n':
    case ';':
    case '|':
    case '(':
    case ')':
    case '`':
      return {.divides = true, .ends_command = true};
    case '<':
    case '>':
      return {.divides = true};
    case '&': {
      // Inside of a URL it divides parameters, in 2>&1 it is a file's mark.
      bool ends =
          i + 1 == text.size() || text[i + 1] == '&' || IsBlank(text[i + 1]);
      return {.divides = ends, .ends_command = ends};
    }
    default:
      return {.divides = IsBlank(c) || IsQuote(c)};
  }
}

}  // namespace

std::vector<HostHit> FindHosts(std::string_view text, CommandTextKind kind,
                               const MetadataTargets& targets,
                               size_t* looked_at) {
  std::vector<HostHit> hits;
  HostSearch search(targets, kind, hits);
  std::string_view last_word;
  for (size_t i = 0; i < text.size() && !search.full();) {
    Division division = DivisionAt(text, i);
    if (division.divides) {
      if (division.ends_command) search.EndCommand();
      // A quoted value of a data option is one word.
      if (IsQuote(text[i]) && IsDataOption(last_word)) {
        size_t close = text.find(text[i], i + 1);
        if (close == text.npos) close = text.size();
        last_word = text.substr(i + 1, close - i - 1);
        search.Word(last_word, LeadsToHost(last_word));
        i = close;
      }
      ++i;
      continue;
    }
    size_t end = i;
    uint8_t kinds = 0;  // of all bytes of the word
    for (; end < text.size(); ++end) {
      const uint8_t byte = kByteKinds[static_cast<unsigned char>(text[end])];
      if ((byte & kMayDivide) != 0 && DivisionAt(text, end).divides) break;
      kinds |= byte;
    }
    last_word = text.substr(i, end - i);
    search.Word(last_word, (kinds & kLeadsToHost) != 0);
    i = end;
  }
  if (looked_at != nullptr) *looked_at = text.size() + search.looked_at();
  return hits;
}

void ShellLine::Add(std::string_view argument) {
  if (!text_.empty()) text_ += ' ';
  // A quote inside of the argument would end the word early; hosts are found
  // all the same.
  if (is_data_next_) text_ += '"';
  text_ += argument;
  if (is_data_next_) text_ += '"';
  is_data_next_ = IsDataOption(argument);
}

}  // namespace oddverb
