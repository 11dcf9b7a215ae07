#include "bench/detection/traffic.h"

#include <utility>

namespace oddverb {
namespace {

// Of the requests to an API server without its caches; the rest waited.
constexpr double kRefusedWhileCold = 0.8;

// Also what is tried until it succeeds: minting, which has an annotation.
bool IsOpenToAll(const Question& question) {
  return !question.annotations.empty() || !question.path.empty() ||
         question.resource.starts_with("selfsubject");
}

}  // namespace

void Traffic::Start(std::unique_ptr<Process> process, Micros at) {
  queue_.push({at, number_++, true, processes_.size()});
  processes_.push_back(std::move(process));
}

void Traffic::AskAt(Micros at, const Client* client, Question question,
                    Answer answer) {
  size_t index = waiting_.size();
  if (free_.empty()) {
    waiting_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  waiting_[index] = {client, std::move(question), std::move(answer)};
  queue_.push({at, number_++, false, index});
}

void Traffic::AskNow(const Client& client, const Question& question,
                     const Answer& answer, Micros now) {
  if (client.is_off) return;
  if (answer.outcome == Outcome::kAllowed && client.actor >= 0 &&
      !IsOpenToAll(question)) {
    const Actor& actor = cluster_.actors()[static_cast<size_t>(client.actor)];
    bool lost = now >= actor.lost_from && now < actor.lost_until;
    bool cold = now < cold_until_[static_cast<size_t>(client.server)] &&
                actor.kind != Actor::Kind::kControlPlane &&
                random_.Chance(kRefusedWhileCold);
    if (lost || cold) {
      sink_.Take(client, question, Refused(), now);
      return;
    }
  }
  sink_.Take(client, question, answer, now);
}

void Traffic::Restart(int server, Micros until) {
  cold_until_[static_cast<size_t>(server)] = until;
}

bool Traffic::Next() {
  if (queue_.empty()) return false;
  Entry entry = queue_.top();
  queue_.pop();
  now_ = entry.time;
  if (entry.is_process) {
    Micros next = processes_[entry.index]->Step(*this, now_);
    if (next == Process::kNever) {
      processes_[entry.index].reset();
    } else {
      queue_.push({next, number_++, true, entry.index});
    }
    return true;
  }
  Waiting waiting = std::move(waiting_[entry.index]);
  free_.push_back(entry.index);
  AskNow(*waiting.client, waiting.question, waiting.answer, now_);
  return true;
}

}  // namespace oddverb
