#include "ingest/structural_index.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>

namespace oddverb {
namespace {

// simdjson allots 4 bytes of index for each byte of capacity.
constexpr size_t kUsualBytes = 512 * 1024;
constexpr size_t kExcessBytes = 8 * 1024 * 1024;
// Stage 1 has no depth; simdjson wants a number all the same.
constexpr size_t kMaxDepth = 1;

}  // namespace

class StructuralIndex::Parser {
 public:
  bool Reserve(size_t bytes) {
    if (parser_ != nullptr && bytes <= parser_->capacity()) return true;
    parser_.reset();
    size_t capacity = std::max(bytes, kUsualBytes);
    return simdjson::get_active_implementation()
               ->create_dom_parser_implementation(capacity, kMaxDepth,
                                                  parser_) == simdjson::SUCCESS;
  }

  simdjson::internal::dom_parser_implementation& get() { return *parser_; }

  void ReleaseExcess() {
    if (parser_ != nullptr && parser_->capacity() > kExcessBytes) {
      parser_.reset();
    }
  }

 private:
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

StructuralIndex::StructuralIndex() : parser_(std::make_unique<Parser>()) {}
StructuralIndex::~StructuralIndex() = default;

bool StructuralIndex::Build(std::string_view bytes) {
  begin_ = nullptr;
  size_ = 0;
  if (bytes.empty() || bytes.size() > std::numeric_limits<uint32_t>::max() ||
      !parser_->Reserve(bytes.size())) {
    return false;
  }
  simdjson::internal::dom_parser_implementation& parser = parser_->get();
  simdjson::error_code error =
      parser.stage1(reinterpret_cast<const uint8_t*>(bytes.data()),
                    bytes.size(), simdjson::stage1_mode::regular);
  if (error == simdjson::EMPTY) {  // white space only
    parser.n_structural_indexes = 0;
  } else if (error != simdjson::SUCCESS) {
    return false;
  }
  // There is room: simdjson allots 9 entries more than bytes, rounded up to
  // 64, and a byte makes at most one entry.
  uint32_t* end = parser.structural_indexes.get() + parser.n_structural_indexes;
  std::fill_n(end, kSentinels, static_cast<uint32_t>(bytes.size()));
  begin_ = parser.structural_indexes.get();
  size_ = parser.n_structural_indexes;
  return true;
}

void StructuralIndex::ReleaseExcess() {
  begin_ = nullptr;
  size_ = 0;
  parser_->ReleaseExcess();
}

}  // namespace oddverb
