// Reading of request URIs: path, query pairs, percent-encoding. Pure text, no
// Kubernetes. Everything here is fed by attackers: no recursion, no allocation
// beyond the result, bounded by the input's length. Thread-safe.
#ifndef ODDVERB_BASE_URI_H_
#define ODDVERB_BASE_URI_H_

#include <string>
#include <string_view>

namespace oddverb {

struct UriParts {
  std::string_view path;   // up to the first '?' (or '#')
  std::string_view query;  // behind it, without the '?'; may be empty
};
UriParts SplitUri(std::string_view uri);

// "https://host:port" of a URL, without user, password, path and query: what
// may be shown of it. "(no URL)" where there is no scheme.
std::string UriOrigin(std::string_view url);

// Iterates over `a=1&b&c=3` in order, without decoding:
//   QueryPairs pairs(query);
//   for (QueryPair pair; pairs.Next(pair);) ...
// ';' does not separate (Go's net/url refuses it since 1.17).
struct QueryPair {
  std::string_view name;
  std::string_view value;  // empty when there is no '='
};
class QueryPairs {
 public:
  explicit QueryPairs(std::string_view query) : rest_(query) {}
  bool Next(QueryPair& out);

 private:
  std::string_view rest_;
};

enum class PlusIs { kPlus, kBlank };
// Decodes %XX once; invalid escapes stay as they are. In a query, '+' is a
// blank.
std::string PercentDecode(std::string_view text, PlusIs plus);

}  // namespace oddverb

#endif  // ODDVERB_BASE_URI_H_
