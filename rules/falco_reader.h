// How the values of Falco's fields are made from an event. Immutable;
// thread-safe.
#ifndef ODDVERB_RULES_FALCO_READER_H_
#define ODDVERB_RULES_FALCO_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "rules/event_fields.h"
#include "rules/rule_field.h"

namespace oddverb {

// A field as the table in falco_field.cc has it.
struct FalcoRow {
  enum class Argument : uint8_t { kNone, kIndex, kKey };
  enum class Shape : uint8_t {
    // One text.
    kText,
    kPointer,    // the key is the path
    kPodName,    // only of a request for a pod itself
    kParameter,  // of the query: the first of that name, decoded
    kFirstImage,
    kFirstRepository,
    kAnyPrivileged,
    kHasHostPath,  // "true" or "false"; "*" at the key's end: a prefix
    kHasName,      // "true", as in Falco
    kConstant,     // `path` itself
    kWhole,        // the event, indented
    kRawTime,      // nanoseconds
    kTime,
    kTimeSeconds,
    kIso8601,
    kDateTime,
    kDateTimeSeconds,
    // One number.
    kRawTimeNumber,
    kRawTimeSeconds,
    kRawTimeRest,
    // Lists. Arrays along the path are entered, or one element of each where
    // an index is given.
    kItems,         // of the array at the path
    kEach,          // what lacks the value is passed over
    kEachJoined,    // the value is an array: with blanks between its elements
    kEachOrNone,    // if one lacks it, there is nothing at all
    kRepositories,  // the same, without tag and digest
    kFlat,          // the elements of the arrays at the path
    kHostPorts,
    kEffective,  // or the pod's own, or "0"
    kVolumeTypes,
    kSubjects,  // names of those whose kind is `path`
    kSubjectsWithNamespace,
  };
  std::string_view name;
  Shape shape = Shape::kText;
  Argument argument = Argument::kNone;
  std::string_view path;

  bool IsList() const { return shape >= Shape::kItems; }
  bool IsNumber() const {
    return shape >= Shape::kRawTimeNumber && shape < Shape::kItems;
  }
};

class FalcoReader : public RuleFieldReader {
 public:
  static constexpr int kAll = -1;
  struct Source {
    const FalcoRow* row = nullptr;
    std::vector<std::string> parts;  // of the path
    std::string key;
    int index = kAll;
    // Where the decoder has it; nullptr elsewhere.
    const EventField* place = nullptr;
  };
  explicit FalcoReader(Source source) : source_(std::move(source)) {}

  void Read(const RuleRecord& record, Arena& arena,
            std::vector<FieldValue>& out) const override;
  FieldSet fields() const override;
  const EventField* decoded() const override { return source_.place; }

 private:
  Source source_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_READER_H_
