// Pods whose credential somebody read by a command in the container, so that
// the use of a token from elsewhere can be told as what follows of it. The
// newest 64, for a day. One thread.
#ifndef ODDVERB_DETECTORS_READ_TOKENS_H_
#define ODDVERB_DETECTORS_READ_TOKENS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

class ReadTokens {
 public:
  struct Read {
    uint64_t pod = 0;
    std::string who;    // read it
    Evidence evidence;  // of the command
  };

  explicit ReadTokens(const KeyedHash& hash) : hash_(hash) {}

  // Of any rule; looks at credential.read_in_exec.
  void Note(const Finding& finding);
  // By whom the token of `stolen`, a finding of token.outside_its_pod, was read
  // within a day before; null = by nobody. Valid until the next Note().
  const Read* Of(const Finding& stolen) const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  static constexpr size_t kMaxReads = 64;

  uint64_t Key(std::string_view ns, std::string_view pod) const;

  KeyedHash hash_;
  std::vector<Read> reads_;  // the oldest first
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_READ_TOKENS_H_
