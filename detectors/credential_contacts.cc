#include "detectors/credential_contacts.h"

#include <algorithm>

#include "model/finding_state.h"

namespace oddverb {
namespace {

// Same text up to the cut.
bool SameAgent(std::string_view kept, std::string_view seen) {
  if (seen.size() <= Contact::kMaxAgentBytes) return kept == seen;
  return kept == Bounded(seen, Contact::kMaxAgentBytes);
}

void NoteAgent(std::string_view agent, Contact& contact) {
  for (const std::string& known : contact.user_agents) {
    if (SameAgent(known, agent)) return;
  }
  if (contact.user_agents.size() < Contact::kMaxAgents) {
    contact.user_agents.push_back(Bounded(agent, Contact::kMaxAgentBytes));
  }
}

}  // namespace

bool Contact::SharesAgentWith(const Contact& other) const {
  return std::any_of(user_agents.begin(), user_agents.end(),
                     [&](const std::string& agent) {
                       return std::find(other.user_agents.begin(),
                                        other.user_agents.end(),
                                        agent) != other.user_agents.end();
                     });
}

size_t CredentialContacts::Find(std::string_view ip) const {
  if (current_ < contacts_.size() && contacts_[current_].ip == ip) {
    return current_;
  }
  for (size_t i = 0; i < contacts_.size(); ++i) {
    if (contacts_[i].ip == ip) return i;
  }
  return contacts_.size();
}

size_t CredentialContacts::Insert(const AuditEvent& event) {
  if (contacts_.size() == kMaxContacts) {
    crowded_ = true;
    auto oldest = std::min_element(
        contacts_.begin(), contacts_.end(),
        [](const Contact& a, const Contact& b) {
          return a.last_use < b.last_use;
        });
    auto index = static_cast<size_t>(oldest - contacts_.begin());
    contacts_.erase(oldest);
    if (current_ > index) --current_;
    // The one used before was dropped: only if it was the oldest of all.
    if (current_ >= contacts_.size()) current_ = contacts_.size() - 1;
  }
  Contact& contact = contacts_.emplace_back();
  contact.ip = Bounded(event.source_ip, Finding::kMaxTextBytes);
  contact.first_use = {
      .audit_id = Bounded(event.audit_id, Finding::kMaxTextBytes),
      .time = event.stage_time,
      .verb = Bounded(event.verb, Finding::kMaxTextBytes),
      .uri = Bounded(event.request_uri, Contact::kMaxUriBytes),
      .code = event.response_code};
  contact.last_use = event.stage_time;
  return contacts_.size() - 1;
}

CredentialContacts::Use CredentialContacts::Add(const AuditEvent& event) {
  Use use;
  use.is_first = contacts_.empty();
  use.contact = Find(event.source_ip);
  use.is_new = use.contact == contacts_.size();
  if (use.is_new) use.contact = Insert(event);
  use.previous = use.is_first ? use.contact : current_;
  if (use.previous != use.contact) changes_.Add(event.stage_time);
  current_ = use.contact;
  Contact& contact = contacts_[use.contact];
  NoteAgent(event.user_agent, contact);
  contact.last_use = std::max(contact.last_use, event.stage_time);
  ++contact.uses;
  return use;
}

void CredentialContacts::Save(StateWriter& out) const {
  out.PutU64(contacts_.size());
  for (const Contact& contact : contacts_) {
    out.PutString(contact.ip);
    out.PutU64(contact.user_agents.size());
    for (const std::string& agent : contact.user_agents) out.PutString(agent);
    SaveEvidence(contact.first_use, out);
    out.PutTime(contact.last_use);
    out.PutI64(contact.uses);
    out.PutI64(contact.reported);
  }
  changes_.Save(out);
  out.PutU64(current_);
  out.PutU64(crowded_ ? 1 : 0);
}

void CredentialContacts::Load(StateReader& in) {
  contacts_.clear();
  for (uint64_t n = std::min(in.GetCount(8), uint64_t{kMaxContacts}); n > 0;
       --n) {
    Contact& contact = contacts_.emplace_back();
    contact.ip = std::string(in.GetString());
    for (uint64_t k = in.GetCount(1); k > 0; --k) {
      contact.user_agents.emplace_back(in.GetString());
    }
    contact.first_use = LoadEvidence(in);
    contact.last_use = in.GetTime();
    contact.uses = in.GetI64();
    contact.reported = static_cast<int>(in.GetI64());
  }
  changes_.Load(in);
  current_ = in.GetU64();
  if (current_ >= contacts_.size()) current_ = 0;
  crowded_ = in.GetU64() != 0;
}

}  // namespace oddverb
