// The requests of a real audit log, with its paths, bodies and annotations, to
// be asked by made-up identities (identity_load.h): what an event costs depends
// on what it asks for, and real events are longer than made-up ones.
// Immutable once loaded.
#ifndef ODDVERB_BENCH_RECORDED_REQUESTS_H_
#define ODDVERB_BENCH_RECORDED_REQUESTS_H_

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bench/identity_load.h"

namespace oddverb {

class RecordedRequests {
 public:
  static constexpr uint64_t kMostEvents = 20'000;  // that are read

  // Of a plain log, a line an event. Left out is what the control plane and
  // nodes ask, who are few in any cluster, what is asked in another's name, and
  // all stages but the last, and lines that are no JSON object. NotFound: no
  // such file. InvalidArgument: nothing is left.
  static absl::StatusOr<RecordedRequests> Load(const std::string& path) {
    std::ifstream file(path);
    if (!file) return absl::NotFoundError("cannot open " + path);
    RecordedRequests all;
    simdjson::dom::parser parser;
    std::string line;
    for (uint64_t events = 0; events < kMostEvents && std::getline(file, line);
         ++events) {
      simdjson::dom::object event;
      if (parser.parse(line).get(event) == simdjson::SUCCESS) all.Add(event);
    }
    if (std::all_of(all.allowed_.begin(), all.allowed_.end(),
                    [](const auto& requests) { return requests.empty(); })) {
      return absl::InvalidArgumentError(
          path + ": no requests of service accounts, people or anonymous");
    }
    for (auto& requests : all.allowed_) {
      // Whom a made-up identity follows is most often one.
      std::stable_sort(
          requests.begin(), requests.end(),
          [](const Request& a, const Request& b) { return a.user < b.user; });
    }
    return all;
  }

  // As WriteEvent(), which has the rest where the log has nothing of the kind:
  // an identity asks for `load.kinds` requests that follow each other in what
  // one of the log's users asked, again and again.
  void Write(const oddverb::Load& load, uint64_t serial, uint32_t who,
             uint64_t n, std::string& out) const {
    const auto cast = static_cast<size_t>(CastOf(who));
    const std::vector<Request>& requests =
        IsRefused(load, who, n) ? refused_[cast] : allowed_[cast];
    if (requests.empty()) return WriteEvent(load, serial, who, n, out);
    const uint64_t first =
        who % kFewIdentities * uint64_t{0x9e3779b97f4a7c15} >> 32;
    const Request& request =
        requests[(first + n % load.kinds) % requests.size()];
    const EventText text(serial, who);
    for (const Piece& piece : request.pieces) {
      out += piece.before;
      switch (piece.slot) {
        case Slot::kId:
          out += text.id;
          break;
        case Slot::kUser:
          AppendUser(who, text.ns, out);
          break;
        case Slot::kAddress:
          out += text.address;
          break;
        case Slot::kTime:
          out += text.stamp;
          break;
        case Slot::kNamespace:
          out += text.ns;
          break;
        case Slot::kEnd:
          break;
      }
    }
  }

 private:
  enum class Slot : uint8_t { kId, kUser, kAddress, kTime, kNamespace, kEnd };

  struct Piece {
    std::string before;
    Slot slot = Slot::kEnd;
  };

  struct Request {
    std::string user;
    std::vector<Piece> pieces;
  };

  static std::string_view Text(simdjson::dom::object object, const char* key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? text
                                                      : std::string_view();
  }

  void Add(simdjson::dom::object event) {
    simdjson::dom::object user, status, reference;
    simdjson::dom::element other;
    int64_t code = 0;
    if (Text(event, "stage") != "ResponseComplete" ||
        event["user"].get(user) != simdjson::SUCCESS ||
        event["responseStatus"].get(status) != simdjson::SUCCESS ||
        status["code"].get(code) != simdjson::SUCCESS ||
        event["impersonatedUser"].get(other) == simdjson::SUCCESS) {
      return;
    }
    const std::string_view name = Text(user, "username");
    Cast cast = Cast::kPerson;
    if (name.starts_with("system:serviceaccount:")) {
      if (name.starts_with("system:serviceaccount:kube-system:")) return;
      cast = Cast::kServiceAccount;
    } else if (name == "system:anonymous") {
      cast = Cast::kAnonymous;
    } else if (name.starts_with("system:")) {
      return;
    }
    std::string_view ns;
    if (event["objectRef"].get(reference) == simdjson::SUCCESS) {
      ns = Text(reference, "namespace");
    }
    Request request = {std::string(name), Cut(event, ns)};
    if (code < 400) {
      allowed_[static_cast<size_t>(cast)].push_back(std::move(request));
    } else if (code == 403) {
      refused_[static_cast<size_t>(cast)].push_back(std::move(request));
    }
  }

  // What stays of an event, with slots for what each has of its own. Bodies
  // keep their names.
  static std::vector<Piece> Cut(simdjson::dom::object event,
                                std::string_view ns) {
    std::vector<Piece> pieces(1);
    auto slot = [&](std::string_view before, Slot what) {
      pieces.back().before += before;
      pieces.back().slot = what;
      pieces.emplace_back();
    };
    // `text` is JSON: each place where `pattern` stands for the namespace.
    auto with_namespace = [&](std::string text, std::string_view before,
                              std::string_view after) {
      const std::string pattern = absl::StrCat(
          std::string(before), std::string(ns), std::string(after));
      size_t place = ns.empty() ? std::string::npos : text.find(pattern);
      if (place != std::string::npos) {
        slot(text.substr(0, place + before.size()), Slot::kNamespace);
        text.erase(0, place + before.size() + ns.size());
      }
      pieces.back().before += text;
    };
    char separator = '{';
    for (const auto field : event) {
      const std::string_view key = field.key;
      pieces.back().before += absl::StrCat(std::string(1, separator), "\"",
                                           std::string(key), "\":");
      separator = ',';
      if (key == "auditID") {
        slot("\"", Slot::kId);
        pieces.back().before += '"';
      } else if (key == "user") {
        slot("", Slot::kUser);
      } else if (key == "sourceIPs") {
        slot("[\"", Slot::kAddress);
        pieces.back().before += "\"]";
      } else if (key == "requestReceivedTimestamp" || key == "stageTimestamp") {
        slot("\"", Slot::kTime);
        pieces.back().before += '"';
      } else if (key == "requestURI") {
        with_namespace(simdjson::to_string(field.value), "/namespaces/", "");
      } else if (key == "objectRef") {
        with_namespace(simdjson::to_string(field.value), "\"namespace\":\"",
                       "\"");
      } else {
        pieces.back().before += simdjson::to_string(field.value);
      }
    }
    pieces.back().before += '}';
    return pieces;
  }

  // By Cast.
  std::array<std::vector<Request>, 3> allowed_, refused_;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_RECORDED_REQUESTS_H_
