// A field of a rule: a name, resolved once to the way in which its values are
// read from an event. Immutable and cheap to copy; thread-safe.
//
// A name is tried in this order:
// 1. the path in the event: "objectRef.resource", "user.extra.KEY",
//    "annotations.authorization.k8s.io/decision", "requestObject.spec.hostPID";
// 2. "derived.command" (what an exec runs, decoded), "derived.path" and
//    "derived.query.NAME" (parts of requestURI, decoded);
// 3. the short names that published rules use: "namespace", "hostPath", ...
//    (short_names.cc), also behind "kubernetes.audit.";
// 4. "pod.NAME" and "container.NAME": of every pod in a body, of every
//    container of it, whether pod, workload template or CronJob.
#ifndef ODDVERB_RULES_RULE_FIELD_H_
#define ODDVERB_RULES_RULE_FIELD_H_

#include <compare>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/arena.h"
#include "model/field.h"
#include "rules/json_path.h"
#include "rules/pod_parts.h"
#include "rules/rule_record.h"

namespace oddverb {

struct EventBody;
struct EventField;

// How another rule language reads a field of its own. Immutable; thread-safe.
class RuleFieldReader {
 public:
  virtual ~RuleFieldReader() = default;
  // As Field::Read(). Never called for an element of an array.
  virtual void Read(const RuleRecord& record, Arena& arena,
                    std::vector<FieldValue>& out) const = 0;
  virtual FieldSet fields() const = 0;
  // As Field::decoded().
  virtual const EventField* decoded() const { return nullptr; }
};

class Field {
 public:
  // What "[0]" in a name means: as Sigma 2 has it, a letter of the name, or as
  // the coming Sigma 3 has it, the position in an array ("\[" is a letter).
  enum class Brackets { kLiteral, kPositions };
  static constexpr size_t kMaxNameBytes = 512;

  // InvalidArgument for an empty, overlong or too deep name, and for bad
  // brackets. "." names the value under judgement itself.
  static absl::StatusOr<Field> Compile(std::string_view name,
                                       Brackets brackets);
  // All texts of the event and their keys: what keywords are searched in.
  static Field Everything();
  // A field of another language. REQUIRES: equal names read the same.
  static Field Of(std::string name,
                  std::shared_ptr<const RuleFieldReader> reader);

  const std::string& name() const;
  bool is_everything() const;

  // Appends the values to `out`; they borrow from the event and from `arena`.
  // `pods`: what is known of this event already, for "pod." and "container.".
  void Read(const RuleRecord& record, Arena& arena,
            std::vector<FieldValue>& out, PodParts* pods = nullptr) const;

  // What the decoder has to read for it.
  FieldSet fields() const;

  // Whether the decoder keeps it in a place of its own, so that reading it from
  // an audit event costs next to nothing.
  bool IsDecoded() const { return decoded() != nullptr; }
  // The same, and it has at most one value.
  bool IsDecodedScalar() const;
  // That place; nullptr if there is none.
  const EventField* decoded() const;
  // The part of an audit event that the decoder keeps as JSON text and that all
  // values come from; nullptr if there is none.
  const EventBody* body() const;

  // Whether the audit format knows such a field. What lies in objects, in
  // annotations and in user.extra is free.
  bool IsOfAuditEvent() const;

  friend bool operator==(const Field& a, const Field& b) {
    return a.name() == b.name();
  }
  friend auto operator<=>(const Field& a, const Field& b) {
    return a.name() <=> b.name();
  }

 private:
  struct Compiled;
  explicit Field(std::shared_ptr<const Compiled> compiled);

  std::shared_ptr<const Compiled> compiled_;
};

// Names of the fields of an audit event with a place of their own, and the
// short ones; sorted. For "did you mean".
std::vector<std::string> KnownFieldNames();

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_FIELD_H_
