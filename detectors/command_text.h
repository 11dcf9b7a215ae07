// Finds the metadata targets that a command (or any text like one) names: as
// the host of a URL, after '@' or /dev/tcp/, as the argument of a program that
// fetches, or as a word of its own. A bare number is a host only where a host
// is expected: resource versions, uids and seeds are numbers, too.
//
// Words are split as a shell would, leniently: quotes only divide. What a shell
// has yet to compute is for another view of the text (decoded_views.h).
// Linear in the length of the text; no allocation beyond the result.
// Thread-safe.
#ifndef ODDVERB_DETECTORS_COMMAND_TEXT_H_
#define ODDVERB_DETECTORS_COMMAND_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/host_spelling.h"
#include "detectors/metadata_target.h"

namespace oddverb {

enum class HostContext : uint8_t {
  // Named but not contacted: NO_PROXY, a CIDR, what grep looks for, the server
  // of a DNS query, a firewall rule.
  kMention,
  kWord,  // a word of its own
  kHost,  // where a host is expected
};

struct HostHit {
  const MetadataTarget* target = nullptr;
  HostSpelling spelling = HostSpelling::kCanonical;
  HostContext context = HostContext::kMention;
  std::string_view text;  // as spelled; borrows from the text searched
};

enum class CommandTextKind : uint8_t {
  kPlain,    // no program reads the words: the path of a URL, a value
  kCommand,  // what a program does decides what its words mean
};

// In order of appearance; each (target, spelling) once, in its best context.
// `looked_at`, if not null: the bytes that were looked at, those that are
// tested for a host several times. At most some 20 times the text.
std::vector<HostHit> FindHosts(std::string_view text, CommandTextKind kind,
                               const MetadataTargets& targets,
                               size_t* looked_at = nullptr);

// One line out of the arguments of an exec. An argument that is only data for
// its option (`-H 'X: 1'`) is quoted, so that it stays one word.
class ShellLine {
 public:
  void Add(std::string_view argument);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool is_data_next_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_COMMAND_TEXT_H_
